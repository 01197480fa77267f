"""Hours and slots that are opened, blocked and removed: on the fake, and on every engine alike."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert

from repositories.database import Database
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.offers import Chosen, Offer, Period
from repositories.ports.errors import (
    HoursOverlap,
    HoursUnknown,
    KeyReused,
    OfferRefused,
    OutsideHours,
    SlotLengthUnknown,
    SlotOverlaps,
    SlotUnknown,
)
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.managed_providers import SqlManagedProviders
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.offers import SqlOffers
from tests.contract.test_search import HOUR, MINUTE, NOW, InDatabase, InMemory, booking, facts_of, found, known, slot
from tests.engines import ENGINES
from tests.fakes.offers import FakeOffers
from tests.providers import add_catalogue, add_profiles, profile_of, summary_of

PROVIDER, OTHER = 1, 2


class World:
    """A care provider who works from one hour to nine hours from now, and another."""

    def __init__(self, calendar: InMemory | InDatabase, offers: Any) -> None:
        self.calendar, self.offers = calendar, offers
        known(calendar, facts_of(PROVIDER), facts_of(OTHER))
        (self.hours,) = self.open(hours=[period(1, 8 * 60)]).ids

    def open(self, *, hours: Any = (), slots: Any = (), provider: int = PROVIDER, key: Any = None) -> Change:
        offer = Offer(care_provider_id=provider, hours=tuple(hours), slots=tuple(slots))
        change: Change = self.offers.open(offer, key=key, organization_id=1, now=NOW)
        return change

    def change(self, what: str, slot_ids: Any = (), hours_ids: Any = (), *, provider: int = PROVIDER) -> Change:
        chosen = Chosen(care_provider_id=provider, slot_ids=tuple(slot_ids), hours_ids=tuple(hours_ids))
        change: Change = getattr(self.offers, what)(chosen, key=None, organization_id=1, now=NOW)
        return change

    def states(self, *slot_ids: int) -> list[tuple[int, bool, bool]]:
        state = self.offers.state(PROVIDER, slot_ids=slot_ids, hours_ids=[])
        return [(one.id, one.is_open, one.is_booked) for one in state.slots]

    def free_from(self) -> list[tuple[int, datetime]]:
        return found(self.calendar)


def period(hour: float, minutes: int = 60) -> Period:
    starts_at = NOW + hour * HOUR
    return Period(starts_at=starts_at, ends_at=starts_at + minutes * MINUTE)


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: Any) -> Any:
    if request.param == "fake":
        memory = InMemory()
        yield World(memory, FakeOffers(availability=memory.fake))
        return
    database: Database = fresh_database(request.param, "scheduling_db")
    yield World(InDatabase(database), SqlOffers(database))
    assert SqlCalendars(database).check(after=0, limit=10).wrong == 0


def test_what_is_opened_is_found(world: World) -> None:
    ids = world.open(slots=[period(3), period(2)]).ids
    assert len(set(ids)) == 2
    assert world.free_from() == [(PROVIDER, NOW + 2 * HOUR)]
    state = world.offers.state(PROVIDER, slot_ids=ids, hours_ids=[world.hours])
    assert [(one.id, one.starts_at) for one in state.slots] == [(ids[1], NOW + 2 * HOUR), (ids[0], NOW + 3 * HOUR)]
    assert [(one.id, one.starts_at, one.ends_at) for one in state.hours] == [(world.hours, NOW + HOUR, NOW + 9 * HOUR)]


def test_hours_and_slots_can_be_opened_at_once(world: World) -> None:
    slot_id, hours_id = world.open(hours=[period(24, 120)], slots=[period(24.5)]).ids
    state = world.offers.state(PROVIDER, slot_ids=[slot_id], hours_ids=[hours_id])
    assert (len(state.slots), len(state.hours)) == (1, 1)


def test_opening_twice_is_opening_once_and_opens_what_was_blocked(world: World) -> None:
    ids = world.open(slots=[period(2)]).ids
    world.change("block", ids)
    assert world.states(*ids) == [(ids[0], False, False)]
    assert world.free_from() == []
    assert world.open(hours=[period(1, 8 * 60)], slots=[period(2)]).ids == (*ids, world.hours)
    assert world.free_from() == [(PROVIDER, NOW + 2 * HOUR)]


def test_slots_may_lie_across_hours_that_follow_each_other(world: World) -> None:
    world.open(hours=[period(9), period(10)], slots=[period(8.5), period(9.75)])
    with pytest.raises(OutsideHours):
        world.open(slots=[period(10.5)])


@pytest.mark.parametrize(
    ("hours", "slots", "error", "field"),
    [
        ([period(8, 120)], [], HoursOverlap, "hoursList.0"),
        ([period(20), period(0.5)], [], HoursOverlap, "hoursList.1"),
        ([], [period(2, 30)], SlotOverlaps, "slotsList.0"),
        ([], [period(4), period(2.5)], SlotOverlaps, "slotsList.1"),
        ([], [period(0.5)], OutsideHours, "slotsList.0"),
        ([], [period(8.5)], OutsideHours, "slotsList.0"),
        ([], [period(30)], OutsideHours, "slotsList.0"),
        ([], [period(4, 40)], SlotLengthUnknown, "slotsList.0"),
        ([period(20)], [period(20), period(40)], OutsideHours, "slotsList.1"),
    ],
    ids=str,
)
def test_what_cannot_be_opened_is_named_and_nothing_is_written(
    world: World, hours: list[Period], slots: list[Period], error: type[OfferRefused], field: str
) -> None:
    world.open(slots=[period(2)])
    before = world.free_from()
    with pytest.raises(error) as refused:
        world.open(hours=hours, slots=slots)
    assert refused.value.field == field
    assert world.free_from() == before
    assert len(world.calendar.availability.free_slots_of(PROVIDER, since=NOW, before=NOW + 99 * HOUR)) == 1
    assert len(world.calendar.availability.hours_of(PROVIDER, since=NOW, before=NOW + 99 * HOUR)) == 1


def test_a_slot_of_another_care_provider_overlaps_nothing(world: World) -> None:
    world.open(slots=[period(2)])
    world.open(hours=[period(1, 8 * 60)], slots=[period(2)], provider=OTHER)
    assert [provider for provider, _ in world.free_from()] == [PROVIDER, OTHER]


def test_a_blocked_slot_stays_booked_and_says_so(world: World) -> None:
    booked, free = world.open(slots=[period(2), period(4)]).ids
    world.calendar.reserve(7, slot(booked, PROVIDER, NOW + 2 * HOUR))
    world.change("block", [booked, free])
    assert world.states(booked, free) == [(booked, False, True), (free, False, False)]
    assert world.free_from() == []
    world.calendar.release(7)
    assert world.free_from() == []


def test_hours_stand_for_all_slots_that_start_in_them(world: World) -> None:
    world.open(hours=[period(9)])
    inside, at_the_end = world.open(slots=[period(2), period(9)]).ids
    assert world.change("block", hours_ids=[world.hours]).ids == (inside,)
    assert world.states(inside, at_the_end) == [(inside, False, False), (at_the_end, True, False)]


def test_what_is_removed_is_gone_and_what_was_ever_booked_is_blocked(world: World) -> None:
    booked, free = world.open(slots=[period(2), period(4)]).ids
    world.calendar.add_booking(booking(7, NOW + 2 * HOUR, slot_id=booked))
    assert world.change("remove", hours_ids=[world.hours]).ids == (booked, free)
    assert world.states(booked, free) == [(booked, False, False)]
    assert world.calendar.availability.hours_of(PROVIDER, since=NOW, before=NOW + 99 * HOUR) == []
    assert world.free_from() == []


@pytest.mark.parametrize("what", ["block", "remove"])
def test_what_is_not_the_care_providers_is_named_and_nothing_changes(world: World, what: str) -> None:
    (own,) = world.open(slots=[period(2)]).ids
    foreign, foreign_hours = world.open(hours=[period(1, 8 * 60)], slots=[period(2)], provider=OTHER).ids
    with pytest.raises(SlotUnknown) as refused:
        world.change(what, [own, foreign])
    assert refused.value.field == "applicationMultiSlotIds.1"
    with pytest.raises(HoursUnknown) as refused_hours:
        world.change(what, [own], [foreign_hours])
    assert refused_hours.value.field == "slotAvailabilityIds.0"
    assert world.states(own) == [(own, True, False)]


def test_a_key_opens_once(world: World) -> None:
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    first = world.open(slots=[period(2)], key=key)
    world.change("remove", first.ids)
    again = world.open(slots=[period(2)], key=key)
    assert (again.ids, again.is_replay, first.is_replay) == (first.ids, True, False)
    assert world.free_from() == []
    assert world.offers.find_change(key, organization_id=1, now=NOW) == again
    assert world.offers.find_change(key, organization_id=2, now=NOW) is None
    with pytest.raises(KeyReused):
        world.open(slots=[period(3)], key=IdempotencyKey(key="k", body_digest="e" * 64))


def test_an_organization_manages_whom_it_was_given(psyter_database: Database) -> None:
    add_catalogue(psyter_database)
    add_profiles(psyter_database, [profile_of(summary_of(number)) for number in (1, 2, 3)], inactive=[3])
    rows = [{"id": n, "name": "N", "is_charity": False, "is_active": True, "sealed_shared_api_key": ""} for n in (1, 2)]
    managed = [{"organization_id": 1, "care_provider_id": one} for one in (1, 3)]
    for table, values in ((psyter.organizations, rows), (psyter.managed_care_providers, managed)):
        psyter_database.write(lambda connection, table=table, values=values: connection.execute(insert(table), values))  # type: ignore[misc]
    providers = SqlManagedProviders(psyter_database)
    assert [n for n in (1, 2, 3) if providers.is_managed(n, organization_id=1)] == [1]
    assert not providers.is_managed(1, organization_id=2)
