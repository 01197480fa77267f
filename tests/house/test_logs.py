"""Every line of code that logs: a constant event, and fields that are on the list."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

import logs
from logs import LISTED, only_listed

FOLDERS = ("api", "bootstrap", "databases", "integrations", "repositories", "saga", "watch", "workers")
FILES = [path for folder in FOLDERS for path in sorted(Path(folder).rglob("*.py"))]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
WORDS_OF_OPERATORS = {"by", "why", "operator", "asked", "asked_by", "asked_why", "paused_by", "paused_why", "done_by"}
BINDING = {"bound_contextvars", "bind_contextvars"}


class Line(NamedTuple):
    where: str
    call: ast.Call
    binds: bool


def lines() -> Iterator[Line]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            is_log = node.func.attr in LEVELS and ast.unparse(node.func.value) == "log"
            if is_log or node.func.attr in BINDING:
                yield Line(f"{path}:{node.lineno}", node, not is_log)


LINES = list(lines())


def test_the_lines_are_found() -> None:
    assert len(LINES) > 40
    assert sum(line.binds for line in LINES) >= 5


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.where)
def test_a_line_has_a_constant_event_and_listed_fields(line: Line) -> None:
    if not line.binds:
        assert isinstance(line.call.args[0], ast.Constant), line.where
    assert len(line.call.args) <= (not line.binds), line.where
    assert {word.arg for word in line.call.keywords} <= LISTED, line.where


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.where)
def test_no_line_is_told_an_operators_own_words(line: Line) -> None:
    read = [node for word in line.call.keywords for node in ast.walk(word.value)]
    names = {getattr(node, "id", None) or getattr(node, "attr", None) for node in read}
    assert names.isdisjoint(WORDS_OF_OPERATORS), line.where


def test_no_field_is_for_an_operators_own_words() -> None:
    assert LISTED.isdisjoint(WORDS_OF_OPERATORS)


def test_what_is_not_listed_is_dropped_and_counted() -> None:
    dropped: list[int] = []
    keep = only_listed(dropped.append)
    line = {"event": "x", "saga_id": "s", "name": "Zaynab", "dob": "1961-07-23", "error": ValueError("Zaynab")}
    assert keep(None, "info", line) == {"event": "x", "saga_id": "s", "error": "ValueError"}
    keep(None, "info", {"event": "x", "saga_id": None, "status": 200})
    assert dropped == [2]


def test_what_is_bound_once_is_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    before: dict[str, Any] = structlog.get_config()
    try:
        logs.start_logging("INFO")
        with structlog.contextvars.bound_contextvars(request_id="r", organization_id=1, step="save_order", name="Z"):
            structlog.get_logger().info("x", token="t")
    finally:
        structlog.configure(**before)
    told = capsys.readouterr().err
    assert '"request_id": "r"' in told
    assert '"step": "save_order"' in told
    assert "Z" not in told.replace('Z"}', "")
    assert "token" not in told
