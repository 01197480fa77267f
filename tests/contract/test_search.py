"""Who has something free, and what: plain loops over a fake, and every engine, say the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, select, update

from repositories.database import Database
from repositories.entities.availability import (
    Opening,
    Openings,
    Place,
    ProviderFacts,
    ProviderFilter,
    SlotDuration,
    WorkingHours,
)
from repositories.entities.bookings import Booking, Slot
from repositories.entities.effects import ReleaseTime, ReserveTime
from repositories.enums import BookingStatus, CommunicationType, GenderType
from repositories.ports.availability import Availability, CopiedFacts, ProviderSearch
from repositories.ports.errors import SlotTaken
from repositories.scheduling_db import search, tables
from repositories.scheduling_db.availability import SqlAvailability
from repositories.scheduling_db.calendars import SqlCalendars, hold_calendar, update_calendar
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.effects import apply_effect
from repositories.scheduling_db.provider_facts import SqlCopiedFacts
from repositories.scheduling_db.search import SqlSearch
from tests.engines import ENGINES
from tests.fakes.availability import LENGTHS, FakeAvailability

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LEVELS = (0, 1, 2, 3)
EVERYONE = ProviderFilter(
    genders=tuple(GenderType),
    experience_level_ids=LEVELS,
    provider_level_ids=LEVELS,
    min_rate_minor=0,
    max_rate_minor=10**12,
)


def facts_of(provider: int, **changes: Any) -> ProviderFacts:
    values = {
        "care_provider_id": provider,
        "gender": GenderType.FEMALE,
        "language_ids": (1, 2),
        "specialty_ids": (5,),
        "experience_level_id": 2,
        "provider_level_id": 3,
        "hourly_rate_minor": 200_00,
    }
    return ProviderFacts(**{**values, **changes})


def slot(number: int, provider: int, starts_at: datetime, minutes: int = 60, *, is_open: bool = True) -> Slot:
    return Slot(
        id=number,
        care_provider_id=provider,
        starts_at=starts_at,
        ends_at=starts_at + minutes * MINUTE,
        is_open=is_open,
    )


class InMemory:
    """The fake, and what changes it."""

    def __init__(self) -> None:
        self.fake = FakeAvailability()
        self.search: ProviderSearch = self.fake
        self.availability: Availability = self.fake
        self.facts: CopiedFacts = self.fake

    def add_slot(self, one: Slot) -> None:
        self.fake.scheduling.slots[one.id] = one

    def add_hours(self, provider: int, hours: WorkingHours) -> None:
        self.fake.hours.setdefault(provider, []).append(hours)

    def add_booking(self, one: Booking) -> None:
        self.fake.scheduling.bookings[one.id] = one

    def block(self, slot_id: int, *, is_open: bool = False) -> None:
        kept = self.fake.scheduling.slots[slot_id]
        self.fake.scheduling.slots[slot_id] = Slot(**{**vars(kept), "is_open": is_open})

    def reserve(self, booking_id: int, one: Slot) -> None:
        kept = self.fake.scheduling.cells
        wanted = [(one.care_provider_id, cell) for cell in cells_of(one.starts_at, one.ends_at)]
        if any(cell in kept for cell in wanted):
            raise SlotTaken
        kept |= dict.fromkeys(wanted, booking_id)

    def release(self, booking_id: int) -> None:
        kept = self.fake.scheduling.cells
        self.fake.scheduling.cells = {cell: holder for cell, holder in kept.items() if holder != booking_id}


class InDatabase:
    """The database, and what changes it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.search: ProviderSearch = SqlSearch(database)
        self.availability: Availability = SqlAvailability(database)
        self.facts: CopiedFacts = SqlCopiedFacts(database)
        for number, minutes in enumerate(LENGTHS, 1):
            self._write(insert(tables.slot_durations), {"id": number, "minutes": minutes})

    def add_slot(self, one: Slot) -> None:
        def work(connection: Any) -> None:
            duration = LENGTHS.index((one.ends_at - one.starts_at) // MINUTE) + 1
            connection.execute(insert(tables.slots), {**vars(one), "slot_duration_id": duration})
            self._changed(connection, one)

        self.database.write(work)

    def add_hours(self, provider: int, hours: WorkingHours) -> None:
        self._write(insert(tables.provider_hours), {**vars(hours), "care_provider_id": provider})

    def add_booking(self, one: Booking) -> None:
        row = {**vars(one), "platform": 3, "is_from_mobile": False}
        self._write(insert(tables.bookings), row)

    def block(self, slot_id: int, *, is_open: bool = False) -> None:
        kept = tables.slots

        def work(connection: Any) -> None:
            connection.execute(update(kept).where(kept.c.id == slot_id).values(is_open=is_open))
            self._changed(connection, connection.execute(select(kept).where(kept.c.id == slot_id)).one())

        self.database.write(work)

    def reserve(self, booking_id: int, one: Slot) -> None:
        effect = ReserveTime(
            booking_id=booking_id,
            care_provider_id=one.care_provider_id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )
        self.database.write(lambda connection: apply_effect(connection, effect, NOW))

    def release(self, booking_id: int) -> None:
        effect = ReleaseTime(booking_id=booking_id)
        self.database.write(lambda connection: apply_effect(connection, effect, NOW))

    def empty(self) -> None:
        for table in (tables.slots, tables.reserved_cells, tables.provider_calendars, tables.provider_facets):
            self._write(delete(table), {})

    def _changed(self, connection: Any, one: Any) -> None:
        hold_calendar(connection, one.care_provider_id)
        cells = cells_of(one.starts_at, one.ends_at)
        update_calendar(connection, one.care_provider_id, cells[0], cells[-1] + 1)

    def _write(self, statement: Any, values: Any) -> None:
        self.database.write(lambda connection: connection.execute(statement, values))


World = InMemory | InDatabase


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: Any) -> World:
    if request.param == "fake":
        return InMemory()
    return InDatabase(fresh_database(request.param, "scheduling_db"))


