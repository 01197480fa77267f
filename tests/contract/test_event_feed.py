"""What whoever polls events relies on: on the fake, and on every engine alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from repositories.database import Database
from repositories.entities.events import BookingEvent, EventFilter, EventPage
from repositories.enums import BookingStatus, EventKind, Kept
from repositories.ports.errors import EventsForgotten
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.event_feed import SqlEventFeed
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.purging import scheduling_forgets
from repositories.scheduling_db.tables import booking_events, bookings
from tests.contract import test_purging as purging
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, STARTS, slot
from tests.engines import ENGINES, Databases
from tests.fakes.event_feed import FakeEventFeed

NOW = datetime(2026, 1, 5, 12, 0, 0, 250_000, tzinfo=UTC)
OURS, THEIRS = 1, 2
SCANNED = 4  # of the real one: as if 5000


def event(position: int, *, kind: str = "confirmed", booking: int = 5, organization: int = OURS) -> BookingEvent:
    return BookingEvent(
        id=position + 100,
        organization_id=organization,
        booking_id=booking,
        sequence=position,
        kind=kind,
        status=BookingStatus.CONFIRMED,
        reason=None,
        changed=("bookingStatus", "meetingId"),
        occurred_at=NOW,
        position=position,
    )


@dataclass
class World:
    feed: Any
    write: Callable[..., None]
    clear: Callable[[], None]
    purge: Callable[..., None]

    def read(self, after: int = 0, limit: int = 20, **wanted: Any) -> EventPage:
        page: EventPage = self.feed.read(EventFilter(**{"organization_id": OURS, **wanted}), after=after, limit=limit)
        return page

    def goes_on(self, before: EventPage, limit: int = 20, **wanted: Any) -> list[int]:
        """The positions of the page after it."""
        asked = EventFilter(**{"organization_id": OURS, **wanted})
        page = self.feed.read(asked, after=before.reached, forgotten=before.forgotten, limit=limit)
        assert page.forgotten == before.forgotten
        return [one.position for one in page.events]

    def positions(self, *given: Any, **wanted: Any) -> list[int]:
        return [one.position for one in self.read(*given, **wanted).events]

    def pages(self, limit: int, after: int = 0, **wanted: Any) -> Iterator[EventPage]:
        while True:
            page = self.read(after, limit, **wanted)
            yield page
            if not page.has_more:
                return
            after = page.reached


@pytest.fixture(scope="module", params=["fake", *ENGINES])
def standing(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeEventFeed()

        def purge(*events: BookingEvent) -> None:
            fake.events = [one for one in fake.events if one not in events]
            fake.forgotten.extend(events)

        def clear() -> None:
            fake.events.clear()
            fake.forgotten.clear()

        yield World(fake, lambda *events: fake.events.extend(events), clear, purge)
        return
    with databases.opened(request.param, "scheduling_db") as database:
        yield sql_world(database)


@pytest.fixture
def world(standing: World) -> World:
    standing.clear()
    return standing


def sql_world(database: Database) -> World:
    def write(*events: BookingEvent) -> None:
        rows = [{**vars(one), "changed": '["bookingStatus","meetingId"]'} for one in events]
        if rows:
            database.write(lambda connection: connection.execute(insert(booking_events), rows))

    def clear() -> None:
        database.write(lambda connection: connection.execute(delete(booking_events)))
        database.write(lambda connection: connection.execute(delete(bookings)))

    def purge(*events: BookingEvent) -> None:
        """By the purge itself, at once, of sessions that are long over."""
        for one in events:
            if one.booking_id not in purging.ids(database, bookings):
                purging.booking(database, id=one.booking_id, organization_id=one.organization_id)
            old = update(booking_events).where(booking_events.c.id == one.id).values(occurred_at=purging.OLD)
            database.write(lambda connection, old=old: connection.execute(old))  # type: ignore[misc]
        assert scheduling_forgets(database).forget(Kept.EVENTS, before=purging.BEFORE, limit=9) == len(events)

    return World(SqlEventFeed(database, scanned=SCANNED), write, clear, purge)


def test_an_event_is_told_as_it_is(world: World) -> None:
    world.write(one := event(3))
    assert world.read() == EventPage(events=[one], reached=3, has_more=False)


def test_events_come_in_the_order_of_their_positions(world: World) -> None:
    world.write(event(3), event(1), event(2))
    assert world.positions() == [1, 2, 3]


def test_another_organizations_events_are_not_there(world: World) -> None:
    world.write(event(1, organization=THEIRS), event(2))
    assert world.positions() == [2]
    assert world.positions(booking_id=5) == [2]
    assert world.positions(kinds=("confirmed",)) == [2]


def test_a_page_goes_on_where_the_one_before_reached(world: World) -> None:
    world.write(*(event(position) for position in range(1, 6)))
    pages = list(world.pages(2))
    assert [[one.position for one in page.events] for page in pages] == [[1, 2], [3, 4], [5]]
    assert [page.has_more for page in pages] == [True, True, False]


def test_a_page_that_is_just_full_is_the_last(world: World) -> None:
    world.write(event(1), event(2))
    assert world.read(limit=2).has_more is False


def test_nothing_new_reaches_no_farther_and_no_less_far(world: World) -> None:
    assert world.read(after=7) == EventPage(events=[], reached=7, has_more=False)


def test_what_is_not_asked_for_is_not_looked_at_again(world: World) -> None:
    world.write(event(1), event(2, kind="failed"))
    page = world.read(kinds=("cancelled",))
    assert (list(page.events), page.reached) == ([], 2)


def test_kinds_and_a_booking_narrow_it(world: World) -> None:
    world.write(event(1), event(2, kind="failed"), event(3, booking=6), event(4, kind="cancelled", booking=6))
    assert world.positions(kinds=("failed", "cancelled")) == [2, 4]
    assert world.positions(booking_id=6) == [3, 4]
    assert world.positions(booking_id=6, kinds=("cancelled",)) == [4]
    assert world.positions(booking_id=5, kinds=("cancelled",)) == []


def test_rare_kinds_are_found_however_much_lies_between(world: World) -> None:
    world.write(*(event(position) for position in range(1, 18)), event(18, kind="failed"))
    pages = list(world.pages(2, kinds=("failed",)))
    assert [one.position for page in pages for one in page.events] == [18]
    assert pages[-1].reached == 18


KINDS = st.sampled_from([kind.value for kind in EventKind][:3])
WRITTEN = st.lists(st.tuples(KINDS, st.integers(1, 3), st.sampled_from([OURS, OURS, THEIRS])), max_size=20)
WANTED = st.fixed_dictionaries(
    {}, optional={"booking_id": st.integers(1, 3), "kinds": st.sets(KINDS, min_size=1).map(tuple)}
)


@settings(max_examples=30, deadline=None)
@given(written=WRITTEN, wanted=WANTED, size=st.integers(1, 5), split=st.integers(0, 20))
def test_whoever_polls_gets_each_once_and_in_order_also_what_comes_meanwhile(
    standing: World, written: list[Any], wanted: dict[str, Any], size: int, split: int
) -> None:
    standing.clear()
    events = [
        event(position, kind=kind, booking=booking, organization=organization)
        for position, (kind, booking, organization) in enumerate(written, 1)
    ]
    after = 0
    got: list[BookingEvent] = []
    for part in (events[:split], events[split:]):
        standing.write(*part)
        for page in standing.pages(size, after, **wanted):
            got += page.events
            after = page.reached
    asked = EventFilter(organization_id=OURS, **wanted)
    assert got == [
        one
        for one in events
        if one.organization_id == OURS
        and asked.booking_id in (None, one.booking_id)
        and (asked.kinds is None or one.kind in asked.kinds)
    ]


# --- what was purged -----------------------------------------------------------------------


def test_whoever_begins_gets_what_is_kept_and_then_goes_on(world: World) -> None:
    events = [event(position) for position in range(1, 7)]
    world.write(*events)
    world.purge(events[3], events[0], events[2])
    first = world.read(limit=1)
    assert ([one.position for one in first.events], first.forgotten) == ([2], 4)
    assert world.goes_on(first) == [5, 6]


def test_whoever_goes_on_behind_what_is_purged_is_told_so(world: World) -> None:
    events = [event(1), event(2), event(3)]
    world.write(*events)
    first = world.read(limit=1)
    world.purge(events[0])
    assert world.goes_on(first) == [2, 3]  # it has seen what is gone
    world.purge(events[1])
    with pytest.raises(EventsForgotten):
        world.goes_on(first)
    assert world.positions() == [3]


def test_whoever_began_when_nothing_had_happened_is_told_so_too(world: World) -> None:
    nothing = world.read()
    world.write(event(1), event(2))
    assert world.goes_on(nothing) == [1, 2]
    world.purge(event(1))
    with pytest.raises(EventsForgotten):
        world.goes_on(nothing)


def test_what_others_do_not_have_any_more_is_not_missed(world: World) -> None:
    events = [event(1), event(2, booking=6), event(3, organization=THEIRS, booking=7)]
    world.write(*events)
    of_booking = world.read(booking_id=5)
    of_kinds = world.read(limit=1, kinds=("confirmed",))
    world.purge(events[2])
    assert world.goes_on(of_kinds, kinds=("confirmed",)) == [2]
    world.purge(events[1])
    assert world.goes_on(of_booking, booking_id=5) == []
    with pytest.raises(EventsForgotten):
        world.goes_on(of_kinds, kinds=("confirmed",))


# --- on databases --------------------------------------------------------------------------


def reader_of(database: Database) -> Callable[[int], EventPage]:
    feed = SqlEventFeed(database)
    return lambda after: feed.read(EventFilter(organization_id=OURS), after=after, limit=20)


def test_what_is_not_announced_yet_is_not_told_yet(scheduling_database: Database) -> None:
    world = scheduling.sql_world(scheduling_database)
    world.add_slot(slot(7, STARTS, HOUR))
    booking = world.accept()
    read = reader_of(scheduling_database)
    assert read(0).events == []
    SqlAnnouncer(scheduling_database).announce(limit=10)
    (told,) = read(0).events
    assert (told.booking_id, told.sequence, told.kind, told.changed) == (booking, 1, "accepted", ())


def test_an_event_that_commits_late_is_not_missed(scheduling_database: Database) -> None:
    if scheduling_database.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: nobody commits later than who wrote after it")
    world = scheduling.sql_world(scheduling_database)
    world.add_slot(slot(7, STARTS, HOUR))
    slow, quick = world.accept(), world.accept()
    announcer, read = SqlAnnouncer(scheduling_database), reader_of(scheduling_database)
    announcer.announce(limit=10)
    begun = read(0).reached
    with scheduling_database.engine.begin() as connection:
        append_event(connection, slow, "recording_ready", NOW)  # its id comes first
        scheduling_database.write(lambda other: append_event(other, quick, "recording_ready", NOW))
        announcer.announce(limit=10)
        first = read(begun)
    announcer.announce(limit=10)
    second = read(first.reached)
    assert [one.booking_id for one in (*first.events, *second.events)] == [quick, slow]
