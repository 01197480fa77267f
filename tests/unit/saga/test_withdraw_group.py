"""Bookings that are made all or none, against fakes: all confirmed, or every one undone or cancelled."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from integrations.ports import ProviderRefused
from repositories.entities.bookings import Slot
from repositories.enums import BookingStatus, Reason
from repositories.ports.errors import KeyReused
from saga.accept_booking import BookingRequest, UserNotFound
from saga.accept_group import MemberRefused
from saga.slot_choice import SlotNotFound
from tests.unit.saga.world import BALANCE, CHARITY, LEASE, PROVIDER, SLOT_STARTS, Killed, World, choice, key, request

CONFIRMED, FAILED, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.FAILED, BookingStatus.CANCELLED
HALF = timedelta(minutes=30)
SLOTS = (60, 61, 62)


def with_slots(world: World) -> World:
    for number, id in enumerate(SLOTS):
        starts_at = SLOT_STARTS + timedelta(days=1, hours=number)
        world.scheduling.add_slot(id=id, care_provider_id=PROVIDER, starts_at=starts_at, ends_at=starts_at + HALF)
    return world


@pytest.fixture
def world() -> World:
    return with_slots(World())


def member(slot: Slot, **changes: Any) -> BookingRequest:
    chosen = choice(
        slot_id=slot.id,
        local_date=slot.starts_at.date(),
        local_start=slot.starts_at.time(),
        local_end=slot.ends_at.time(),
    )
    return request(CHARITY, **{"choice": chosen, **changes})


def members(world: World) -> list[BookingRequest]:
    return [member(world.scheduling.slots[id]) for id in SLOTS]


def statuses(world: World) -> list[BookingStatus]:
    return [booking.status for booking in world.scheduling.bookings.values()]


def check_none(world: World) -> None:
    world.check_promises()
    assert statuses(world).count(FAILED) == 1
    assert set(statuses(world)) == {FAILED, CANCELLED}
    assert world.psyter.balance(CHARITY) == BALANCE
    assert world.open_rooms() == []


def test_all_are_confirmed(world: World) -> None:
    assert world.book_group(members(world)) == [1, 2, 3]
    world.settle()
    world.check_promises()
    assert statuses(world) == [CONFIRMED] * 3


@pytest.mark.parametrize("place", [0, 1, 2])
def test_if_one_time_is_taken_none_is_made(world: World, place: int) -> None:
    slot = world.scheduling.slots[SLOTS[place]]
    booked = members(world)
    world.book_group(booked)
    world.scheduling.cells[PROVIDER, int(slot.starts_at.timestamp())] = 99
    world.settle()
    world.scheduling.cells = {cell: holder for cell, holder in world.scheduling.cells.items() if holder != 99}
    check_none(world)
    assert world.booking(place + 1).reason is Reason.RECORD_ALREADY_EXIST
    others = [booking for booking in world.scheduling.bookings.values() if booking.id != place + 1]
    assert {booking.withdrawn_by for booking in others} == {"group"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_if_one_meeting_is_refused_none_is_made(world: World, place: int) -> None:
    world.book_group(members(world))
    for number in range(3):
        if number == place:
            world.rooms.fail_next(ProviderRefused("400"))
        world.runner().advance(world.nudged.pop(0))
    world.settle()
    check_none(world)


def test_one_cancelled_by_the_partner_leaves_the_others(world: World) -> None:
    first, *_ = world.book_group(members(world))
    world.settle()
    world.cancel(first)
    world.settle()
    world.check_promises()
    assert statuses(world) == [CANCELLED, CONFIRMED, CONFIRMED]


def test_a_balance_for_two_makes_none_of_three(world: World) -> None:
    price = world.psyter.rates[PROVIDER] // 2
    world.psyter.balances[CHARITY] = 2 * price
    world.book_group(members(world))
    world.settle()
    assert set(statuses(world)) == {FAILED, CANCELLED}
    assert world.psyter.balance(CHARITY) == 2 * price


def test_one_that_cannot_be_accepted_is_named_and_nothing_is_written(world: World) -> None:
    wrong = [*members(world)[:2], member(world.scheduling.slots[62], choice=choice(slot_id=1234))]
    with pytest.raises(MemberRefused) as refused:
        world.book_group(wrong)
    assert (refused.value.place, type(refused.value.why)) == (2, SlotNotFound)
    strangers = [members(world)[0], member(world.scheduling.slots[61], guest=None, user_id=77)]
    with pytest.raises(MemberRefused) as refused:
        world.book_group(strangers)
    assert (refused.value.place, type(refused.value.why)) == (1, UserNotFound)
    assert world.scheduling.bookings == {}


def test_a_key_replays_the_whole_group(world: World) -> None:
    first = world.book_group(members(world), idempotency=key("k", "one"))
    assert world.book_group(members(world), idempotency=key("k", "one")) == first
    with pytest.raises(KeyReused):
        world.book_group(members(world), idempotency=key("k", "two"))
    world.settle()
    assert statuses(world) == [CONFIRMED] * 3


def points() -> list[tuple[int, str]]:
    seen: list[str] = []

    def note(call: str) -> Iterator[None]:
        seen.append(call)
        yield

    world = with_slots(World(watch=note))
    fail_the_last(world)
    return list(enumerate(seen))


def fail_the_last(world: World) -> None:
    """The third booking is refused once the first two are confirmed."""
    world.book_group(members(world))
    world.scheduling.slots.pop(SLOTS[2])
    settle(world)


def settle(world: World) -> int:
    deaths = 0
    for _ in range(3):
        try:
            world.settle()
            break
        except Killed:
            deaths += 1
            world.now += LEASE
    return deaths


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("number", "call"), points())
def test_a_death_at_any_point_leaves_no_half_group(number: int, call: str, when: str) -> None:
    passed = 0

    def die_once(_call: str) -> Iterator[None]:
        nonlocal passed
        passed += 1
        is_here = passed == number + 1
        if is_here and when == "before":
            raise Killed
        yield
        if is_here:
            raise Killed

    world = with_slots(World(watch=die_once))
    fail_the_last(world)
    assert passed > number
    check_none(world)
