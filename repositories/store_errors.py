"""What an error of a database means.

Repeatable        <-  deadlock victim, snapshot conflict: the transaction was rolled back and may simply be repeated
StoreUnavailable  <-  locked, link lost, time-out, shutting down, out of room: whether a commit happened is not known
IntegrityError    <-  passes: a broken key is the repository's to translate
everything else   <-  passes: a bug
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from repositories.ports.errors import StoreUnavailable

REPEAT_STATES = {"40001", "40P01"}  # serialization failure, deadlock
AWAY_STATES = (  # SQLSTATEs, or the beginning of some
    "08",  # connection
    "25006",  # read-only: the server we are connected to has become a standby
    "25P03",  # idle in a transaction for too long
    "40003",  # completion unknown
    "53",  # no memory, no disk, no connection left
    "55P03",  # lock not available
    "57014",  # statement time-out
    "57P",  # shutting down, starting up, crashed
    "58",  # the system beneath
    "HYT",  # time-out, of ODBC
)

# SQL Server's own numbers: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
REPEAT = {1205, 3960}  # deadlock victim, snapshot conflict
DUPLICATES = {2601, 2627}  # of a unique index, of a constraint
LINK_LOST = {
    *(64, 121, 233, 596, 6005),  # network, session killed, shutting down
    *(10053, 10054, 10060),
    *(20003, 20004, 20006, 20017, 20047),  # FreeTDS: time-out, read, write, end of file, dead
}
AWAY = LINK_LOST | {
    *(701, 802, 1105, 1204, 9002),  # no memory, no disk, no locks, no log left
    1222,  # lock time-out
    *(615, 904, 921, 922, 927, 941, 942, 945, 952, 976, 978, 983),  # the database is not up, or not here
    *(3906, 3908),  # read-only
    *(4060, 18401, 18456),  # cannot be opened, upgrade in progress, login failed
    *(10928, 10929, 40197, 40501, 40540, 40613, 49918, 49919, 49920),  # Azure
}
SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
NUMBER = re.compile(
    r"\((-?\d+)\)(?= \(SQL|; \[|$)"
)  # "... deadlock victim. Rerun the transaction. (1205) (SQLExecDirectW)"


class Repeatable(StoreUnavailable):
    """The database rolled the transaction back and asks to repeat it."""


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        if (meaning := meaning_of(error)) is error:  # raised from itself, it would be its own cause
            raise
        raise meaning from error
    except PoolExhausted as error:
        raise StoreUnavailable("every connection is in use") from error
    except sqlite3.OperationalError as error:  # of our own BEGIN IMMEDIATE
        raise StoreUnavailable("the database is locked") from error


def meaning_of(error: DBAPIError) -> Exception:
    """What to raise instead; `error` itself if it is a bug."""
    state, numbers = marks_of(error.orig)
    if state in REPEAT_STATES or numbers & REPEAT:
        return Repeatable("the database asks to repeat the transaction")
    if error.connection_invalidated or error.statement is None:  # while connecting, or at the commit
        return StoreUnavailable("the database did not answer")
    if state.startswith(AWAY_STATES) or numbers & AWAY or _sqlite_code(error.orig) in SQLITE_AWAY:
        return StoreUnavailable("the database did not answer")
    return error


def marks_of(error: BaseException | None) -> tuple[str, frozenset[int]]:
    """SQLSTATE as the driver gives it, and SQL Server's numbers, which pyodbc gives in the text alone."""
    if state := getattr(error, "sqlstate", None):  # psycopg
        return str(state), frozenset()
    arguments = error.args if error is not None else ()
    if len(arguments) == 2 and all(isinstance(one, str) for one in arguments):  # pyodbc: SQLSTATE, text
        return arguments[0], frozenset(int(number) for number in NUMBER.findall(arguments[1]))
    return "", frozenset()


def _sqlite_code(error: BaseException | None) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
