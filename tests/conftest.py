"""Databases on every engine, for whichever suite asks for one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

import bootstrap
from repositories.database import Database
from tests.engines import ENGINES, Databases

FreshUrl = Callable[[str], str]
FreshDatabase = Callable[[str, str], Database]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whoever asks for a database runs once on each engine."""
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES)


@pytest.fixture(scope="session", autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging is set up once for a process, which here goes on to the next test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "start_logging", lambda _level, **_: None)
        yield


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with ExitStack() as stack:
        yield Databases(tmp_path_factory.mktemp("databases"), stack)


@pytest.fixture
def engine() -> str:
    """The engine of a database that a fixture asks for by name at run time; see pytest_generate_tests."""
    return "sqlite"


@pytest.fixture
def fresh_url(engine: str, databases: Databases) -> Iterator[FreshUrl]:
    """Of a tree: the address of a new database, migrated."""
    with ExitStack() as stack:
        yield lambda tree: stack.enter_context(databases.migrated(engine, tree))


@pytest.fixture
def fresh_database(databases: Databases) -> Iterator[FreshDatabase]:
    """Of an engine and a tree: a database as good as new, migrated and open."""
    with ExitStack() as stack:
        yield lambda engine, tree: stack.enter_context(databases.opened(engine, tree))


@pytest.fixture
def scheduling_database(engine: str, fresh_database: FreshDatabase) -> Database:
    return fresh_database(engine, "scheduling_db")


@pytest.fixture
def psyter_database(engine: str, fresh_database: FreshDatabase) -> Database:
    return fresh_database(engine, "psyter_db")


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Lines with what is bound around them."""
    lines = LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, lines])
    yield lines.entries
    structlog.configure(processors=before)
