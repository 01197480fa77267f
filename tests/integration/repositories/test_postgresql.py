"""PostgreSQL going away, hanging, and asking to repeat: what the rest of the house sees of it."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, bindparam, update
from sqlalchemy import insert as insert_into

from demo.ports import any_free_port
from demo.postgres_server import PostgresServer
from demo.stack import wait_until
from repositories.database import Database, open_database
from repositories.ports.errors import StoreUnavailable
from tests.engines import postgres_server

SECOND = timedelta(seconds=1)
SOON = 6  # seconds: the time-out, psycopg's least of 2 s for connecting, and a busy machine
T = Table("t", MetaData(), Column("n", Integer, primary_key=True))
INSERT = "INSERT INTO t VALUES (2)"
RAISE = "UPDATE t SET n = n + 100 WHERE n %% 100 = %(one)s"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    server.run_sql("CREATE DATABASE d")
    database = open_database(server.url_for("d"), timeout=SECOND)
    database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    database.write(lambda connection: connection.exec_driver_sql("INSERT INTO t VALUES (1), (10)"))
    yield database
    database.close()
    server.drop_database("d")


def insert(connection: Connection) -> None:
    connection.exec_driver_sql(INSERT)


def numbers(database: Database) -> list[int]:
    with database.reading() as connection:
        return sorted(connection.exec_driver_sql("SELECT n FROM t").scalars())


def pid_of(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


# --- going away ----------------------------------------------------------------------------


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill], ids=["stopped", "killed"])
def test_a_server_that_goes_in_the_middle_of_a_transaction_leaves_nothing_of_it(
    server: PostgresServer, database: Database, end: Callable[[PostgresServer], None]
) -> None:
    def work(connection: Connection) -> None:
        insert(connection)
        end(server)
        connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailable):
        database.write(work)
    with pytest.raises(StoreUnavailable):
        numbers(database)
    assert not database.is_reachable()
    server.start()
    assert numbers(database) == [1, 10]


def test_a_server_that_goes_before_the_commit_leaves_us_not_knowing(server: PostgresServer, database: Database) -> None:
    def work(connection: Connection) -> None:
        insert(connection)
        server.restart()

    with pytest.raises(StoreUnavailable):
        database.write(work)
    assert numbers(database) == [1, 10]


def test_after_a_restart_the_next_caller_notices_nothing(server: PostgresServer, database: Database) -> None:
    with ExitStack() as stack:  # several connections in the pool, all of them dead afterwards
        for _ in range(4):
            stack.enter_context(database.reading()).exec_driver_sql("SELECT 1")
    server.restart()
    for _ in range(6):
        assert numbers(database) == [1, 10]


def test_a_session_that_an_administrator_ends_is_a_store_that_is_not_available(
    server: PostgresServer, database: Database
) -> None:
    def work(connection: Connection) -> None:
        server.run_sql(f"SELECT pg_terminate_backend({pid_of(connection)}, 5000)")
        insert(connection)

    with pytest.raises(StoreUnavailable):
        database.write(work)
    database.write(insert)
    assert numbers(database) == [1, 2, 10]


def test_nobody_there_is_a_store_that_is_not_available() -> None:
    database = open_database(f"postgresql+psycopg://postgres@127.0.0.1:{any_free_port()}/d", timeout=SECOND)
    with pytest.raises(StoreUnavailable):
        database.write(insert)
    assert not database.is_reachable()


def test_a_standby_is_a_store_that_is_not_available(server: PostgresServer, database: Database) -> None:
    server.run_sql("ALTER DATABASE d SET default_transaction_read_only = on")
    database.close()
    with pytest.raises(StoreUnavailable):
        database.write(insert)


# --- hanging -------------------------------------------------------------------------------


@pytest.fixture
def watch() -> Callable[[], float]:
    started = time.monotonic()
    return lambda: time.monotonic() - started


def test_a_statement_that_takes_too_long_is_ended_and_its_connection_is_still_good(
    database: Database, watch: Callable[[], float]
) -> None:
    pids = []

    def sleep(connection: Connection) -> None:
        pids.append(pid_of(connection))
        connection.exec_driver_sql("SELECT pg_sleep(30)")

    with pytest.raises(StoreUnavailable):
        database.write(sleep)
    assert watch() < SOON
    with database.reading() as connection:
        assert [pid_of(connection)] == pids


def test_a_row_that_someone_holds_for_too_long_is_not_waited_for(
    database: Database, watch: Callable[[], float]
) -> None:
    def hold(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE t SET n = 11 WHERE n = 10")
        with pytest.raises(StoreUnavailable):
            database.write(lambda other: other.exec_driver_sql("UPDATE t SET n = 12 WHERE n = 10"))

    database.write(hold)
    assert watch() < SOON
    assert numbers(database) == [1, 11]


def test_a_server_that_answers_nothing_at_all_is_given_up(
    server: PostgresServer, database: Database, watch: Callable[[], float]
) -> None:
    def work(connection: Connection) -> None:
        insert(connection)
        server.pause()
        connection.exec_driver_sql("SELECT 1")

    try:
        with pytest.raises(StoreUnavailable):
            database.write(work)
        assert watch() < SOON
        with pytest.raises(StoreUnavailable):  # while connecting
            numbers(database)
        assert watch() < 2 * SOON
    finally:
        server.resume()
    assert numbers(database) == [1, 10]


def test_no_connection_left_is_a_store_that_is_not_available(server: PostgresServer, database: Database) -> None:
    small = open_database(server.url_for("d"), pool_size=1, timeout=SECOND)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(small.reading()).exec_driver_sql("SELECT 1")
        with pytest.raises(StoreUnavailable), small.reading():
            pass
    small.close()


# --- others at work ------------------------------------------------------------------------


def test_a_deadlock_victim_is_repeated_and_both_are_done(database: Database) -> None:
    meeting = threading.Barrier(2)

    def change(first: int, second: int) -> None:
        tries = 0

        def work(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            connection.exec_driver_sql(RAISE, {"one": first})
            if tries == 1:
                meeting.wait(SOON)
            connection.exec_driver_sql(RAISE, {"one": second})

        patient.write(work)

    patient = open_database(database.engine.url.render_as_string(hide_password=False))
    other = threading.Thread(target=change, args=(10, 1))
    other.start()
    change(1, 10)
    other.join()
    assert numbers(database) == [201, 210]
    patient.close()


def test_reads_of_one_moment_agree_and_others_are_up_to_date(database: Database) -> None:
    with database.reading(one_moment=True) as moment, database.reading() as lone:
        for connection in (moment, lone):
            assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 2
        database.write(insert)
        assert moment.exec_driver_sql("SELECT count(*) FROM t").scalar() == 2
        assert lone.exec_driver_sql("SELECT count(*) FROM t").scalar() == 3
    with database.reading() as connection:  # whichever of the two connections it is
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"


def test_a_forked_child_has_connections_of_its_own(database: Database) -> None:
    with database.reading() as connection:
        ours = pid_of(connection)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        with database.reading() as connection:
            os.write(writes, str(pid_of(connection)).encode())
        os._exit(0)
    theirs = int(os.read(reads, 20))
    os.waitpid(child, 0)
    assert theirs != ours
    with database.reading() as connection:
        assert pid_of(connection) == ours


# --- standing still ------------------------------------------------------------------------

MANY: Mapping[str, Callable[[Connection], Any]] = {
    "one row": lambda connection: connection.execute(insert_into(T), {"n": 3}),
    "rows put in": lambda connection: connection.execute(insert_into(T), [{"n": 3}, {"n": 4}]),
    "rows changed": lambda connection: connection.execute(
        update(T).where(T.c.n == bindparam("old")).values(n=bindparam("new")),
        [{"old": 1, "new": 3}, {"old": 10, "new": 4}],
    ),
}


@pytest.mark.parametrize("last", MANY)
def test_whoever_stands_still_in_a_transaction_loses_it(server: PostgresServer, last: str, database: Database) -> None:
    """Whatever its last statement was: PostgreSQL's clock runs only once all of it has been answered."""
    impatient = open_database(server.url_for("d"), timeout=timedelta(milliseconds=200))
    has_begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        MANY[last](connection)
        has_begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        standing = pool.submit(impatient.write, work)
        assert has_begun.wait(30)
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'd' AND state LIKE 'idle in transaction%'"
        wait_until(lambda: server_says(database, open_ones) == 0, seconds=30, what="the end of its transaction")
        go_on.set()
        assert isinstance(standing.exception(), StoreUnavailable)
    impatient.close()
    assert numbers(database) == [1, 10]


def server_says(database: Database, question: str) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql(question.replace("%", "%%")).scalar_one())
