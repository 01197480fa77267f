"""Where the databases of a run live, and how they go away for a while."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

from demo.postgres_server import PostgresServer
from repositories.engines.sqlite import BUSY_SECONDS
from tests.engines import postgres_server

NAMES = ("psyter", "scheduling")


class Storage(Protocol):
    name: str
    waits_for_a_stopped_writer: bool  # whether a transaction that stands still keeps all others from writing
    seconds_away: float

    def settings(self) -> Mapping[str, str]:
        """The addresses of both databases, as settings."""
        ...

    def away(self) -> AbstractContextManager[None]:
        """Both databases do not answer while this lasts."""
        ...


class SqliteFiles:
    name = "sqlite"
    waits_for_a_stopped_writer = True
    seconds_away = BUSY_SECONDS + 1.0

    def __init__(self, folder: Path) -> None:
        self._files = {name: folder / f"{name}.db" for name in NAMES}

    def settings(self) -> Mapping[str, str]:
        return {setting(name): f"sqlite:///{file}" for name, file in self._files.items()}

    @contextmanager
    def away(self) -> Iterator[None]:
        """Another process, say a backup, locks both files."""
        with locked(self._files["psyter"]), locked(self._files["scheduling"]):
            yield


class OnPostgres:
    name = "postgresql"
    waits_for_a_stopped_writer = False
    seconds_away = 2.0

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def settings(self) -> Mapping[str, str]:
        return {setting(name): self._server.create_database(name) for name in NAMES}

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is killed, and started again."""
        self._server.kill()
        try:
            yield
        finally:
            self._server.start()


def setting(name: str) -> str:
    return f"TAHOON_{name.upper()}_DB_URL"


@contextmanager
def storage(engine: str, folder: Path) -> Iterator[Storage]:
    if engine == SqliteFiles.name:
        yield SqliteFiles(folder)
        return
    with postgres_server() as server:
        yield OnPostgres(server)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
