"""Moving a confirmed booking against fakes: done, refused, cancelled meanwhile, and with a death at every point."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.ports import NotificationType, ProviderUnavailable
from repositories.entities.bookings import Slot
from repositories.enums import BookingStatus, Reason, SagaStatus
from repositories.ports.errors import KeyReused, MoveInFlight, NotConfirmed, StoreUnavailable
from repositories.scheduling_db.cells import cells_of
from saga.accept_cancellation import BookingNotFound, CareProviderContradicted, SessionTooSoon
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound
from tests.unit.saga.world import (
    BALANCE,
    CHARITY,
    LEASE,
    ORDINARY,
    PRICE,
    PROVIDER,
    SLOT_STARTS,
    Killed,
    World,
    choice,
    key,
)

SHORT, LONG, OVERLAPPING, HOUR = 60, 61, 62, timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return with_slots(World())


def with_slots(world: World) -> World:
    """Further slots of the same care provider: half an hour and two hours on the next day, and one half past ours."""
    next_day = SLOT_STARTS + timedelta(days=1)
    for id, starts_at, length in (
        (SHORT, next_day, timedelta(minutes=30)),
        (LONG, next_day + 2 * HOUR, 2 * HOUR),
        (OVERLAPPING, SLOT_STARTS + timedelta(minutes=30), HOUR),
    ):
        world.scheduling.add_slot(id=id, care_provider_id=PROVIDER, starts_at=starts_at, ends_at=starts_at + length)
    return world


def slot(world: World, id: int) -> Slot:
    return world.scheduling.slots[id]


def confirmed(world: World, organization_id: int = CHARITY) -> int:
    booked = world.book(organization_id)
    world.settle()
    return booked.booking_id


def check_is_at(world: World, booking_id: int, slot_id: int) -> None:
    world.check_promises()
    booking, at = world.booking(booking_id), slot(world, slot_id)
    assert (booking.status, booking.moving_saga_id) == (BookingStatus.CONFIRMED, None)
    assert (booking.slot_id, booking.starts_at, booking.ends_at) == (at.id, at.starts_at, at.ends_at)
    held = {cell for (_, cell), holder in world.scheduling.cells.items() if holder == booking_id}
    assert held == set(cells_of(at.starts_at, at.ends_at))
    price = PRICE * (at.ends_at - at.starts_at) // HOUR
    assert world.psyter.orders[booking_id].amount_minor == price
    assert world.psyter.balance(CHARITY) == BALANCE - price


# --- done ----------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [SHORT, LONG, OVERLAPPING])
def test_a_booking_is_moved_with_its_price_and_keeps_id_and_room(world: World, to: int) -> None:
    booking_id = confirmed(world)
    room = world.booking(booking_id).meeting_id
    world.reschedule(booking_id, slot(world, to))
    world.settle()
    check_is_at(world, booking_id, to)
    assert (world.booking(booking_id).meeting_id, world.open_rooms()) == (room, [room])
    assert [push.kind for push in world.push.sent] == [NotificationType.NEW_BOOKING, NotificationType.RESERVE_SLOT]
    assert world.push.sent[-1].happens_at == slot(world, to).starts_at
    assert [kind for _, _, kind in world.scheduling.events] == ["accepted", "confirmed", "rescheduled"]


def test_an_ordinary_partners_balance_is_not_asked(world: World) -> None:
    booking_id = confirmed(world, ORDINARY)
    world.reschedule(booking_id, slot(world, LONG))
    world.settle()
    assert world.booking(booking_id).slot_id == LONG
    assert world.psyter.orders[booking_id].amount_minor == 2 * PRICE
    world.check_promises()


def test_it_can_be_moved_again_and_back(world: World) -> None:
    booking_id = confirmed(world)
    home = world.booking(booking_id).slot_id
    for to in (LONG, SHORT, home):
        world.reschedule(booking_id, slot(world, to))
        world.settle()
        check_is_at(world, booking_id, to)


def test_the_old_time_can_be_sold_and_the_new_one_cannot(world: World) -> None:
    booking_id = confirmed(world)
    world.reschedule(booking_id, slot(world, SHORT))
    world.settle()
    assert world.booking(confirmed(world)).status is BookingStatus.CONFIRMED
    moved_to = slot(world, SHORT)
    rival = world.book(
        slot_id=SHORT,
        local_date=moved_to.starts_at.date(),
        local_start=moved_to.starts_at.time(),
        local_end=moved_to.ends_at.time(),
    )
    world.settle()
    assert world.booking(rival.booking_id).reason is Reason.RECORD_ALREADY_EXIST
    world.check_promises()


# --- refused by the saga: everything as it was ---------------------------------------------


def refused(world: World, booking_id: int) -> tuple[Reason | None, str | None]:
    world.settle()
    view = world.scheduling.find_view(booking_id, organization_id=CHARITY)
    assert view is not None
    assert view.move is not None
    assert view.move.status is SagaStatus.UNDONE
    assert (view.reason, view.failed_step) == (None, None)  # the booking is as good as before
    check_is_at(world, booking_id, world.booking(booking_id).slot_id)
    return view.move.reason, view.move.failed_step


def test_a_time_that_someone_else_holds_is_refused(world: World) -> None:
    booking_id = confirmed(world)
    holder = {(PROVIDER, cell): 99 for cell in cells_of(slot(world, LONG).ends_at - HOUR, slot(world, LONG).ends_at)}
    world.reschedule(booking_id, slot(world, LONG))
    world.scheduling.cells |= holder
    assert refused(world, booking_id) == (Reason.RECORD_ALREADY_EXIST, "check_slot")


def test_a_slot_that_was_closed_is_refused(world: World) -> None:
    booking_id = confirmed(world)
    world.reschedule(booking_id, slot(world, LONG))
    world.scheduling.slots[LONG] = replace(slot(world, LONG), is_open=False)
    assert refused(world, booking_id) == (Reason.NOT_ALLOWED, "check_slot")


def test_a_balance_that_does_not_cover_the_difference_is_refused(world: World) -> None:
    booking_id = confirmed(world)
    world.scheduling.add_slot(
        id=70,
        care_provider_id=PROVIDER,
        starts_at=SLOT_STARTS + timedelta(days=2),
        ends_at=SLOT_STARTS + timedelta(days=2, hours=3),
    )
    world.reschedule(booking_id, slot(world, 70))
    assert refused(world, booking_id) == (Reason.CHARITY_ORGANIZATION_BALANCE_OUT, "settle_difference")


def test_a_database_that_stays_silent_undoes_also_what_it_may_have_done(world: World) -> None:
    booking_id = confirmed(world)
    world.reschedule(booking_id, slot(world, LONG))
    for _ in range(6):
        world.psyter.fail_next("change_amount", StoreUnavailable("locked"), after_commit=True)
    assert refused(world, booking_id) == (Reason.SERVICE_UNAVAILABLE, "settle_difference")


def test_a_push_that_cannot_be_sent_moves_nothing_back(world: World) -> None:
    booking_id = confirmed(world)
    for _ in range(9):
        world.push.fail_next(ProviderUnavailable("503", may_have_happened=False))
    world.reschedule(booking_id, slot(world, LONG))
    world.settle()
    check_is_at(world, booking_id, LONG)


# --- refused at once -----------------------------------------------------------------------


def test_only_a_confirmed_booking_is_moved(world: World) -> None:
    booked = world.book()
    with pytest.raises(NotConfirmed):
        world.reschedule(booked.booking_id, slot(world, LONG))
    world.settle()
    world.cancel(booked.booking_id)
    with pytest.raises(NotConfirmed):
        world.reschedule(booked.booking_id, slot(world, LONG))


def test_one_move_at_a_time(world: World) -> None:
    booking_id = confirmed(world)
    world.reschedule(booking_id, slot(world, LONG))
    with pytest.raises(MoveInFlight):
        world.reschedule(booking_id, slot(world, SHORT))
    world.settle()
    check_is_at(world, booking_id, LONG)


def test_an_organizations_deadline_holds_for_moves_too(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(days=3)
    organization = world.psyter.organizations[CHARITY]
    world.psyter.organizations[CHARITY] = replace(organization, cancellation_deadline=timedelta(hours=24))
    booking_id = confirmed(world)
    world.now = SLOT_STARTS - timedelta(hours=24)
    with pytest.raises(SessionTooSoon):
        world.reschedule(booking_id, slot(world, LONG))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"user_id": 99}, BookingNotFound),
        ({"organization_id": ORDINARY}, BookingNotFound),
        ({"choice": choice(care_provider_id=43)}, CareProviderContradicted),
        ({"choice": choice(slot_id=1234)}, SlotNotFound),
        ({"choice": choice(local_date=SLOT_STARTS.date() + timedelta(days=9))}, SlotContradicted),
    ],
)
def test_what_contradicts_itself_changes_nothing(world: World, change: dict[str, Any], error: type[Exception]) -> None:
    booking_id = confirmed(world)
    with pytest.raises(error):
        world.reschedule(booking_id, slot(world, LONG), **change)
    assert world.booking(booking_id).moving_saga_id is None
    assert len(world.scheduling.sagas) == 1


def test_a_slot_that_has_begun_is_refused(world: World) -> None:
    booking_id = confirmed(world)
    past = world.scheduling.add_slot(id=71, care_provider_id=PROVIDER, starts_at=world.now - HOUR, ends_at=world.now)
    with pytest.raises(SlotInPast):
        world.reschedule(booking_id, past)


def test_a_key_replays_a_move_and_nothing_else(world: World) -> None:
    booking_id = confirmed(world)
    assert not world.reschedule(booking_id, slot(world, LONG), idempotency=key("k", "one")).is_replay
    assert world.reschedule(booking_id, slot(world, LONG), idempotency=key("k", "one")).is_replay
    world.settle()
    assert world.reschedule(booking_id, slot(world, LONG), idempotency=key("k", "one")).is_replay
    with pytest.raises(KeyReused):
        world.reschedule(booking_id, slot(world, SHORT), idempotency=key("k", "another"))
    assert len(world.scheduling.sagas) == 2


# --- at every point ------------------------------------------------------------------------


def points() -> list[tuple[int, str]]:
    """Every call that a worker makes for a booking that is confirmed and moved; the move's from the first on."""
    seen: list[str] = []

    def note(call: str) -> Iterator[None]:
        seen.append(call)
        yield

    world = with_slots(World(watch=note))
    booking_id = confirmed(world)
    before = len(seen)
    world.reschedule(booking_id, slot(world, LONG))
    world.settle()
    return [(number, call) for number, call in enumerate(seen) if number >= before]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("is_refused", [False, True], ids=["moved", "refused"])
