"""What both trees' env.py do."""

from typing import Any

from alembic import context
from sqlalchemy import MetaData, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from repositories.dialects import as_of_2017


def migrate(metadata: MetaData) -> None:
    """Run the migrations on the URL that repositories.migrations put into the configuration, or write them as SQL."""
    url = context.config.attributes["url"]
    if context.is_offline_mode():
        _run(metadata, dialect_name=make_url(url).get_backend_name(), output_buffer=context.config.output_buffer)
        return
    with create_engine(url, poolclass=NullPool, hide_parameters=True).connect() as connection:
        _run(metadata, connection=connection)


def _run(metadata: MetaData, **where: Any) -> None:
    context.configure(target_metadata=metadata, user_module_prefix="", transaction_per_migration=True, **where)
    if context.is_offline_mode():
        as_of_2017(context.get_context().dialect)
    with context.begin_transaction():
        context.run_migrations()
