"""Writes that wait for their turn on a SQLite file share a commit, and nothing else."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import IntegrityError

from demo.stack import ROOT, wait_until
from repositories.database import Database, open_database
from repositories.engines.together import Together
from repositories.ports.errors import StoreUnavailable

NUMBERS = list(range(1, 9))
THREADS = 8
CROWD_THAT_SAYS_WHAT_IT_WROTE = """
import itertools, os, sys, threading
from repositories.database import open_database

database, numbers = open_database(sys.argv[1], pool_size=20), itertools.count()

def write():
    for number in numbers:
        database.write(lambda connection: connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,)))
        os.write(1, f"{number}\\n".encode())

for _ in range(int(sys.argv[2])):
    threading.Thread(target=write).start()
"""


class Crowd:
    """Threads that all want to write to one file at a time when another holds the turn."""

    def __init__(self, path: Path) -> None:
        self.database: Database = open_database(f"sqlite:///{path}", pool_size=20)
        self.database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
        self.commits = 0
        event.listen(self.database.engine, "commit", self._count)

    def _count(self, _connection: Connection) -> None:
        self.commits += 1

    @property
    def waiting(self) -> int:
        assert self.database._together is not None
        return len(self.database._together._waiting)

    def write_at_once(self, *works: Callable[[Connection], Any]) -> list[Future[Any]]:
        """All of them wait, in this order, while another is at work; then what came of each."""
        with ThreadPoolExecutor(len(works)) as pool, self.held():
            begun: list[Future[Any]] = []
            for work in works:
                begun.append(pool.submit(self.database.write, work))
                wait_until(lambda: self.waiting == len(begun), seconds=30, what="a writer in line")
        return begun

    @contextmanager
    def held(self) -> Iterator[None]:
        """Somebody is at work all the while, and has the turn."""
        has_begun, go_on = threading.Event(), threading.Event()

        def hold(_connection: Connection) -> None:
            has_begun.set()
            assert go_on.wait(30)

        holder = threading.Thread(target=self.database.write, args=(hold,))
        holder.start()
        assert has_begun.wait(30)
        try:
            yield
        finally:
            go_on.set()
            holder.join()

    def numbers(self) -> list[int]:
        with self.database.reading() as connection:
            return [row.n for row in connection.exec_driver_sql("SELECT n FROM t ORDER BY n")]


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(tmp_path / "crowd.db")
    yield made
    made.database.close()


def put(number: int) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
        return number * 10

    return work


def test_who_waits_is_written_in_one_commit_and_gets_its_own_answer(crowd: Crowd) -> None:
    answers = crowd.write_at_once(*map(put, NUMBERS))
    assert [answer.result() for answer in answers] == [number * 10 for number in NUMBERS]
    assert crowd.numbers() == NUMBERS
    assert crowd.commits == 2  # the holder's, and one of all others


def test_not_more_at_once_than_other_processes_can_wait_for(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Together, "most", 3)
    crowd.write_at_once(*map(put, NUMBERS))
    assert crowd.numbers() == NUMBERS
    assert crowd.commits == 1 + 3


def test_an_error_undoes_the_work_that_raised_it_and_no_other(crowd: Crowd) -> None:
    def put_and_fail(connection: Connection) -> NoReturn:
        put(7)(connection)
        raise ValueError("mine alone")

    answers = crowd.write_at_once(put(1), put_and_fail, put(1), put(2))
    assert [type(answer.exception()) for answer in answers] == [type(None), ValueError, IntegrityError, type(None)]
    assert crowd.numbers() == [1, 2]
    assert crowd.commits == 2


def test_nobody_is_answered_before_the_commit_and_all_hear_that_it_failed(crowd: Crowd) -> None:
    answered_early: list[bool] = []

    def disk_is_full(_connection: Connection) -> None:
        answered_early.extend(answer.done() for answer in answers)
        raise StoreUnavailable("disk full")

    answers: list[Future[Any]] = []
    with failing_commits(crowd, after=1, fail=disk_is_full):
        answers += crowd.write_at_once(put(1), put(2))
    assert [type(answer.exception()) for answer in answers] == [StoreUnavailable] * 2
    assert not any(answered_early)
    assert crowd.numbers() == []
    crowd.database.write(put(3))
    assert crowd.numbers() == [3]


@contextmanager
def failing_commits(crowd: Crowd, *, after: int, fail: Callable[[Connection], None]) -> Iterator[None]:
    left = iter(range(after))

    def commit(connection: Connection) -> None:
        if next(left, None) is None:
            fail(connection)

    event.listen(crowd.database.engine, "commit", commit)
    yield
    event.remove(crowd.database.engine, "commit", commit)


def test_a_database_that_gives_the_transaction_up_tells_all_of_it(crowd: Crowd) -> None:
    def give_up(connection: Connection) -> NoReturn:
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise StoreUnavailable("disk full")

    answers = crowd.write_at_once(put(1), give_up, put(2))
    assert [type(answer.exception()) for answer in answers] == [StoreUnavailable] * 3
    assert crowd.numbers() == []


def test_a_thread_that_is_told_to_end_leaves_the_others_their_work(crowd: Crowd) -> None:
    begin, told = crowd.database._writing, iter([False, True])

    @contextmanager
    def told_at_the_second() -> Iterator[Connection]:
        with begin() as connection:
            yield connection
            if next(told, False):
                raise KeyboardInterrupt

    crowd.database._together = Together(told_at_the_second)
    answers = crowd.write_at_once(put(1), put(2), put(3))
    (left_out,) = [answer for answer in answers if answer.exception() is not None]
    assert isinstance(left_out.exception(), KeyboardInterrupt)
    assert crowd.numbers() == [answer.result() // 10 for answer in answers if answer is not left_out]


def test_a_thread_that_is_told_to_end_while_it_waits_wants_nothing_any_more(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crowd.database._together is not None
    with crowd.held(), monkeypatch.context() as patched:
        patched.setattr(crowd.database._together._changed, "wait", raising(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            crowd.database.write(put(1))
    crowd.database.write(put(2))
    assert crowd.numbers() == [2]


def raising(kind: type[BaseException]) -> Callable[[], NoReturn]:
    def wait() -> NoReturn:
        raise kind

    return wait


def test_work_is_done_in_the_name_of_the_thread_that_wanted_it(crowd: Crowd) -> None:
    name: ContextVar[int] = ContextVar("name")

    def put_my_name(number: int) -> None:
        name.set(number)
        crowd.database.write(lambda connection: put(name.get())(connection))

    with ThreadPoolExecutor(len(NUMBERS)) as pool, crowd.held():
        answers = [pool.submit(put_my_name, number) for number in NUMBERS]
        wait_until(lambda: crowd.waiting == len(NUMBERS), seconds=30, what="all in line")
    assert [answer.exception() for answer in answers] == [None] * len(NUMBERS)
    assert crowd.numbers() == NUMBERS
    assert crowd.commits == 2


def test_many_threads_at_random_lose_nothing_and_sell_nothing_twice(crowd: Crowd) -> None:
    """Each number is wanted by four threads; exactly one gets it, the others hear so."""
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(crowd.database.write, put(number)) for number in range(100) for _ in range(4)]
    errors = [type(error) for answer in answers if (error := answer.exception()) is not None]
    assert errors == [IntegrityError] * 300
    assert crowd.numbers() == list(range(100))


def test_what_a_crowd_was_told_is_written_survives_its_death(crowd: Crowd) -> None:
    command = [sys.executable, "-c", CROWD_THAT_SAYS_WHAT_IT_WROTE, str(crowd.database.engine.url), str(THREADS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writers:
        assert writers.stdout is not None
        told = [int(writers.stdout.readline()) for _ in range(40 * THREADS)]
        writers.send_signal(signal.SIGKILL)
        told += [int(line) for line in writers.stdout]
    assert len(set(told)) == len(told) >= 40 * THREADS
    assert set(told) <= set(crowd.numbers())
    assert len(crowd.numbers()) <= len(told) + THREADS  # those whose answer was on its way