@pytest.mark.parametrize(("number", "call"), points())
def test_a_death_at_any_point_leaves_a_booking_whole(number: int, call: str, is_refused: bool, when: str) -> None:
    passed, deaths = 0, 0

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
    booking_id = confirmed(world)
    world.reschedule(booking_id, slot(world, LONG))
    if is_refused:
        world.psyter.balances[CHARITY] = PRICE // 2
    for _ in range(3):
        try:
            world.settle()
            break
        except Killed:
            deaths += 1
            world.now += LEASE
    assert deaths <= 1
    if is_refused:
        assert world.booking(booking_id).slot_id != LONG
        assert world.psyter.balances[CHARITY] == PRICE // 2
        assert world.booking(booking_id).moving_saga_id is None
    else:
        assert deaths == 1
        check_is_at(world, booking_id, LONG)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("number", "call"), points())
def test_a_cancellation_at_any_point_gives_everything_back(number: int, call: str, when: str) -> None:
    passed = 0

    def cancel_once(_call: str) -> Iterator[None]:
        nonlocal passed
        passed += 1
        is_here = passed == number + 1
        if is_here and when == "before":
            busy.cancel(1)
        yield
        if is_here and when == "after":
            busy.cancel(1)

    busy = with_slots(World(watch=cancel_once))
    booking_id = confirmed(busy)
    busy.reschedule(booking_id, slot(busy, LONG))
    busy.settle()
    assert passed > number
    busy.check_promises()
    assert busy.booking(1).status is BookingStatus.CANCELLED
    assert busy.psyter.balance(CHARITY) == BALANCE
    assert busy.scheduling.cells == {}
    assert busy.open_rooms() == []
