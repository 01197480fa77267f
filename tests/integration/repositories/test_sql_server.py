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

RECORDED = ["tests/contract", "tests/integration/demo"]


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
        "sqlite",
    ]
    done = subprocess.run(
        [*command, *RECORDED], env={**os.environ, "TSQL_REPORT": str(path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return json.loads(path.read_text())


@pytest.mark.timeout(300)
def test_nothing_that_the_suites_execute_walks_into_a_trap(report: Any) -> None:
    assert report["faults"] == {}
    assert report["executed"]["built at run time"] > 0
