"""A sweep beside a process that stands still in the middle of a transaction, where there are several writers."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from repositories.database import Database
from repositories.enums import Service
from repositories.scheduling_db import tables
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.engines import ENGINES

SERVERS = [engine for engine in ENGINES if engine != "sqlite"]  # on SQLite nobody writes beside a writer
LATER = scheduling.NOW + timedelta(minutes=1)
Change = Callable[[Connection], object]


@contextmanager
def standing_still(database: Database, change: Change) -> Iterator[None]:
    """Another has changed something and does not commit while this lasts."""
    has_begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        change(connection)
        has_begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        standing = pool.submit(database.write, work)
        assert has_begun.wait(30)
        try:
            yield
        finally:
            go_on.set()
        standing.result()


def touch(saga_id: str) -> Change:
    sagas = tables.sagas
    return lambda connection: connection.execute(update(sagas).where(sagas.c.id == saga_id).values(error="held"))


@pytest.mark.parametrize("server", SERVERS)
def test_a_sweep_takes_what_is_due_and_not_held(fresh_database: FreshDatabase, server: str) -> None:
    database = fresh_database(server, "scheduling_db")
    world = scheduling.sql_world(database)
    world.add_slot(scheduling.slot(7, scheduling.STARTS, scheduling.HOUR))
    held, free = (world.saga_of[world.accept()] for _ in range(2))
    with standing_still(database, touch(held)):
        due = world.journal.take_due(now=LATER, limit=10, marked_until=LATER)
        assert [saga.id for saga in due] == [free]
    due = world.journal.take_due(now=LATER, limit=10, marked_until=LATER)
    assert {saga.id for saga in due} >= {held}


@pytest.mark.parametrize("longest_first", [False, True])
@pytest.mark.parametrize("server", SERVERS)
def test_a_line_moves_on_past_one_that_is_held(fresh_database: FreshDatabase, server: str, longest_first: bool) -> None:
    database = fresh_database(server, "scheduling_db")
    world = scheduling.sql_world(database)
    world.add_slot(scheduling.slot(7, scheduling.STARTS, scheduling.HOUR))
    held, free = (world.saga_of[world.accept()] for _ in range(2))
    sagas = tables.sagas
    waits = {"waits_for": Service.VIDEOSDK, "waits_since": scheduling.NOW, "due_at": LATER + timedelta(hours=1)}
    database.write(lambda connection: connection.execute(update(sagas).values(waits)))
    with standing_still(database, touch(held)):
        first = world.journal.take_waiting(
            Service.VIDEOSDK, limit=10, window=10, longest_first=longest_first, now=LATER, marked_until=LATER
        )
        assert [saga.id for saga in first] == [free]