def known(world: World, *facts: ProviderFacts) -> None:
    world.facts.copy_between(facts, after=0, upto=None)


def found(world: World, *, since: datetime = NOW, wanted: ProviderFilter | None = None) -> list[tuple[int, datetime]]:
    openings = world.search.find_openings(wanted, since=since, behind=None, limit=100).found
    return [(one.place.care_provider_id, one.place.starts_at) for one in openings]


def walked(world: World, *, since: datetime, wanted: ProviderFilter | None, limit: int) -> list[Opening]:
    """Every page of a search, one after the other."""
    openings: list[Opening] = []
    page = Openings(found=(), next_place=None)
    for number in count():
        assert number < 100
        if number and page.next_place is None:
            return openings
        page = world.search.find_openings(wanted, since=since, behind=page.next_place, limit=limit)
        assert len(page.found) <= limit
        openings += page.found
    raise AssertionError


# --- who is found, and where ---------------------------------------------------------------


def test_whoever_is_free_first_comes_first_and_then_the_lower_id(world: World) -> None:
    known(world, *(facts_of(provider) for provider in (1, 2, 3, 4)))
    world.add_slot(slot(10, 3, NOW + 2 * HOUR))
    world.add_slot(slot(11, 2, NOW + 2 * HOUR))
    world.add_slot(slot(12, 1, NOW + 3 * HOUR))
    world.add_slot(slot(13, 3, NOW + 5 * HOUR))
    assert found(world) == [(2, NOW + 2 * HOUR), (3, NOW + 2 * HOUR), (1, NOW + 3 * HOUR)]


def test_a_slot_counts_from_its_start_on(world: World) -> None:
    known(world, facts_of(1))
    world.add_slot(slot(10, 1, NOW))
    world.add_slot(slot(11, 1, NOW + HOUR))
    assert found(world, since=NOW) == [(1, NOW)]
    assert found(world, since=NOW + timedelta(microseconds=1)) == [(1, NOW + HOUR)]
    assert found(world, since=NOW + HOUR + timedelta(seconds=1)) == []


def test_a_blocked_slot_is_not_free_until_it_is_open_again(world: World) -> None:
    known(world, facts_of(1))
    world.add_slot(slot(10, 1, NOW + HOUR, is_open=False))
    assert found(world) == []
    world.block(10, is_open=True)
    assert found(world) == [(1, NOW + HOUR)]
    world.block(10)
    assert found(world) == []


