"""What an error of a database means: by SQLSTATE or number, never by its words alone."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from repositories.engines.mssql import go_by_number
from repositories.ports.errors import StoreUnavailable
from repositories.store_errors import Repeatable, marks_of, translated


class OdbcError(Exception):
    """As pyodbc raises them: SQLSTATE, and a text with the server's number in it."""


def microsoft(state: str, number: int, words: str = "Something happened.") -> OdbcError:
    text = f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{words} ({number}) (SQLExecDirectW)"
    return OdbcError(state, text)


def freetds(state: str, number: int, words: str = "Something happened.") -> OdbcError:
    return OdbcError(state, f"[{state}] [FreeTDS][SQL Server]{words} ({number}) (SQLExecute)")


class PostgresError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("words")
        self.sqlstate = sqlstate


def sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = code
    return error


def meaning(original: Exception, *, statement: str | None = "SELECT 1", is_invalidated: bool = False) -> Exception:
    given = DBAPIError(statement, None, original, connection_invalidated=is_invalidated)
    with pytest.raises(Exception) as found, translated():
        raise given
    return found.value


@pytest.mark.parametrize(
    "original",
    [
        microsoft("40001", 1205, "Transaction (Process ID 52) was deadlocked."),
        freetds("42000", 1205, "Transaction (Process ID 52) was deadlocked."),
        microsoft("42000", 3960, "Snapshot isolation transaction aborted due to update conflict."),
        PostgresError("40001"),
        PostgresError("40P01"),
        OdbcError("40P01", "[40P01] ERROR: deadlock detected;\nError while executing the query (1) (SQLExecDirectW)"),
    ],
)
def test_a_victim_repeats_its_transaction(original: Exception) -> None:
    assert type(meaning(original)) is Repeatable


@pytest.mark.parametrize(
    "original",
    [
        microsoft("08S01", 0, "Communication link failure"),
        microsoft("08001", 10060),
        microsoft("HYT00", 0, "Query timeout expired"),
        microsoft("HYT01", 0),
        microsoft("42000", 1222, "Lock request time out period exceeded."),
        microsoft("42000", 9002, "The transaction log is full."),
        microsoft("42000", 4060, "Cannot open database."),
        microsoft("28000", 18456, "Login failed."),
        microsoft("42000", 40613),
        microsoft("25000", 3906, "read-only"),
        freetds("HY000", 20004, "Read from the server failed"),
        freetds("HY000", 20006, "Write to the server failed"),
        *(PostgresError(state) for state in ("08006", "57P01", "57P03", "53300", "53100", "55P03", "57014", "25006")),
        *(sqlite(code) for code in (5, 6, 10, 13, 14, 261, 266, 517)),
    ],
)
def test_a_store_that_does_not_answer_is_not_available(original: Exception) -> None:
    assert type(meaning(original)) is StoreUnavailable


@pytest.mark.parametrize(
    "original",
    [
        microsoft("42S02", 208, "Invalid object name 'bookings (1205)'."),
        microsoft("22003", 8115, "Arithmetic overflow converting 1205 to 3960 (1205)."),
        microsoft("42000", 102, "Incorrect syntax near '08S01'."),
        PostgresError("42P01"),
        PostgresError("22001"),
        sqlite(1),
        ValueError("database is locked (1205)"),
    ],
)
def test_anything_else_is_a_bug_whatever_its_words_say(original: Exception) -> None:
    assert type(meaning(original)) is DBAPIError


@pytest.mark.parametrize("original", [microsoft("IM004", 0), PostgresError(None), OdbcError("words alone")])
def test_what_fails_while_connecting_or_committing_leaves_us_not_knowing(original: Exception) -> None:
    assert type(meaning(original, statement=None)) is StoreUnavailable
    assert type(meaning(original, is_invalidated=True)) is StoreUnavailable
    assert type(meaning(original)) is DBAPIError


def test_a_pool_that_is_used_up_is_a_store_that_is_not_available() -> None:
    with pytest.raises(StoreUnavailable), translated():
        raise PoolExhausted


def test_a_broken_key_passes_as_it_is() -> None:
    broken = IntegrityError("INSERT", None, microsoft("23000", 2627))
    with pytest.raises(IntegrityError), translated():
        raise broken


def test_of_several_messages_every_number_is_read() -> None:
    text = "[01000] [Microsoft]The statement has been terminated. (3621); [23000] Violation. (2627) (SQLExecDirectW)"
    assert marks_of(OdbcError("23000", text)) == ("23000", frozenset({3621, 2627}))
    assert marks_of(None) == ("", frozenset())


def test_a_bug_passes_as_it_is_and_is_not_its_own_cause() -> None:
    bug = DBAPIError("SELECT", None, Exception("no such column"))
    with pytest.raises(DBAPIError) as raised, translated():
        raise bug
    assert raised.value is bug
    assert bug.__cause__ is None


# --- drivers that disagree about classes ---------------------------------------------------


@dataclass
class Context:
    """What SQLAlchemy's handle_error event is given."""

    original_exception: Exception
    sqlalchemy_exception: Any = None
    statement: str = "INSERT"
    parameters: Any = None
    is_disconnect: bool = False
    is_pre_ping: bool = False


@pytest.mark.parametrize("number", [2601, 2627])
def test_a_duplicate_is_a_broken_key_whatever_class_the_driver_gave_it(number: int) -> None:
    context = Context(freetds("HY000", number), DBAPIError("INSERT", None, Exception()))
    context.parameters = {"name": "Zaynab"}
    with pytest.raises(IntegrityError) as raised:
        go_by_number(context)  # type: ignore[arg-type]
    assert "Zaynab" not in str(raised.value)
    known = Context(microsoft("23000", number), IntegrityError("INSERT", None, Exception()))
    go_by_number(known)  # type: ignore[arg-type]


def test_a_link_that_freetds_lost_is_a_lost_link() -> None:
    lost, other = Context(freetds("HY000", 20004)), Context(freetds("HY000", 208))
    pinged = Context(freetds("HY000", 208), is_pre_ping=True)
    for context in (lost, other, pinged):
        go_by_number(context)  # type: ignore[arg-type]
    assert (lost.is_disconnect, other.is_disconnect, pinged.is_disconnect) == (True, False, True)
