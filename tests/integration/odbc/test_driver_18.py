"""Microsoft's own driver, from its wheel: it is found, loads, and gives up in time on a server that is not there."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from databases.strings import to_address
from demo.ports import any_free_port
from repositories.database import Database, open_database
from repositories.ports.errors import StoreUnavailable
from tests.integration.odbc.drivers import microsofts_driver

SECOND = timedelta(seconds=1)
SOON = 8  # seconds
STRING = "Data Source=127.0.0.1,{port};Initial Catalog=d;User Id=u;Password='p;}}w';Encrypt=false;Driver={driver}"
CONNECT = """
import sys
from repositories.database import open_database
from repositories.ports.errors import StoreUnavailable
try:
    open_database(sys.argv[1]).reading().__enter__()
except StoreUnavailable as error:
    print(error.__cause__.orig.args[0])
"""


def address(port: int, *, driver: str | None = None) -> str:
    return to_address(STRING.format(port=port, driver=driver or microsofts_driver()), None)


def gives_up_in_time(database: Database) -> str:
    """The SQLSTATE that it gave up with."""
    started = time.monotonic()
    with pytest.raises(StoreUnavailable) as gone, database.reading():
        pass
    assert time.monotonic() - started < SOON
    database.close()
    cause = gone.value.__cause__
    assert cause is not None
    return str(cause.orig.args[0])  # type: ignore[attr-defined]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Someone listens here, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_nobody_there_is_a_store_that_is_not_available() -> None:
    assert gives_up_in_time(open_database(address(any_free_port()), timeout=SECOND)) in {"HYT00", "08001"}


def test_somebody_who_says_nothing_is_a_store_that_is_not_available(silent_port: int) -> None:
    assert gives_up_in_time(open_database(address(silent_port), timeout=SECOND)) in {"HYT00", "08001", "08S01"}


def test_a_driver_that_is_registered_in_odbcinst_ini_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "odbcinst.ini").write_text(f"[ODBC Driver 18 for SQL Server]\nDriver={microsofts_driver()}\n")
    done = subprocess.run(
        [sys.executable, "-c", CONNECT, address(any_free_port(), driver="'ODBC Driver 18 for SQL Server'")],
        env={**os.environ, "ODBCSYSINI": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "HYT00"), done.stderr


def test_without_it_a_process_is_told_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "odbcinst.ini").touch()
    done = subprocess.run(
        [sys.executable, "-c", "import bootstrap; bootstrap.settings_or_exit()"],
        env={
            **os.environ,
            "ODBCSYSINI": str(tmp_path),
            "TAHOON_SANDBOX": "1",
            "TAHOON_PSYTER_DB_URL": STRING.format(port=1433, driver="'ODBC Driver 18 for SQL Server'"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "The ODBC driver 'ODBC Driver 18 for SQL Server' is not registered on this machine" in done.stderr
