"""Two purges of one database at the same moment, on every engine: each old row goes, and no other."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlalchemy import select

from repositories.database import Database, open_database
from repositories.enums import Kept
from repositories.ports.purging import Forgets
from repositories.scheduling_db.purging import DROP_DELIVERIES, DROP_DELIVERY_ATTEMPTS, DROP_PUSHES, scheduling_forgets
from repositories.scheduling_db.tables import (
    booking_events,
    bookings,
    pushes,
    saga_attempts,
    sagas,
    webhook_attempts,
    webhook_deliveries,
)
from saga.purge import Purge
from tests.conftest import FreshUrl
from tests.contract import test_purging as rows
from tests.contract.test_purging import AGE, NEW
from tests.contract.test_scheduling import NOW

OLD_BOOKINGS = 24
BATCH = 5  # so that the last is not full


@dataclass
class InStep:
    """Begins each batch together with the other purge, as long as both have any."""

    kept: Forgets
    barrier: threading.Barrier

    @property
    def kinds(self) -> tuple[Kept, ...]:
        return tuple(self.kept.kinds)

    def forget(self, kind: Kept, *, before: datetime, limit: int) -> int:
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait(30)
        return self.kept.forget(kind, before=before, limit=limit)

    def count(self, kind: Kept, *, before: datetime) -> int:
        return self.kept.count(kind, before=before)


@pytest.fixture
def two(fresh_url: FreshUrl) -> Iterator[tuple[Database, Database]]:
    url = fresh_url("scheduling_db")
    both = open_database(url), open_database(url)
    yield both
    for one in both:
        one.close()


def fill(database: Database) -> tuple[list[int], list[int]]:
    """The bookings whose rows may go, and those whose rows may not."""
    old = [rows.booking(database) for _ in range(OLD_BOOKINGS)]
    kept = [rows.booking(database, ended=NEW) for _ in range(3)]
    for booking_id in (*old, *kept):
        rows.saga(database, booking_id)
        for sequence in (1, 2):
            rows.event(database, booking_id, sequence)
        rows.push(
            database, f"k-{booking_id}", booking_id=booking_id, **({} if booking_id in old else {"updated_at": NEW})
        )
    return old, kept


def test_two_purges_at_once_forget_what_is_old_and_nothing_else(two: tuple[Database, Database]) -> None:
    old, kept = fill(two[0])
    barrier = threading.Barrier(2)

    def run(database: Database) -> dict[Kept, int]:
        forgets = InStep(scheduling_forgets(database), barrier)
        purge = Purge(databases=(forgets,), ages=dict.fromkeys(Kept, AGE), clock=lambda: NOW, batch=BATCH)
        try:
            return dict(purge())
        finally:
            barrier.abort()

    with ThreadPoolExecutor(2) as pool:
        counts = [one.result(timeout=120) for one in [pool.submit(run, database) for database in two]]

    for table in (sagas, saga_attempts, pushes):
        assert set(rows.ids(two[0], table, "booking_id")) == set(kept), table
    assert rows.ids(two[0], booking_events, "booking_id") == sorted([*kept, *kept])
    assert rows.ids(two[0], bookings) == sorted([*old, *kept])
    with two[0].reading() as connection:
        found = connection.execute(select(bookings.c.id, bookings.c.forgotten_position))
        notes = {row.id: row.forgotten_position for row in found}
    assert notes == {one: one * 10 + 2 for one in old} | dict.fromkeys(kept)
    for kind, number in ((Kept.SAGAS, OLD_BOOKINGS), (Kept.EVENTS, 2 * OLD_BOOKINGS), (Kept.PUSHES, OLD_BOOKINGS)):
        assert max(one[kind] for one in counts) <= number <= sum(one[kind] for one in counts)
        assert scheduling_forgets(two[0]).count(kind, before=NOW - AGE) == 0


def test_what_has_begun_anew_since_it_was_found_stays(two: tuple[Database, Database]) -> None:
    """As when a partner or an operator sends again what a purge has just found."""
    database = two[0]
    rows.push(database, "old")
    rows.push(database, "sent again", state="waiting")
    endpoint = rows.endpoint(database, position=0)
    rows.delivery(database, endpoint)
    again = rows.delivery(database, endpoint, "pending")
    for drops, table in (((DROP_PUSHES,), pushes), ((DROP_DELIVERY_ATTEMPTS, DROP_DELIVERIES), webhook_deliveries)):
        found = {"keys": rows.ids(database, table)}
        assert len(found["keys"]) == 2
        for drop in drops:
            database.write(lambda connection, drop=drop, found=found: connection.execute(drop, found))  # type: ignore[misc]
    assert rows.ids(database, pushes, "push_key") == ["sent again"]
    assert rows.ids(database, webhook_deliveries) == [again]
    assert rows.ids(database, webhook_attempts, "delivery_id") == [again]
