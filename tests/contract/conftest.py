"""Databases and a sandbox for the suites that run on a fake and on its real adapter alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.ports import any_free_port
from repositories.database import Database, open_database
from repositories.migrations import upgrade
from tests.sandbox_server import running_sandbox


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with running_sandbox() as url:
        yield url


@pytest.fixture
def dead_url() -> str:
    """Nobody listens here."""
    return f"http://127.0.0.1:{any_free_port()}"


@pytest.fixture
def scheduling_database(tmp_path: Path) -> Iterator[Database]:
    yield from migrated(tmp_path, "scheduling_db")


@pytest.fixture
def psyter_database(tmp_path: Path) -> Iterator[Database]:
    yield from migrated(tmp_path, "psyter_db")


def migrated(folder: Path, tree: str) -> Iterator[Database]:
    url = f"sqlite:///{folder / tree}.db"
    upgrade(url, tree=tree)
    database = open_database(url)
    yield database
    database.close()
