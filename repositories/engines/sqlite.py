"""SQLite: one file, one writer at a time. Why each of these: docs/decisions/0010-sqlite-as-embedded-default.md."""

from collections.abc import Callable
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from sqlite3 import OperationalError as SqliteError
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_SECONDS = 5
BUSY_TIMEOUT = f"PRAGMA busy_timeout={BUSY_SECONDS}000"


def open_sqlite(url: str, *, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,  # an error that is logged names nobody
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (BUSY_TIMEOUT, "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON"):
            connection.execute(pragma)
        _turn_on_wal(connection)

    return engine


def _turn_on_wal(connection: Any) -> None:
    """Write-ahead logging, and the shared lock that keeps it open.

    While another process changes the mode, recovers the log, or as the last one cleans it up, SQLite answers
    "locked" at once, without its busy timeout (https://www.sqlite.org/wal.html, section 2.3): we wait ourselves.
    """
    _when_not_locked(lambda: connection.execute("PRAGMA journal_mode=WAL"), every=0.01)


def take_write_lock(connection: Connection) -> None:
    """SQLite's own wait polls ever more slowly, up to 100 ms late; a write takes one or two."""
    execute = connection.connection.execute
    execute("PRAGMA busy_timeout=0")
    try:
        _when_not_locked(lambda: execute("BEGIN IMMEDIATE"), every=0.001)
    finally:
        execute(BUSY_TIMEOUT)


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