def test_a_reserved_slot_is_not_free_until_it_is_released(world: World) -> None:
    known(world, facts_of(1))
    world.add_slot(slot(10, 1, NOW + HOUR))
    world.add_slot(slot(11, 1, NOW + DAY))
    world.reserve(7, slot(10, 1, NOW + HOUR))
    assert found(world) == [(1, NOW + DAY)]
    world.reserve(8, slot(11, 1, NOW + DAY))
    assert found(world) == []
    for _ in range(2):
        world.release(7)
    assert found(world) == [(1, NOW + HOUR)]
    world.release(8)
    assert found(world, since=NOW + 2 * HOUR) == [(1, NOW + DAY)]


def test_a_slot_is_not_free_if_another_of_another_length_holds_a_part_of_its_time(world: World) -> None:
    known(world, facts_of(1))
    long, short = slot(10, 1, NOW + HOUR, 60), slot(11, 1, NOW + HOUR + 30 * MINUTE, 30)
    world.add_slot(long)
    world.add_slot(short)
    world.reserve(7, short)
    assert found(world) == []
    world.release(7)
    world.reserve(8, long)
    assert found(world) == []
    world.release(8)
    assert found(world) == [(1, NOW + HOUR)]


def test_reserving_twice_is_reserving_once(world: World) -> None:
    known(world, facts_of(1))
    one = slot(10, 1, NOW + HOUR)
    world.add_slot(one)
    world.add_slot(slot(11, 1, NOW + DAY))
    world.reserve(7, one)
    if isinstance(world, InDatabase):
        world.reserve(7, one)
    with pytest.raises(SlotTaken):
        world.reserve(8, one)
    assert found(world) == [(1, NOW + DAY)]


def test_who_is_not_known_is_not_found(world: World) -> None:
    world.add_slot(slot(10, 1, NOW + HOUR))
    world.add_slot(slot(11, 2, NOW + HOUR))
    known(world, facts_of(1), facts_of(2))
    assert [provider for provider, _ in found(world)] == [1, 2]
    known(world, facts_of(2))
    assert [provider for provider, _ in found(world)] == [2]


# --- filters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"genders": (GenderType.FEMALE,)}, [1, 3]),
        ({"genders": (GenderType.MALE,)}, [2]),
        ({"language_ids": (1,)}, [1]),
        ({"language_ids": (1, 3)}, [1, 2]),
        ({"language_ids": (9,)}, []),
        ({"specialty_ids": (5, 6)}, [1, 2]),
        ({"experience_level_ids": (1,)}, [2]),
        ({"experience_level_ids": (0,)}, [3]),
        ({"provider_level_ids": (3,)}, [1]),
        ({"min_rate_minor": 150_00}, [1, 2]),
        ({"max_rate_minor": 150_00}, [2, 3]),
        ({"min_rate_minor": 150_01, "max_rate_minor": 200_00}, [1]),
        ({"genders": (GenderType.MALE,), "language_ids": (1,)}, []),
        ({"language_ids": (2, 3), "specialty_ids": (6,)}, [2]),
    ],
    ids=str,
)
def test_a_filter_lets_in_any_of_its_values_and_asks_for_all_of_its_facts(
    world: World, changes: dict[str, Any], expected: list[int]
) -> None:
    known(
        world,
        facts_of(1),
        facts_of(
            2,
            gender=GenderType.MALE,
            language_ids=(2, 3),
            specialty_ids=(6,),
            experience_level_id=1,
            provider_level_id=2,
            hourly_rate_minor=150_00,
        ),
        facts_of(
            3, language_ids=(), specialty_ids=(), experience_level_id=0, provider_level_id=1, hourly_rate_minor=99_99
        ),
    )
    for provider in (1, 2, 3):
        world.add_slot(slot(10 + provider, provider, NOW + HOUR))
    wanted = ProviderFilter(**{**vars(EVERYONE), **changes})
    assert [provider for provider, _ in found(world, wanted=wanted)] == expected


# --- the copy of the facts -----------------------------------------------------------------


