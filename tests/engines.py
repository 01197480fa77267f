"""The engines that the suites run on, and fresh migrated databases on each.

SQLite files and a PostgreSQL server of our own always; a SQL Server wherever TAHOON_TEST_MSSQL_URL names one
(`mssql+pyodbc://...`, of a login that may create databases).
"""

import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import Connection, MetaData, Table, create_engine, delete, func, insert, literal, select
from sqlalchemy.engine import make_url

from demo.postgres_server import NoPostgresServer, PostgresServer
from repositories.database import Database, open_database
from repositories.migrations import upgrade
from repositories.psyter_db.tables import metadata as psyter
from repositories.scheduling_db.tables import metadata as scheduling

MSSQL_URL = "TAHOON_TEST_MSSQL_URL"
ENGINES = ("sqlite", "postgresql", *(["mssql"] if os.environ.get(MSSQL_URL) else []))
METADATA: Mapping[str, MetaData] = {"psyter_db": psyter, "scheduling_db": scheduling}
Seeds = Mapping[Table, Sequence[dict[str, Any]]]
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
    """Databases by engine; each engine is started when it is first asked for, and ends with the session."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._makers: Mapping[str, Callable[[], Server]] = {
            "sqlite": cache(lambda: SqliteFolder(folder)),
            "postgresql": cache(lambda: Postgres(stack.enter_context(postgres_server()))),
            "mssql": cache(lambda: SqlServer(os.environ[MSSQL_URL])),
        }
        self._clean: dict[tuple[str, str], list[Database]] = defaultdict(list)
        self._seeds: dict[str, Seeds] = {}

    @contextmanager
    def migrated(self, engine: str, tree: str) -> Iterator[str]:
        """The address of a new one."""
        server = self._makers[engine]()
        url = server.migrated(tree)
        try:
            yield url
        finally:
            server.drop(url)

    @contextmanager
    def opened(self, engine: str, tree: str) -> Iterator[Database]:
        """One that is as good as new: emptying takes a hundredth of what making one takes."""
        clean = self._clean[engine, tree]
        database = clean.pop() if clean else self._made(engine, tree)
        yield Database(database.engine)
        if engine != "mssql":  # its ids would go on from where they were
            database.write(lambda connection: empty(connection, self._seeds[tree]))
            clean.append(database)

    def _made(self, engine: str, tree: str) -> Database:
        url = self._stack.enter_context(self.migrated(engine, tree))
        database = open_database(url)
        self._stack.callback(database.close)
        if tree not in self._seeds:
            with database.reading() as connection:
                self._seeds[tree] = seeds_of(connection, tree)
        return database


def seeds_of(connection: Connection, tree: str) -> Seeds:
    """What the migrations put into each table."""
    tables = METADATA[tree].sorted_tables
    return {table: [dict(row._mapping) for row in connection.execute(select(table))] for table in tables}


def empty(connection: Connection, seeds: Seeds) -> None:
    for table in reversed(list(seeds)):
        connection.execute(delete(table))
    for table, rows in seeds.items():
        if rows:
            connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql":
        counted = [table for table in seeds if table.autoincrement_column is not None]
        restarts = (func.setval(func.pg_get_serial_sequence(table.name, "id"), 1, literal(False)) for table in counted)
        connection.execute(select(*restarts))
