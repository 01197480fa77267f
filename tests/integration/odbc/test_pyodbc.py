"""pyodbc itself, as SQL Server is reached through it, on a real server: PostgreSQL through Debian's ODBC driver.

What this proves and what not: docs/decisions/0017-engines.md.
"""

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pyodbc
import pytest
from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, Table, create_engine, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError

from databases.strings import parse, to_address, write
from demo.ports import any_free_port
from demo.postgres_server import PostgresServer
from repositories.database import Database, UtcDateTime, text
from repositories.engines.mssql import load_pyodbc, watch
from repositories.ports.errors import DriverMissing, StoreUnavailable
from tests.contract import test_psyter, test_scheduling
from tests.engines import Databases, postgres_server
from tests.integration.odbc.drivers import HOW_TO_GET_IT, POSTGRES_DRIVER

SECONDS = 1
SOON = 8
ODD_PASSWORD = "p;w {d}} '\"سر"
ARABIC = "د. سارة أحمد 😀"
NOW = datetime(2026, 1, 5, 12, 30, 45, 123456, tzinfo=UTC)
T = Table(
    "t",
    MetaData(),
    Column("n", BigInteger, primary_key=True),
    Column("words", text(3000)),
    Column("at", UtcDateTime),
    Column("is_so", Boolean),
)


@pytest.fixture(scope="module", autouse=True)
def the_driver() -> None:
    if POSTGRES_DRIVER not in pyodbc.drivers():
        pytest.fail(HOW_TO_GET_IT, pytrace=False)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        running.run_sql(f"CREATE ROLE odd LOGIN SUPERUSER PASSWORD '{ODD_PASSWORD.replace(chr(39), chr(39) * 2)}'")
        yield running


def opened(address: str) -> Database:
    """As open_mssql does it, but for the dialect."""
    load_pyodbc(address)
    engine = create_engine(
        address,
        pool_size=2,
        max_overflow=2,
        pool_timeout=SECONDS,
        pool_pre_ping=True,
        connect_args={"timeout": SECONDS},
    )
    watch(engine, SECONDS)
    return Database(engine)


def odbc_address(port: int, database: str) -> str:
    odbc = f"Driver={{{POSTGRES_DRIVER}}};Server=127.0.0.1;Port={port};Database={database};UID=postgres;PWD=x"
    return f"postgresql+odbc:///?odbc_connect={quote_plus(odbc + ';BoolsAsChar=0')}"


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    server.run_sql("CREATE DATABASE d")
    database = opened(odbc_address(server.port, "d"))
    database.write(lambda connection: T.metadata.create_all(connection))
    database.write(lambda connection: connection.execute(insert(T), [{"n": 1, "words": ""}, {"n": 10, "words": ""}]))
    yield database
    database.close()
    server.drop_database("d")


def add(connection: Connection) -> None:
    connection.execute(insert(T), {"n": 2, "words": ARABIC, "at": NOW, "is_so": True})


def numbers(database: Database) -> list[int]:
    with database.reading() as connection:
        return sorted(connection.execute(select(T.c.n)).scalars())


# --- connecting ----------------------------------------------------------------------------


def test_a_translated_connection_string_connects_whatever_stands_in_its_password(server: PostgresServer) -> None:
    pairs = [("Data Source", "127.0.0.1"), ("Initial Catalog", "postgres"), ("User Id", "odd")]
    given = write([*pairs, ("Password", ODD_PASSWORD), ("Driver", POSTGRES_DRIVER)])
    assert dict(parse(given))["Password"] == ODD_PASSWORD
    odbc = str(make_url(to_address(given, None)).query["odbc_connect"])
    with pyodbc.connect(f"{odbc};Port={server.port}") as connection:
        assert connection.execute("SELECT current_user").fetchone()[0] == "odd"
    connection.close()


def test_pyodbc_keeps_no_pool_of_its_own(server: PostgresServer, database: Database) -> None:
    assert pyodbc.pooling is False
    assert numbers(database) == [1, 10]
    database.close()
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'd'"
    deadline = time.monotonic() + SOON
    while server.run_sql(left) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_driver_that_is_not_registered_is_one_line_that_says_how_to_get_it() -> None:
    with pytest.raises(DriverMissing) as refusal:
        load_pyodbc(to_address("Server=db;Database=d;UID=u;PWD=secret;Driver=No Such Driver", None))
    assert "The ODBC driver 'No Such Driver' is not registered on this machine" in str(refusal.value)
    assert POSTGRES_DRIVER in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nobody_there_is_a_store_that_is_not_available() -> None:
    database = opened(odbc_address(any_free_port(), "d"))
    with pytest.raises(StoreUnavailable):
        numbers(database)
    assert not database.is_reachable()


