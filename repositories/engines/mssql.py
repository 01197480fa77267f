"""SQL Server through pyodbc. Microsoft's ODBC Driver 18 is meant; FreeTDS works, with what is said of it here.

Two settings of the database are needed, and `repositories.migrations.upgrade` turns them on: READ_COMMITTED_SNAPSHOT,
so that reads never wait for writers, and ALLOW_SNAPSHOT_ISOLATION, for reads of one moment.
"""

import math
import re
from contextlib import suppress
from datetime import timedelta
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import IntegrityError

from repositories.ports.errors import DriverMissing
from repositories.store_errors import DUPLICATES, LINK_LOST, marks_of

NO_ODBC = "SQL Server is reached through pyodbc, which needs unixODBC: apt-get install unixodbc"
HOW_TO_GET_A_DRIVER = (
    "The ODBC driver {name!r} is not registered on this machine (known: {known}). For SQL Server install Microsoft's "
    "msodbcsql18, or its wheel mssql-python-odbc, or Debian's tdsodbc (FreeTDS): docs/how-to/databases.md"
)
DRIVER = re.compile(r"(?:^|;)\s*driver\s*=\s*(?:\{((?:[^}]|\}\})*)\}|([^;]*))", re.IGNORECASE)


def open_mssql(url: str, *, pool_size: int, timeout: timedelta) -> Engine:
    """Raises DriverMissing."""
    load_pyodbc(url)
    seconds = math.ceil(timeout.total_seconds())
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=seconds,
        pool_pre_ping=True,
        hide_parameters=True,  # an error that is logged names nobody
        connect_args={"timeout": seconds},  # of logging in
        # Types that say VARCHAR where a column is VARCHAR, so that its index is used. FreeTDS then refuses long texts.
        use_setinputsizes=not is_freetds(url),
    )
    watch(engine, seconds)
    return engine


def load_pyodbc(url: str) -> ModuleType:
    """pyodbc without a pool of its own, if the driver that `url` names is on this machine. Raises DriverMissing."""
    try:
        import pyodbc
    except ImportError as error:  # its wheel does not bring libodbc along
        raise DriverMissing(NO_ODBC) from error
    pyodbc.pooling = False  # or a second pool, of connections that nobody checks, stands behind ours
    name, known = driver_of(url), pyodbc.drivers()
    if name is not None and name not in known and not name.startswith("/"):
        raise DriverMissing(HOW_TO_GET_A_DRIVER.format(name=name, known=", ".join(sorted(known)) or "none"))
    return pyodbc  # type: ignore[no-any-return]


def driver_of(url: str) -> str | None:
    """None if a data source of odbc.ini names it."""
    query = {name.lower(): str(value) for name, value in make_url(url).query.items()}
    if found := DRIVER.search(query.get("odbc_connect", "")):
        return found[2].strip() if found[1] is None else found[1].replace("}}", "}")
    return query.get("driver")


def is_freetds(url: str) -> bool:
    name = (driver_of(url) or "").lower()
    return "freetds" in name or "tdsodbc" in name


def watch(engine: Engine, seconds: int) -> None:
    """A time-out for every statement, and errors that mean what the server's number says."""

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        with suppress(engine.dialect.loaded_dbapi.Error):  # of a driver that knows no time-outs
            connection.timeout = seconds

    event.listen(engine, "handle_error", go_by_number)


def go_by_number(context: ExceptionContext) -> None:
    """Drivers give the same error different classes, and a lost link different SQLSTATEs."""
    _state, numbers = marks_of(context.original_exception)
    if context.is_pre_ping or numbers & LINK_LOST:  # whatever it was that a ping met: a new connection is better
        context.is_disconnect = True
    if numbers & DUPLICATES and not isinstance(context.sqlalchemy_exception, IntegrityError):
        raise IntegrityError(context.statement, context.parameters, context.original_exception, hide_parameters=True)
