"""What each engine is told before a transaction begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAKE_WRITE_LOCK = "BEGIN IMMEDIATE"
LONE_SELECT = {"isolation_level": "AUTOCOMMIT"}  # without BEGIN and ROLLBACK around it


@dataclass(frozen=True, kw_only=True)
class Manner:
    """SQLAlchemy's execution options."""

    reading: Mapping[str, Any]  # statements that need not agree with each other
    one_moment: Mapping[str, Any]  # statements that all see the database as it was at the first
    writing: Mapping[str, Any]
    takes_turns: bool = False  # one writer at a time: our own threads queue up before they ask


MANNERS = {
    "sqlite": Manner(reading={}, one_moment={"begin": "BEGIN"}, writing={"begin": TAKE_WRITE_LOCK}, takes_turns=True),
    # The other two write under READ COMMITTED: a conditional UPDATE waits for whoever holds the row, then looks again.
    "postgresql": Manner(
        reading=LONE_SELECT,
        one_moment={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        writing={},
    ),
    "mssql": Manner(reading=LONE_SELECT, one_moment={"isolation_level": "SNAPSHOT"}, writing={}),
}
