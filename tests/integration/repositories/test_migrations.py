"""The migrations make exactly what the tables say, and every statement compiles for all three engines."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement

from repositories.database import open_database
from repositories.migrations import upgrade
from repositories.psyter_db.tables import metadata as psyter
from repositories.scheduling_db.tables import metadata as scheduling
from tests.conftest import FreshUrl
from tests.statements import statements

TREES = {"psyter_db": psyter, "scheduling_db": scheduling}
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect(), "mssql": mssql.dialect()}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("tree", "metadata"), TREES.items())
def test_a_migrated_database_is_what_the_tables_say(tree: str, metadata: MetaData, fresh_url: FreshUrl) -> None:
    url = fresh_url(tree)
    upgrade(url, tree=tree)
    database = open_database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


STATEMENTS = statements()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("name", "statement"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_compiles_on_every_engine(name: str, statement: ClauseElement, dialect: str) -> None:
    compiled = str(statement.compile(dialect=DIALECTS[dialect]))
    assert compiled


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("metadata", TREES.values(), ids=TREES)
def test_the_tables_compile_on_every_engine(metadata: MetaData, dialect: str) -> None:
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=DIALECTS[dialect]))
        for index in table.indexes:
            str(CreateIndex(index).compile(dialect=DIALECTS[dialect]))
