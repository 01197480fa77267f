"""SQL Server without a server: what the suites really execute, as SQL Server would get it.

With one (TAHOON_TEST_MSSQL_URL) every suite runs on it as well: tests/engines.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from tests.statements import BUILT, statements

RECORDED = ["tests/contract", "tests/integration/demo", "tests/integration/test_providers_command.py"]
ON_SQLITE = "sqlite or test_providers_command"
SQLITE = sqlite.dialect()
OF_PAGES = {name for built in BUILT.values() for name, _ in built()}  # built anew each time: those of lists run them


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("tsql") / "report.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.tsql_recorder",
        "-k",
        ON_SQLITE,
    ]
    done = subprocess.run(
        [*command, *RECORDED], env={**os.environ, "TSQL_REPORT": str(path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return json.loads(path.read_text())


@pytest.mark.timeout(600)
def test_nothing_that_the_suites_execute_walks_into_a_trap(report: Any) -> None:
    assert report["faults"] == {}
    assert report["executed"]["built at run time"] > 0


@pytest.mark.timeout(600)
def test_every_statement_of_the_repositories_is_executed_by_some_suite(report: Any) -> None:
    """By itself or as a part of another: what nobody ever ran is what breaks on the day that it is needed."""
    constants = [(name, statement) for name, statement in statements() if name not in OF_PAGES and not is_part(name)]
    executed = {id(statement) for name, statement in constants if report["executed"].get(name)}
    texts = [text_of(statement) for _, statement in constants if id(statement) in executed]
    never = [name for name, one in constants if id(one) not in executed and not any(text_of(one) in t for t in texts)]
    assert never == []


def is_part(name: str) -> bool:
    """Of other statements only: `_NAME`."""
    return name.rpartition(".")[2].startswith("_")


def text_of(statement: ClauseElement) -> str:
    return " ".join(str(statement.compile(dialect=SQLITE)).split())
