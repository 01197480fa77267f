"""One database: its engine, its transactions, and the translation of its errors.

StoreUnavailable  <-  locked, deadlock victim, snapshot conflict, link lost, time-out
everything else   <-  passes: a broken key is the repository's to translate, the rest is a bug
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from sqlite3 import OperationalError as SqliteError
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Integer,
    TypeDecorator,
    Unicode,
    create_engine,
    event,
)
from sqlalchemy.dialects.mssql import DATETIME2
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from repositories.ports.errors import StoreUnavailable

T = TypeVar("T")

NAMING = {  # names that do not depend on the engine, so that migrations can name what they change
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

BUSY_SECONDS = 5
BUSY_TIMEOUT = f"PRAGMA busy_timeout={BUSY_SECONDS}000"
WRITING = "BEGIN IMMEDIATE"
TRIES = 3  # of a transaction that the database itself asks to repeat

BigId = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER PRIMARY KEY counts up by itself in SQLite


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant, stored naive with microseconds on every engine."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mssql":
            return dialect.type_descriptor(DATETIME2(6))  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def text(length: int) -> Unicode:
    """Text that can hold Arabic on every engine (NVARCHAR on SQL Server)."""
    return Unicode(length)


class Database:
    """One database: reads, and writes that are one transaction, repeated when the database asks for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # SQLite has one writer at a time; queueing our own threads here spares them its sleeping retries.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def reading(self, *, one_moment: bool = False) -> Iterator[Connection]:
        """A connection to read on; with `one_moment`, several statements see the same state of the database."""
        with translated(), self.engine.connect() as connection:
            yield connection.execution_options(begin="BEGIN") if one_moment else connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction. Raises StoreUnavailable; then whether it committed is not known."""
        for _ in range(TRIES - 1):
            try:
                return self._write_once(work)
            except Repeatable:
                continue
        return self._write_once(work)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with translated(), self._turn, self.engine.connect() as connection:
            connection = connection.execution_options(begin=WRITING)
            with connection.begin():
                return work(connection)

    def is_reachable(self) -> bool:
        try:
            with self.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
        except StoreUnavailable:
            return False
        return True

    def close(self) -> None:
        self.engine.dispose()


class Repeatable(StoreUnavailable):
    """The database rolled the transaction back and asks to repeat it."""


REPEAT = ("1205", "3960", "40001", "40P01")  # deadlock victim and snapshot conflict: SQL Server, PostgreSQL
LOST = (
    "08S01",
    "08001",
    "08006",
    "HYT00",
    "57P01",
    "57P03",
    "database is locked",
    "unable to open",
    "disk I/O error",
)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _translation(error) from error
    except SqliteError as error:  # of our own BEGIN IMMEDIATE
        raise StoreUnavailable("the database is locked") from error


def _translation(error: DBAPIError) -> Exception:
    facts = f"{getattr(error.orig, 'sqlstate', '')} {error.orig}"
    if any(mark in facts for mark in REPEAT):
        return Repeatable("the database asks to repeat the transaction")
    if error.connection_invalidated or any(mark in facts for mark in LOST):
        return StoreUnavailable("the database did not answer")
    return error


def open_database(url: str, *, pool_size: int = 10) -> Database:
    """A database of one of the three engines; connects lazily."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_open_sqlite(url, pool_size=pool_size))
    return Database(create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True))


def _open_sqlite(url: str, *, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (BUSY_TIMEOUT, "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"):
            connection.execute(pragma)
        _turn_on_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get("begin")
        if begin == WRITING:
            _take_write_lock(connection.connection.driver_connection)
        elif begin is not None:  # a lone SELECT needs none
            connection.exec_driver_sql(begin)

    return engine


def _turn_on_wal(connection: Any) -> None:
    """Write-ahead logging, and the shared lock that keeps it open.

    While another process changes the mode, recovers the log, or as the last one cleans it up, SQLite answers
    "locked" at once, without its busy timeout (https://www.sqlite.org/wal.html, section 2.3): we wait ourselves.
    """
    _when_not_locked(lambda: connection.execute("PRAGMA journal_mode=WAL"), every=0.01)


def _take_write_lock(connection: Any) -> None:
    """SQLite's own wait polls ever more slowly, up to 100 ms late; a write takes one or two."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        _when_not_locked(lambda: connection.execute(WRITING), every=0.001)
    finally:
        connection.execute(BUSY_TIMEOUT)


def _when_not_locked(work: Callable[[], object], *, every: float) -> None:
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            work()
            return
        except SqliteError as error:
            if error.sqlite_errorcode & 0xFF not in (SQLITE_BUSY, SQLITE_LOCKED) or monotonic() > deadline:
                raise
            sleep(every)