# --- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [ARABIC, "س" * 3000, "", "'; DROP TABLE t --"])
def test_arabic_microseconds_and_truth_come_back_as_they_went(database: Database, words: str) -> None:
    row = {"n": 3, "words": words, "at": NOW, "is_so": True}
    database.write(lambda connection: connection.execute(insert(T), row))
    with database.reading() as connection:
        found = connection.execute(select(T).where(T.c.words == words, T.c.at == NOW, T.c.n == 3)).one()
    assert found == (3, words, NOW, True)


def test_row_counts_are_of_the_rows_that_matched(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        changes = (update(T).where(T.c.n >= least).values(words="same") for least in (1, 10, 11))
        return [connection.execute(change).rowcount for change in (*changes, update(T).values(words="same"))]

    assert database.write(work) == [2, 1, 0, 2]


# --- errors --------------------------------------------------------------------------------


def test_a_broken_key_is_an_integrity_error_and_nothing_is_written(database: Database) -> None:
    def work(connection: Connection) -> None:
        add(connection)
        connection.execute(insert(T), {"n": 1})

    with pytest.raises(IntegrityError):
        database.write(work)
    assert numbers(database) == [1, 10]


def test_a_wrong_statement_is_a_bug(database: Database) -> None:
    with pytest.raises(DataError), database.reading() as connection:
        connection.exec_driver_sql("SELECT 1/0")


@pytest.mark.parametrize("end", [PostgresServer.restart, PostgresServer.kill], ids=["restarted", "killed"])
def test_a_link_that_is_lost_in_the_middle_leaves_nothing_and_the_next_caller_notices_nothing(
    server: PostgresServer, database: Database, end: Callable[[PostgresServer], None]
) -> None:
    with ExitStack() as stack:  # several in the pool
        for _ in range(2):
            stack.enter_context(database.reading()).exec_driver_sql("SELECT 1")

    def work(connection: Connection) -> None:
        add(connection)
        end(server)
        connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailable):
        database.write(work)
    if end is PostgresServer.kill:
        server.start()
    for _ in range(4):
        assert numbers(database) == [1, 10]


def test_a_deadlock_victim_is_repeated_and_both_are_done(database: Database, server: PostgresServer) -> None:
    server.run_sql("ALTER DATABASE d SET deadlock_timeout = '100ms'")
    database.close()
    meeting = threading.Barrier(2)

    def change(first: int, second: int) -> None:
        tries = 0

        def work(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            connection.execute(update(T).where(T.c.n % 100 == first).values(n=T.c.n + 100))
            if tries == 1:
                meeting.wait(SOON)
            connection.execute(update(T).where(T.c.n % 100 == second).values(n=T.c.n + 100))

        database.write(work)

    other = threading.Thread(target=change, args=(10, 1))
    other.start()
    change(1, 10)
    other.join()
    assert numbers(database) == [201, 210]


# --- every promise of the contract suites that needs nothing but a world --------------------


def promises(suite: Any) -> list[Any]:
    functions = [found for name, found in vars(suite).items() if name.startswith("test_")]
    drawn = [one for one in functions if getattr(one, "is_hypothesis_test", False)]  # their many examples add nothing
    return [one for one in functions if one not in drawn and list(inspect.signature(one).parameters) == ["world"]]


@pytest.fixture
def through_odbc(databases: Databases) -> Iterator[Callable[[str], Database]]:
    with ExitStack() as stack:

        def fresh(tree: str) -> Database:
            url = make_url(stack.enter_context(databases.migrated("postgresql", tree)))
            database = opened(odbc_address(url.port or 0, url.database or ""))
            stack.callback(database.close)
            return database

        yield fresh


@pytest.mark.parametrize("promise", promises(test_scheduling), ids=lambda one: one.__name__)
def test_scheduling_keeps(promise: Callable[[Any], None], through_odbc: Callable[[str], Database]) -> None:
    world = test_scheduling.sql_world(through_odbc("scheduling_db"))
    world.add_slot(test_scheduling.slot(7, test_scheduling.STARTS, test_scheduling.HOUR))
    promise(world)


@pytest.mark.parametrize("promise", promises(test_psyter), ids=lambda one: one.__name__)
def test_psyter_keeps(promise: Callable[[Any], None], through_odbc: Callable[[str], Database]) -> None:
    promise(test_psyter.sql_world(through_odbc("psyter_db")))
