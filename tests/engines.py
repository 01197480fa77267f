"""The engines that the suites run on, and fresh migrated databases on each.

SQLite files and a PostgreSQL server of our own always; a SQL Server wherever TAHOON_TEST_MSSQL_URL names one
(`mssql+pyodbc://...`, of a login that may create databases).
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from demo.postgres_server import NoPostgresServer, PostgresServer
from repositories.database import Database, open_database
from repositories.migrations import upgrade

MSSQL_URL = "TAHOON_TEST_MSSQL_URL"
ENGINES = ("sqlite", "postgresql", *(["mssql"] if os.environ.get(MSSQL_URL) else []))
CLOSE_OTHERS = "ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE"


class Server(Protocol):
    def migrated(self, tree: str) -> str:
        """The address of a fresh database, migrated to the head of `tree`."""
        ...

    def drop(self, url: str) -> None: ...


class SqliteFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = cache(self._made)

    def migrated(self, tree: str) -> str:
        path = self._folder / f"{_name(tree)}.db"
        shutil.copy(self._template(tree), path)
        return f"sqlite:///{path}"

    def _made(self, tree: str) -> Path:
        path = self._folder / f"{tree}-template.db"
        upgrade(f"sqlite:///{path}", tree=tree)
        return path

    def drop(self, url: str) -> None:
        for path in self._folder.glob(f"{Path(url).name}*"):  # its log too
            path.unlink()


class Postgres:
    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._template = cache(self._made)

    def migrated(self, tree: str) -> str:
        return self._server.create_database(_name(tree), template=self._template(tree))

    def _made(self, tree: str) -> str:
        name = f"{tree}_template"
        upgrade(self._server.create_database(name), tree=tree)
        return name

    def drop(self, url: str) -> None:
        self._server.drop_database(make_url(url).database or "")


class SqlServer:
    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def migrated(self, tree: str) -> str:
        name = _name(tree)
        self._run(f"CREATE DATABASE [{name}]")
        url = self._url.set(database=name).render_as_string(hide_password=False)
        upgrade(url, tree=tree)
        return url

    def drop(self, url: str) -> None:
        name = make_url(url).database
        self._run(CLOSE_OTHERS.format(name=name), f"DROP DATABASE [{name}]")

    def _run(self, *statements: str) -> None:
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()


def _name(tree: str) -> str:
    return f"tahoon_test_{tree}_{secrets.token_hex(4)}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Running. Fails the test with one line if there is none on this machine."""
    try:
        server = PostgresServer()
    except NoPostgresServer as error:
        pytest.fail(str(error), pytrace=False)
    try:
        server.start()
        yield server
    finally:
        server.close()


class Databases:
    """Fresh databases by engine; each engine is started when it is first asked for, and ends with the session."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._makers: Mapping[str, Callable[[], Server]] = {
            "sqlite": cache(lambda: SqliteFolder(folder)),
            "postgresql": cache(lambda: Postgres(stack.enter_context(postgres_server()))),
            "mssql": cache(lambda: SqlServer(os.environ[MSSQL_URL])),
        }

    @contextmanager
    def migrated(self, engine: str, tree: str) -> Iterator[str]:
        server = self._makers[engine]()
        url = server.migrated(tree)
        try:
            yield url
        finally:
            server.drop(url)

    @contextmanager
    def opened(self, engine: str, tree: str) -> Iterator[Database]:
        with self.migrated(engine, tree) as url:
            database = open_database(url)
            try:
                yield database
            finally:
                database.close()
