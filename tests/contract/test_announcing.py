"""What readers of events rely on: a place for each in the order of all. On the fake, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from repositories.database import Database
from repositories.entities.effects import ConfirmBooking
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.tables import booking_events
from saga.announce import AT_ONCE, Announce
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot
from tests.engines import ENGINES
from tests.fakes.announcing import FakeAnnouncer

Positions = Callable[[], dict[tuple[int, int], int]]  # (booking, sequence) -> position


@dataclass
class Told:
    world: scheduling.World
    announcer: Any
    positions: Positions


@pytest.fixture(params=["fake", *ENGINES])
def told(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Told:
    whole = fake() if request.param == "fake" else sql(fresh_database(request.param, "scheduling_db"))
    whole.world.add_slot(slot(7, STARTS, HOUR))
    return whole


def fake() -> Told:
    world = scheduling.fake_world()
    announcer = FakeAnnouncer(world.journal)
    return Told(world, announcer, lambda: announcer.positions)


def sql(database: Database) -> Told:
    return Told(scheduling.sql_world(database), SqlAnnouncer(database), lambda: positions_in(database))


def positions_in(database: Database) -> dict[tuple[int, int], int]:
    announced = select(booking_events).where(booking_events.c.position.is_not(None))
    with database.reading() as connection:
        return {(row.booking_id, row.sequence): row.position for row in connection.execute(announced)}


def test_an_event_has_no_place_until_it_is_announced(told: Told) -> None:
    booking = told.world.accept()
    assert told.positions() == {}
    assert told.announcer.announce(limit=10) == 1
    assert told.positions() == {(booking, 1): 1}
    assert told.announcer.announce(limit=10) == 0


def test_places_go_on_without_a_gap_and_stay_as_they_are(told: Told) -> None:
    first, second = told.world.accept(), told.world.accept()
    assert [told.announcer.announce(limit=1) for _ in range(3)] == [1, 1, 0]
    third = told.world.accept()
    told.announcer.announce(limit=10)
    assert told.positions() == {(first, 1): 1, (second, 1): 2, (third, 1): 3}


def test_events_of_a_booking_are_in_their_sequence(told: Told) -> None:
    first, second = told.world.accept(), told.world.accept()
    told.world.save(told.world.claimed(second), ConfirmBooking(booking_id=second, meeting_id="room"))
    told.world.withdraw(first)
    told.announcer.announce(limit=10)
    assert told.positions() == {(first, 1): 1, (second, 1): 2, (second, 2): 3, (first, 2): 4}


def test_a_pass_goes_on_while_there_is_more_than_fits_one_transaction() -> None:
    class Many:
        left = AT_ONCE + 1

        def announce(self, *, limit: int) -> int:
            now = min(self.left, limit)
            self.left -= now
            return now

    class NobodyListens:
        def fan_out(self, *, limit: int, now: datetime) -> list[int]:
            return []

    queue: Any = NobodyListens()
    announce = Announce(announcer=Many(), queue=queue, ring=lambda _endpoint: None, clock=lambda: NOW)
    assert announce() == AT_ONCE + 1
