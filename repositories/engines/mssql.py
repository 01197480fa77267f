"""SQL Server through pyodbc. Microsoft's ODBC Driver 18 is meant; FreeTDS works, with what is said of it here.

Two settings of the database are needed, and `repositories.migrations.upgrade` turns them on: READ_COMMITTED_SNAPSHOT,
so that reads never wait for writers, and ALLOW_SNAPSHOT_ISOLATION, for reads of one moment.
"""

import math
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError

from repositories.store_errors import DUPLICATES, LINK_LOST, marks_of


def open_mssql(url: str, *, pool_size: int, timeout: timedelta) -> Engine:
    import pyodbc  # needs unixODBC, which nobody else needs

    pyodbc.pooling = False  # or a second pool, of connections that nobody checks, stands behind ours
    seconds = math.ceil(timeout.total_seconds())
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=seconds,
        pool_pre_ping=True,
        connect_args={"timeout": seconds},  # of logging in
        # Types that say VARCHAR where a column is VARCHAR, so that its index is used. FreeTDS then refuses long texts.
        use_setinputsizes=not is_freetds(url),
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.timeout = seconds  # of one statement

    event.listen(engine, "handle_error", go_by_number)
    return engine


def is_freetds(url: str) -> bool:
    lowered = url.lower()
    return "freetds" in lowered or "tdsodbc" in lowered


def go_by_number(context: ExceptionContext) -> None:
    """Drivers give the same error different classes; the server's number says what it is."""
    _state, numbers = marks_of(context.original_exception)
    if numbers & LINK_LOST:
        context.is_disconnect = True
    if numbers & DUPLICATES and not isinstance(context.sqlalchemy_exception, IntegrityError):
        raise IntegrityError(context.statement, context.parameters, context.original_exception)