def test_only_what_changed_is_copied_and_only_in_its_range(world: World) -> None:
    facts = [facts_of(provider) for provider in (1, 2, 5)]
    assert world.facts.copy_between(facts, after=0, upto=None) == 3
    assert world.facts.copy_between(facts, after=0, upto=None) == 0
    assert world.facts.copy_between([facts_of(2, hourly_rate_minor=1)], after=1, upto=4) == 1
    assert world.facts.copy_between([], after=2, upto=None) == 1
    assert world.facts.copy_between([facts_of(5)], after=2, upto=None) == 1
    for provider in (1, 2, 5):
        world.add_slot(slot(10 + provider, provider, NOW + HOUR))
    cheap = ProviderFilter(**{**vars(EVERYONE), "max_rate_minor": 1})
    assert [provider for provider, _ in found(world)] == [1, 2, 5]
    assert [provider for provider, _ in found(world, wanted=cheap)] == [2]


# --- what is free --------------------------------------------------------------------------


def test_the_lengths_of_slots_come_in_order(world: World) -> None:
    lengths = [SlotDuration(id=number, length=minutes * MINUTE) for number, minutes in enumerate(LENGTHS, 1)]
    assert world.availability.slot_durations() == lengths


def test_what_is_free_is_shown_of_one_provider_and_of_several(world: World) -> None:
    for number, provider, starts_at in ((10, 1, NOW), (11, 1, NOW + HOUR), (12, 1, NOW + DAY), (13, 2, NOW + HOUR)):
        world.add_slot(slot(number, provider, starts_at))
    world.add_slot(slot(14, 1, NOW + 2 * HOUR, is_open=False))
    world.reserve(7, slot(0, 1, NOW + HOUR))
    of_one = world.availability.free_slots_of(1, since=NOW, before=NOW + DAY + MINUTE)
    assert [(one.id, one.starts_at, one.ends_at) for one in of_one] == [
        (10, NOW, NOW + HOUR),
        (12, NOW + DAY, NOW + DAY + HOUR),
    ]
    assert {one.slot_duration_id for one in of_one} == {LENGTHS.index(60) + 1}
    assert [one.id for one in world.availability.free_slots_of(1, since=NOW, before=NOW + DAY)] == [10]
    assert [one.id for one in world.availability.free_slots_of(1, since=NOW + MINUTE, before=NOW + 2 * DAY)] == [12]
    of_both = world.availability.free_slots_from([13, 10], within=DAY)
    assert [(one.care_provider_id, one.id) for one in of_both] == [(1, 10), (2, 13)]
    assert [one.id for one in world.availability.free_slots_from([10], within=DAY + MINUTE)] == [10, 12]
    assert world.availability.free_slots_from([], within=DAY) == []


def test_hours_are_shown_if_any_part_of_them_is_asked_for(world: World) -> None:
    hours = [
        WorkingHours(id=number, starts_at=NOW + n * 6 * HOUR, ends_at=NOW + n * 6 * HOUR + 4 * HOUR)
        for number, n in ((1, 0), (2, 1), (3, 2))
    ]
    for one in reversed(hours):
        world.add_hours(1, one)
    assert world.availability.hours_of(1, since=NOW + 3 * HOUR, before=NOW + 12 * HOUR) == hours[:2]
    assert world.availability.hours_of(1, since=NOW + 4 * HOUR, before=NOW + 12 * HOUR) == hours[1:2]
    assert world.availability.hours_of(2, since=NOW, before=NOW + DAY) == []


