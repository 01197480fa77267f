"""What each engine is told before a transaction begins.

Whoever listens to an engine's events makes every statement a tenth dearer, so nothing here does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from repositories.engines.sqlite import take_write_lock

LONE_SELECT = {"isolation_level": "AUTOCOMMIT"}  # without BEGIN and ROLLBACK around it


@dataclass(frozen=True, kw_only=True)
class Manner:
    """SQLAlchemy's execution options, and what they cannot say."""

    reading: Mapping[str, Any]  # statements that need not agree with each other
    one_moment: Mapping[str, Any]  # statements that all see the database as it was at the first
    writing: Mapping[str, Any]
    begin_moment: Callable[[Connection], object] | None = None  # for a driver that does not begin by itself
    begin_writing: Callable[[Connection], object] | None = None
    takes_turns: bool = False  # one writer at a time: our own threads queue up before they ask


MANNERS = {
    "sqlite": Manner(
        reading={},
        one_moment={},
        writing={},
        begin_moment=lambda connection: connection.exec_driver_sql("BEGIN"),
        begin_writing=take_write_lock,
        takes_turns=True,
    ),
    # The other two write under READ COMMITTED: a conditional UPDATE waits for whoever holds the row, then looks again.
    "postgresql": Manner(
        reading=LONE_SELECT,
        one_moment={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        writing={},
    ),
    "mssql": Manner(reading=LONE_SELECT, one_moment={"isolation_level": "SNAPSHOT"}, writing={}),
}
