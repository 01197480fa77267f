"""One database: its reads and its transactions."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar
from weakref import ref

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from repositories.columns import NAMING, BigId, UtcDateTime, exact, text
from repositories.deed_rows import leaving_deeds
from repositories.engines.manner import MANNERS
from repositories.engines.together import Together
from repositories.ports.errors import DriverMissing, StoreUnavailable
from repositories.store_errors import Repeatable, translated

__all__ = ["NAMING", "BigId", "Database", "UtcDateTime", "count_on", "exact", "open_database", "text"]

T = TypeVar("T")

TRIES = 3  # of a transaction that the database itself asks to repeat
CHUNK = 500  # values in one IN list; SQL Server takes about 2,100 parameters a statement


def count_on(connection: Connection, *tables: Table) -> None:
    """After rows that were given their ids, PostgreSQL must be told where to go on; the others see for themselves."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            sequence = func.pg_get_serial_sequence(table.name, "id")
            connection.execute(select(func.setval(sequence, func.max(table.c.id))))


def in_chunks(values: Sequence[T]) -> Iterator[list[T]]:
    """The values, as many at a time as an IN list may hold."""
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])


class Database:
    """One database: reads, and writes that are one transaction, repeated when the database asks for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.repeated: Callable[[], None] = lambda: None  # told when the database asks to repeat a transaction
        self._manner = MANNERS[engine.dialect.name]
        self._together = Together(self._writing) if self._manner.takes_turns else None
        _forget_in_children(self.engine)

    @contextmanager
    def reading(self, *, one_moment: bool = False) -> Iterator[Connection]:
        """A connection to read on; with `one_moment`, several statements see the same state of the database."""
        options = self._manner.one_moment if one_moment else self._manner.reading
        with translated(), self.engine.connect() as connection:
            if options:
                connection.execution_options(**options)
            if one_moment and self._manner.begin_moment is not None:
                self._manner.begin_moment(connection)
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, which also leaves a deed of whoever acts (repositories/acting.py).

        Raises StoreUnavailable; then whether it committed is not known.
        Whatever `work` raises rolls back. An IntegrityError must not be survived inside `work`: PostgreSQL has
        given the transaction up by then.
        """
        for _ in range(TRIES - 1):
            try:
                return self._write_once(work)
            except Repeatable:
                self.repeated()
        return self._write_once(work)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        def work_and_deeds(connection: Connection) -> T:
            with leaving_deeds(connection):
                return work(connection)

        with translated():
            if self._together is not None:
                return self._together.write(work_and_deeds)
            with self._writing() as connection:
                return work_and_deeds(connection)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction, committed at the end."""
        with self.engine.connect() as connection:
            if self._manner.writing:
                connection.execution_options(**self._manner.writing)
            with connection.begin():
                if self._manner.begin_writing is not None:
                    self._manner.begin_writing(connection)
                yield connection

    def is_reachable(self) -> bool:
        try:
            with self.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
        except StoreUnavailable:
            return False
        return True

    def in_use(self) -> int:
        """Connections of this process in use now."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def most(self) -> int:
        """Connections that may be in use at one time; 0: no bound."""
        pool = self.engine.pool
        return pool.size() + pool._max_overflow if isinstance(pool, QueuePool) else 0

    def close(self) -> None:
        self.engine.dispose()


def _forget_in_children(engine: Engine) -> None:
    """A forked child opens connections of its own: two processes on one would read each other's answers."""
    known = ref(engine)

    def forget() -> None:
        if (inherited := known()) is not None:
            inherited.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


STATEMENT_TIMEOUT = timedelta(seconds=10)
NO_PSYCOPG = "PostgreSQL is reached through psycopg, which is not installed: pip install 'psycopg[binary]'"


def open_database(url: str, *, pool_size: int = 10, timeout: timedelta = STATEMENT_TIMEOUT) -> Database:
    """A database of one of the three engines; connects lazily. Raises DriverMissing.

    `timeout` is of one statement, and of connecting; a SQLite file is waited for as sqlite.BUSY_SECONDS says.
    """
    return Database(_open_engine(url, pool_size=pool_size, timeout=timeout))


def require_driver(url: str) -> None:
    """Raises DriverMissing, with one line on how to get it; better when a process starts than at its first booking."""
    open_database(url).close()


def _open_engine(url: str, *, pool_size: int, timeout: timedelta) -> Engine:
    """Each engine's module is imported only where it is used: it needs a driver that others need not have."""
    match make_url(url).get_backend_name():
        case "postgresql":
            try:
                from repositories.engines.postgresql import open_postgresql
            except ImportError as error:
                raise DriverMissing(NO_PSYCOPG) from error
            return open_postgresql(url, pool_size=pool_size, timeout=timeout)
        case "mssql":
            from repositories.engines.mssql import open_mssql

            return open_mssql(url, pool_size=pool_size, timeout=timeout)
        case _:
            from repositories.engines.sqlite import open_sqlite

            return open_sqlite(url, pool_size=pool_size)