def booking(number: int, starts_at: datetime, **changes: Any) -> Booking:
    values: dict[str, Any] = {
        "id": number,
        "organization_id": 1,
        "user_id": 5,
        "care_provider_id": 1,
        "slot_id": 10,
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "communication_type": CommunicationType.VIDEO,
        "status": BookingStatus.CONFIRMED,
        "meeting_id": None,
        "reason": None,
        "failed_step": None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Booking(**{**values, **changes})


def test_bookings_are_shown_to_their_own_user_while_they_stand(world: World) -> None:
    world.add_slot(slot(10, 1, NOW))
    for one in (
        booking(1, NOW + 2 * HOUR),
        booking(2, NOW, status=BookingStatus.PENDING),
        booking(3, NOW, status=BookingStatus.CANCELLED),
        booking(4, NOW, status=BookingStatus.FAILED),
        booking(5, NOW, user_id=6),
        booking(6, NOW, organization_id=2),
        booking(7, NOW, care_provider_id=2),
        booking(8, NOW + DAY),
        booking(9, NOW - MINUTE),
    ):
        world.add_booking(one)
    shown = world.availability.bookings_of(1, organization_id=1, user_id=5, since=NOW, before=NOW + DAY)
    assert [(one.id, one.status) for one in shown] == [(2, BookingStatus.PENDING), (1, BookingStatus.CONFIRMED)]
    assert (shown[1].slot_id, shown[1].starts_at, shown[1].ends_at) == (10, NOW + 2 * HOUR, NOW + 3 * HOUR)


# --- whatever happens ----------------------------------------------------------------------

PROVIDERS = st.integers(1, 3)
STARTS = st.integers(0, 3 * 288).map(lambda cell: NOW + cell * 5 * MINUTE)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), PROVIDERS, STARTS, st.sampled_from(LENGTHS)),
        st.tuples(st.just("reserve"), st.integers(0, 40)),
        st.tuples(st.just("release"), st.integers(0, 40)),
        st.tuples(st.just("block"), st.integers(0, 40)),
        st.tuples(st.just("unblock"), st.integers(0, 40)),
    ),
    min_size=1,
    max_size=25,
)
LOOKING = st.lists(st.tuples(STARTS, st.integers(1, 4)), min_size=1, max_size=4)


@dataclass
class Twins:
    """The same acts, done to the fake and to a database."""

    memory: InMemory
    database: InDatabase
    slots: list[Slot] = field(default_factory=list)

    def act(self, what: str, *how: Any) -> None:
        if what == "open":
            provider, starts_at, minutes = how
            self.slots.append(slot(len(self.slots) + 1, provider, starts_at, minutes))
            self._both(lambda world: world.add_slot(self.slots[-1]))
        elif self.slots:
            self._change(what, self.slots[how[0] % len(self.slots)])

    def _change(self, what: str, one: Slot) -> None:
        acts: dict[str, Callable[[World], None]] = {
            "reserve": lambda world: world.reserve(one.id, one),
            "release": lambda world: world.release(one.id),
            "block": lambda world: world.block(one.id),
            "unblock": lambda world: world.block(one.id, is_open=True),
        }
        is_held = one.id in self.memory.fake.scheduling.cells.values()
        if not (what == "reserve" and is_held):
            self._both(acts[what])

    def _both(self, act: Callable[[World], None]) -> None:
        outcomes = []
        for world in (self.memory, self.database):
            try:
                act(world)
            except SlotTaken:
                outcomes.append("taken")
            else:
                outcomes.append("done")
        assert len(set(outcomes)) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS, LOOKING)
def test_whatever_is_opened_blocked_reserved_and_released_the_search_is_right(
    scheduling_database: Database, acts: list[tuple[Any, ...]], looking: list[tuple[datetime, int]]
) -> None:
    twins = twins_of(scheduling_database)
    for act in acts:
        twins.act(*act)
    for since, limit in looking:
        walks = [walked(world, since=since, wanted=None, limit=limit) for world in (twins.memory, twins.database)]
        assert walks[0] == walks[1]
    assert SqlCalendars(scheduling_database).check(after=0, limit=100).wrong == 0


def twins_of(database: Database) -> Twins:
    if database not in TWINS:
        TWINS.clear()
        TWINS[database] = InDatabase(database)
    TWINS[database].empty()
    twins = Twins(InMemory(), TWINS[database])
    twins._both(lambda world: known(world, *(facts_of(provider) for provider in (1, 2, 3))))
    return twins


TWINS: dict[Database, InDatabase] = {}  # the world of the database that the examples of one test share

