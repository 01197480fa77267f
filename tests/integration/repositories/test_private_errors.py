"""What a database says of a row that it refuses reaches no log: it quotes the row, and a row names people."""

import ast
import io
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import structlog
from sqlalchemy import Connection, Executable, bindparam, insert, literal_column, select, update
from sqlalchemy.exc import SQLAlchemyError

import logs
from demo.stack import ROOT
from repositories.database import Database
from repositories.psyter_db.tables import organizations, users

GUEST = {
    "organization_id": 1,
    "reference_id": "REF-ZQ-77",
    "name": "Zaynab Quux",
    "dob": date(1961, 7, 23),
    "gender": 1,
    "created_at": datetime(2026, 1, 5, tzinfo=UTC),
}
NAMING = ("Zaynab", "Quux", "REF-ZQ", "1961")
BUGS: dict[str, Executable] = {
    "a row that lacks what it must have": insert(users).values({**GUEST, "gender": None}),
    "a row that is there already": insert(users).values(GUEST),
    "a row of nobody": insert(users).values({**GUEST, "organization_id": 77, "reference_id": "REF-ZQ-78"}),
    "a column that is not there": update(users).values(name=GUEST["name"]).where(literal_column("no_such") == 1),
    "a value that is not given": select(users).where(users.c.name == GUEST["name"], users.c.id == bindparam("id_")),
}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Our log, as a process writes it."""
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    before = structlog.get_config()
    logs.start_logging("DEBUG")
    yield lines
    structlog.configure(**before)


@pytest.fixture
def database(psyter_database: Database) -> Database:
    organization = {"id": 1, "name": "A", "is_charity": False, "is_active": True, "sealed_shared_api_key": "sealed"}

    def fill(connection: Connection) -> None:
        connection.execute(insert(organizations), organization)
        connection.execute(insert(users).values(GUEST))

    psyter_database.write(fill)
    return psyter_database


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_statement_is_logged_without_what_it_was_about(
    database: Database, log: io.StringIO, bug: str
) -> None:
    with pytest.raises(SQLAlchemyError) as raised:
        database.write(lambda connection: connection.execute(BUGS[bug]))
    structlog.get_logger().exception("bug", exc_info=raised.value)
    told = log.getvalue()
    assert [word for word in NAMING if word in told] == []
    assert type(raised.value).__name__ in told
    assert "_write_once" in told
    assert "[parameters:" not in str(raised.value)


def test_no_engine_tells_the_parameters_of_a_statement_that_failed() -> None:
    opened = [
        (path.name, {word.arg: ast.unparse(word.value) for word in call.keywords})
        for path in sorted((ROOT / "repositories").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "create_engine"
    ]
    assert len(opened) == 5
    assert [name for name, given in opened if given.get("hide_parameters") != "True"] == []
