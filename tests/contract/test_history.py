"""What a partner looks back on: on the fake, and on every engine alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from repositories.database import Database
from repositories.entities.bookings import Booking, HistoryFilter, HistoryPlace
from repositories.enums import BookingPlatform, BookingStatus, CommunicationType
from repositories.scheduling_db import tables
from repositories.scheduling_db.history import SqlBookingHistory
from tests.engines import ENGINES, Databases
from tests.fakes.scheduling import FakeScheduling

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OURS, THEIRS = 1, 2
CONFIRMED, CANCELLED, PENDING = BookingStatus.CONFIRMED, BookingStatus.CANCELLED, BookingStatus.PENDING
IDS = count(1)


def booking(
    hours: int, *, user: int = 5, status: BookingStatus = CONFIRMED, organization: int = OURS, id: int | None = None
) -> Booking:
    """A booking whose session starts so many hours from now."""
    return Booking(
        id=next(IDS) if id is None else id,
        organization_id=organization,
        user_id=user,
        care_provider_id=42,
        slot_id=7,
        starts_at=NOW + hours * HOUR,
        ends_at=NOW + (hours + 1) * HOUR,
        communication_type=CommunicationType.AUDIO,
        status=status,
        meeting_id=None,
        reason=None,
        failed_step=None,
        created_at=NOW,
        updated_at=NOW,
    )


@dataclass
class World:
    history: Any
    add: Callable[..., None]
    clear: Callable[[], None]

    def told(self, limit: int = 100, after: Booking | None = None, **wanted: Any) -> list[Booking]:
        place = None if after is None else HistoryPlace(starts_at=after.starts_at, booking_id=after.id)
        asked = HistoryFilter(**{"organization_id": OURS, **wanted})
        return list(self.history.list_bookings(asked, after=place, limit=limit))

    def pages(self, size: int, **wanted: Any) -> Iterator[list[Booking]]:
        page = self.told(size, **wanted)
        while page:
            yield page
            page = self.told(size, after=page[-1], **wanted)


@pytest.fixture(scope="module", params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    if request.param == "fake":
        yield fake_world()
        return
    with databases.opened(request.param, "scheduling_db") as database:
        yield sql_world(database)


@pytest.fixture(autouse=True)
def nothing_booked(world: World) -> None:
    world.clear()


def fake_world() -> World:
    fake = FakeScheduling()

    def add(*booked: Booking) -> None:
        fake.bookings.update({one.id: one for one in booked})

    return World(fake, add, fake.bookings.clear)


def sql_world(database: Database) -> World:
    def fill(connection: Any) -> None:
        connection.execute(insert(tables.slot_durations), {"id": 1, "minutes": 60})
        slot = {"id": 7, "care_provider_id": 42, "starts_at": NOW, "ends_at": NOW + HOUR, "slot_duration_id": 1}
        connection.execute(insert(tables.slots), slot | {"is_open": True})

    database.write(fill)

    def add(*booked: Booking) -> None:
        rows = [{**vars(one), "platform": BookingPlatform.API, "is_from_mobile": False} for one in booked]
        if rows:
            database.write(lambda connection: connection.execute(insert(tables.bookings), rows))

    return World(
        SqlBookingHistory(database),
        add,
        lambda: database.write(lambda connection: connection.execute(delete(tables.bookings))),  # type: ignore[arg-type]
    )


def test_a_booking_is_told_as_it_is(world: World) -> None:
    world.add(one := booking(24))
    assert world.told() == [one]


def test_the_newest_session_comes_first_whenever_it_was_booked(world: World) -> None:
    later, sooner, latest = booking(24), booking(2), booking(48)
    world.add(later, sooner, latest)
    assert world.told() == [latest, later, sooner]


def test_another_organizations_bookings_are_not_there(world: World) -> None:
    world.add(booking(24, organization=THEIRS, user=5))
    assert world.told() == []
    assert world.told(user_id=5) == []


def test_a_user_and_a_status_narrow_it(world: World) -> None:
    world.add(first := booking(1, user=5))
    world.add(cancelled := booking(2, user=5, status=CANCELLED))
    world.add(other := booking(3, user=6))
    assert world.told(user_id=5) == [cancelled, first]
    assert world.told(statuses=(CONFIRMED,)) == [other, first]
    assert world.told(statuses=(CANCELLED, PENDING), user_id=5) == [cancelled]
    assert world.told(statuses=(PENDING,)) == []


def test_a_period_holds_its_first_instant_and_not_its_last(world: World) -> None:
    world.add(*(booking(hours) for hours in range(4)))
    found = world.told(starts_from=NOW + HOUR, starts_before=NOW + 3 * HOUR)
    assert [one.starts_at for one in found] == [NOW + 2 * HOUR, NOW + HOUR]


def test_a_page_that_goes_on_keeps_to_its_filters(world: World) -> None:
    for hours in range(6):
        world.add(booking(hours, user=5 + hours % 2, status=(CONFIRMED, CANCELLED)[hours // 3]))
    wanted: dict[str, Any] = {"user_id": 5, "starts_from": NOW + HOUR}
    assert [[one.starts_at for one in page] for page in world.pages(1, **wanted)] == [
        [NOW + 4 * HOUR],
        [NOW + 2 * HOUR],
    ]


def test_bookings_of_one_instant_are_told_once_each_over_pages(world: World) -> None:
    together = [booking(24, user=user) for user in range(7)]
    world.add(*together)
    assert [one for page in world.pages(2) for one in page] == together[::-1]


def test_what_is_booked_meanwhile_moves_no_later_page(world: World) -> None:
    world.add(*(booking(hours) for hours in range(6)))
    first = world.told(3)
    world.add(booking(100))
    world.add(between := booking(1))
    rest = world.told(10, after=first[-1])
    assert between in rest
    assert [one.starts_at for one in first + rest] == [NOW + hours * HOUR for hours in (5, 4, 3, 2, 1, 1, 0)]


STATUSES, ORGANIZATIONS = st.sampled_from(list(BookingStatus)), st.sampled_from([OURS, OURS, THEIRS])
BOOKED = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3), STATUSES, ORGANIZATIONS), max_size=25)
WANTED = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.integers(1, 3),
        "statuses": st.sets(STATUSES, min_size=1).map(tuple),
        "starts_from": st.integers(0, 6).map(lambda hours: NOW + hours * HOUR),
        "starts_before": st.integers(0, 7).map(lambda hours: NOW + hours * HOUR),
    },
)


@settings(max_examples=40, deadline=None)
@given(booked=BOOKED, wanted=WANTED, size=st.integers(1, 6))
def test_whatever_is_booked_and_asked_every_page_together_is_the_whole(
    world: World, booked: list[Any], wanted: dict[str, Any], size: int
) -> None:
    world.clear()
    kept = [booking(hours, user=user, status=status, organization=org) for hours, user, status, org in booked]
    world.add(*kept)
    asked = HistoryFilter(organization_id=OURS, **wanted)
    expected = [
        one
        for one in sorted(kept, key=lambda one: (one.starts_at, one.id), reverse=True)
        if one.organization_id == OURS
        and asked.user_id in (None, one.user_id)
        and one.status in asked.statuses
        and asked.starts_from <= one.starts_at < asked.starts_before
    ]
    pages = list(world.pages(size, **wanted))
    assert [one for page in pages for one in page] == expected
    assert all(len(page) == size for page in pages[:-1])