SOME = st.lists(st.integers(1, 4), max_size=3, unique=True).map(lambda ids: tuple(sorted(ids)))
FACTS = st.builds(
    facts_of,
    st.just(0),
    gender=st.sampled_from(GenderType),
    language_ids=SOME,
    specialty_ids=SOME,
    experience_level_id=st.sampled_from(LEVELS),
    provider_level_id=st.sampled_from(LEVELS[1:]),
    hourly_rate_minor=st.integers(0, 5).map(lambda hundreds: hundreds * 100_00),
)
ANY_OF = st.one_of(st.just((0,)), SOME.filter(bool))
FILTERS = st.builds(
    ProviderFilter,
    genders=st.sampled_from([tuple(GenderType), (GenderType.FEMALE,), (GenderType.MALE,)]),
    language_ids=ANY_OF,
    specialty_ids=ANY_OF,
    experience_level_ids=st.sampled_from([LEVELS, (1,), (2, 3)]),
    provider_level_ids=st.sampled_from([LEVELS, (1,), (3,)]),
    min_rate_minor=st.sampled_from([0, 150_00]),
    max_rate_minor=st.sampled_from([10**9, 300_00]),
)


@pytest.mark.parametrize("few", [0, 1_000], ids=["by time", "by provider"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(FACTS, st.lists(STARTS, max_size=3)), max_size=12), FILTERS, STARTS, st.integers(1, 5))
def test_whatever_is_filtered_the_search_is_right(
    scheduling_database: Database,
    few: int,
    people: list[tuple[ProviderFacts, list[datetime]]],
    wanted: ProviderFilter,
    since: datetime,
    limit: int,
) -> None:
    """The two ways through a database, each forced, and looks so short that several are needed."""
    twins = twins_of(scheduling_database)
    facts = [facts_of(**{**vars(one), "provider": n, "care_provider_id": n}) for n, (one, _) in enumerate(people, 1)]
    twins._both(lambda world: known(world, *facts))
    for provider, (_, starts) in enumerate(people, 1):
        for starts_at in starts:
            twins.act("open", provider, starts_at, 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FEW", few)
        patch.setattr(search, "FIRST_LOOK", 2)
        patch.setattr(search, "MOST_READ", 9)
        walks = [walked(world, since=since, wanted=wanted, limit=limit) for world in (twins.memory, twins.database)]
    assert walks[0] == walks[1]


@pytest.mark.parametrize("is_merged", [True, False], ids=["merged", "in parts"])
def test_the_line_is_the_same_whichever_way_it_is_read(
    scheduling_database: Database, is_merged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each engine takes the way that suits it, and could take the other."""
    world = InDatabase(scheduling_database)
    world.search = SqlSearch(scheduling_database, is_merged=is_merged)
    men = range(1, 31, 3)
    known(world, *(facts_of(one, gender=GenderType.MALE if one in men else GenderType.FEMALE) for one in range(1, 31)))
    for provider in range(1, 31):  # the higher the id, the earlier
        world.add_slot(slot(provider, provider, NOW + (31 - provider) * HOUR))
        world.add_slot(slot(100 + provider, provider, NOW + (80 - provider) * HOUR, 30))
    monkeypatch.setattr(search, "FEW", 0)
    monkeypatch.setattr(search, "FIRST_LOOK", 4)
    wanted = ProviderFilter(**{**vars(EVERYONE), "genders": (GenderType.MALE,)})
    everyone = walked(world, since=NOW, wanted=None, limit=7)
    assert [one.place.care_provider_id for one in everyone] == list(range(30, 0, -1))
    found_men = walked(world, since=NOW, wanted=wanted, limit=3)
    assert [one.place.care_provider_id for one in found_men] == list(reversed(men))


def test_a_search_reads_no_more_than_its_looks_and_says_where_it_stopped(
    scheduling_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred providers are free before the one who is wanted; nobody would know without looking at them."""
    world = InDatabase(scheduling_database)
    known(world, *(facts_of(provider) for provider in range(1, 101)), facts_of(101, gender=GenderType.MALE))
    for provider in range(1, 102):
        world.add_slot(slot(provider, provider, NOW + provider * 5 * MINUTE))
    monkeypatch.setattr(search, "FEW", 0)
    monkeypatch.setattr(search, "FIRST_LOOK", 5)
    monkeypatch.setattr(search, "MOST_READ", 60)
    men = ProviderFilter(**{**vars(EVERYONE), "genders": (GenderType.MALE,)})
    first = world.search.find_openings(men, since=NOW, behind=None, limit=5)
    assert (first.found, first.next_place) == ((), Place(starts_at=NOW + 300 * MINUTE, care_provider_id=60))
    second = world.search.find_openings(men, since=NOW, behind=first.next_place, limit=5)
    assert [one.place.care_provider_id for one in second.found] == [101]
    assert second.next_place is None


def looks_of(database: Database, search_for: Callable[[], Openings]) -> tuple[Openings, list[int]]:
    """What was found, and how many free slots each statement was to read."""
    looks: list[int] = []

    def note(_connection: Any, _clause: Any, _many: Any, values: dict[str, Any], _options: Any) -> None:
        looks.extend([values["look"]] if "look" in values else [])

    event.listen(database.engine, "before_execute", note)
    try:
        return search_for(), looks
    finally:
        event.remove(database.engine, "before_execute", note)


def test_a_search_reads_about_as_much_as_its_filter_needs(
    scheduling_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fifth provider is wanted: two of the first ten, so that four more are likely among the next 25."""
    world = InDatabase(scheduling_database)
    men = [facts_of(provider, gender=GenderType.MALE) for provider in range(5, 51, 5)]
    known(world, *men, *(facts_of(provider) for provider in range(1, 51) if provider % 5))
    for provider in range(1, 51):
        world.add_slot(slot(provider, provider, NOW + provider * 5 * MINUTE))
    monkeypatch.setattr(search, "FEW", 0)
    monkeypatch.setattr(search, "FIRST_LOOK", 10)
    wanted = ProviderFilter(**{**vars(EVERYONE), "genders": (GenderType.MALE,)})

    def page(wanted: ProviderFilter | None) -> tuple[list[int], list[int]]:
        openings, looks = looks_of(
            scheduling_database, lambda: world.search.find_openings(wanted, since=NOW, behind=None, limit=5)
        )
        return [one.place.care_provider_id for one in openings.found], looks

    assert page(wanted) == ([5, 10, 15, 20, 25], [10, 25])
    assert page(None) == ([1, 2, 3, 4, 5], [6])
    monkeypatch.setattr(search, "FIRST_LOOK", 28)  # of which five match: one more is likely among the next seven
    assert page(wanted) == ([5, 10, 15, 20, 25], [28, 28])


# --- anew ----------------------------------------------------------------------------------


def test_slots_that_others_wrote_are_found_once_their_calendars_are_rebuilt(scheduling_database: Database) -> None:
    world, calendars = InDatabase(scheduling_database), SqlCalendars(scheduling_database)
    known(world, *(facts_of(provider) for provider in (1, 2, 3)))
    for provider in (1, 2, 3):
        one = slot(10 + provider, provider, NOW + HOUR)
        row = {**vars(one), "slot_duration_id": 4, "starts_cell": None, "ends_cell": None}
        world._write(insert(tables.slots), row)
    assert found(world) == []
    first = calendars.check(after=0, limit=2)
    assert (first.upto, first.wrong) == (2, 2)
    assert calendars.rebuild(after=0, limit=2) == first
    assert [provider for provider, _ in found(world)] == [1, 2]
    assert calendars.rebuild(after=2, limit=2).upto == 3
    assert calendars.rebuild(after=3, limit=2).upto is None
    assert [provider for provider, _ in found(world)] == [1, 2, 3]
    assert calendars.check(after=0, limit=10).wrong == 0


@pytest.mark.parametrize("changed", [{"next_after": 5}, {"next_after": None}, {"is_open": False}], ids=str)
def test_a_calendar_that_is_wrong_is_told(scheduling_database: Database, changed: dict[str, Any]) -> None:
    world, calendars = InDatabase(scheduling_database), SqlCalendars(scheduling_database)
    world.add_slot(slot(10, 1, NOW + HOUR))
    world.add_slot(slot(11, 1, NOW + 2 * HOUR))
    world._write(update(tables.slots).where(tables.slots.c.id == 11).values(**changed), {})
    assert calendars.check(after=0, limit=10).wrong == 1
    calendars.rebuild(after=0, limit=10)
    assert calendars.check(after=0, limit=10).wrong == 0
