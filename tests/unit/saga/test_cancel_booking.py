"""Cancelling against fakes: before the confirmation, after it, at every point of both sagas, and with a death there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.ports import NotificationType, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from repositories.enums import BookingStatus, Reason, SagaStatus
from repositories.ports.errors import KeyReused
from saga.accept_cancellation import BookingNotFound, CareProviderContradicted, SessionTooSoon
from tests.unit.saga.world import BALANCE, CHARITY, LEASE, SLOT_STARTS, Killed, World, key

MAYBE = ProviderUnavailable("time-out", may_have_happened=True)


@pytest.fixture
def world() -> World:
    return World()


def confirmed(world: World) -> int:
    booked = world.book()
    world.settle()
    return booked.booking_id


def check_cancelled(world: World, booking_id: int) -> None:
    world.check_promises()
    assert world.booking(booking_id).status is BookingStatus.CANCELLED
    assert world.psyter.balance(CHARITY) == BALANCE
    assert world.open_rooms() == []


# --- a confirmed booking -------------------------------------------------------------------


def test_a_confirmed_booking_is_cancelled_refunded_closed_and_told(world: World) -> None:
    booking_id = confirmed(world)
    cancelled = world.cancel(booking_id)
    assert (cancelled.status, cancelled.withdrawn_by) == (BookingStatus.CANCELLED, "partner")
    assert cancelled.withdrawal_reason == "changed my mind"
    assert world.cells_of(booking_id) == 0
    world.settle()
    check_cancelled(world, booking_id)
    assert world.saga_status(booking_id) is SagaStatus.DONE
    assert [push.kind for push in world.push.sent] == [
        NotificationType.NEW_BOOKING,
        NotificationType.CANCEL_REFUND_BOOKING,
    ]
    assert [line.step for line in world.scheduling.attempts[booking_id]][-3:] == [
        "refund_order",
        "close_meeting",
        "notify_cancellation",
    ]


def test_cancelling_twice_is_cancelling_once(world: World) -> None:
    booking_id = confirmed(world)
    first = world.cancel(booking_id)
    world.settle()
    assert world.cancel(booking_id) == replace(first, updated_at=world.booking(booking_id).updated_at)
    world.settle()
    check_cancelled(world, booking_id)
    assert len(world.scheduling.sagas) == 2


def test_a_cancelled_time_can_be_booked_again(world: World) -> None:
    first = confirmed(world)
    world.cancel(first)
    second = confirmed(world)
    world.settle()
    assert world.booking(second).status is BookingStatus.CONFIRMED
    assert world.booking(first).status is BookingStatus.CANCELLED
    world.check_promises()


def test_videosdk_down_only_delays_the_closing_of_the_room(world: World) -> None:
    booking_id = confirmed(world)
    for _ in range(30):
        world.rooms.fail_next(MAYBE)
    world.rooms.fail_next(ProviderMisconfigured("401"))
    world.cancel(booking_id)
    world.work()
    assert world.psyter.balance(CHARITY) == BALANCE
    world.settle()
    check_cancelled(world, booking_id)


def test_a_refused_closing_is_parked_for_an_operator_and_the_money_is_back(world: World) -> None:
    booking_id = confirmed(world)
    world.rooms.fail_next(ProviderRefused("400"))
    world.cancel(booking_id)
    world.settle()
    assert world.saga_status(booking_id) is SagaStatus.STUCK
    assert world.booking(booking_id).status is BookingStatus.CANCELLED
    assert world.psyter.balance(CHARITY) == BALANCE


def test_news_of_a_booking_that_was_cancelled_meanwhile_is_not_pushed(world: World) -> None:
    booked = world.book()
    world.push.fail_next(MAYBE)
    world.work()  # confirmed; the push waits to be tried again
    world.cancel(booked.booking_id)
    world.settle()
    check_cancelled(world, booked.booking_id)
    assert [push.kind for push in world.push.sent] == [NotificationType.CANCEL_REFUND_BOOKING]


# --- a pending booking ---------------------------------------------------------------------


def test_a_withdrawn_booking_is_undone_and_ends_cancelled(world: World) -> None:
    booked = world.book()
    pending = world.cancel(booked.booking_id)
    assert (pending.status, pending.withdrawn_at) == (BookingStatus.PENDING, world.now)
    world.settle()
    check_cancelled(world, booked.booking_id)
    booking = world.booking(booked.booking_id)
    assert (booking.reason, booking.failed_step) == (Reason.BOOKING_WITHDRAWN, "check_slot")
    assert world.push.sent == []


def test_a_booking_that_waits_for_videosdk_is_withdrawn_at_once(world: World) -> None:
    world.rooms.fail_next(ProviderMisconfigured("401"))
    booked = world.book()
    world.work()
    at = world.now
    world.cancel(booked.booking_id)
    world.work()
    assert world.now == at
    check_cancelled(world, booked.booking_id)


# --- what is refused -----------------------------------------------------------------------


def test_a_session_that_has_begun_is_not_cancelled(world: World) -> None:
    booking_id = confirmed(world)
    world.now = SLOT_STARTS
    with pytest.raises(SessionTooSoon):
        world.cancel(booking_id)
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


@pytest.mark.parametrize(
    ("early", "is_refused"), [(timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False)]
)
def test_an_organizations_deadline_is_kept_to_the_second(world: World, early: timedelta, is_refused: bool) -> None:
    world.now = SLOT_STARTS - timedelta(days=3)
    organization = world.psyter.organizations[CHARITY]
    world.psyter.organizations[CHARITY] = replace(organization, cancellation_deadline=timedelta(hours=24))
    booking_id = confirmed(world)
    world.now = SLOT_STARTS - early
    if not is_refused:
        world.cancel(booking_id)
        return
    with pytest.raises(SessionTooSoon) as refused:
        world.cancel(booking_id)
    assert refused.value.detail == "It could be cancelled or moved until 2026-01-05T12:00:00Z."
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


def test_a_pending_booking_is_withdrawn_whatever_the_deadline(world: World) -> None:
    organization = world.psyter.organizations[CHARITY]
    world.psyter.organizations[CHARITY] = replace(organization, cancellation_deadline=timedelta(days=14))
    booked = world.book()
    world.cancel(booked.booking_id)
    world.settle()
    check_cancelled(world, booked.booking_id)


@pytest.mark.parametrize("change", [{"user_id": 99}, {"organization_id": 2}])
def test_anothers_booking_is_a_missing_one(world: World, change: dict[str, int]) -> None:
    booking_id = confirmed(world)
    with pytest.raises(BookingNotFound):
        world.cancel(booking_id, **change)
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


def test_another_care_provider_is_a_contradiction(world: World) -> None:
    booking_id = confirmed(world)
    with pytest.raises(CareProviderContradicted) as refused:
        world.cancel(booking_id, care_provider_id=43)
    assert refused.value.field == "careProviderId"
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


def test_a_key_replays_a_cancellation_and_nothing_else(world: World) -> None:
    booking_id = confirmed(world)
    world.cancel(booking_id, idempotency=key("k", "one"))
    again = world.cancel(booking_id, idempotency=key("k", "one"))
    assert again.status is BookingStatus.CANCELLED
    with pytest.raises(KeyReused):
        world.cancel(booking_id, idempotency=key("k", "another"))


# --- at every point ------------------------------------------------------------------------


def points(*, is_cancelled: bool) -> list[tuple[int, str]]:
    """Every call that a worker makes for one booking, and for its cancellation if it is cancelled."""
    seen: list[str] = []

    def note(call: str) -> Iterator[None]:
        seen.append(call)
        yield

    world = World(watch=note)
    booking_id = confirmed(world)
    if is_cancelled:
        world.cancel(booking_id)
        world.settle()
    return list(enumerate(seen))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("number", "call"), points(is_cancelled=False))
def test_a_cancellation_at_any_point_ends_cancelled(number: int, call: str, when: str) -> None:
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

    busy = World(watch=cancel_once)
    busy.book()
    busy.settle()
    assert passed > number
    check_cancelled(busy, 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("number", "call"), points(is_cancelled=True))
def test_a_death_at_any_point_of_a_cancellation_changes_nothing(number: int, call: str, when: str) -> None:
    passed, deaths = 0, 0

    def die_once(_call: str) -> Iterator[None]:
        nonlocal passed, deaths
        passed += 1
        is_here = passed == number + 1
        if is_here and when == "before":
            raise Killed
        yield
        if is_here:
            raise Killed

    def settle(world: World) -> None:
        nonlocal deaths
        for _ in range(3):
            try:
                return world.settle()
            except Killed:
                deaths += 1
                world.now += LEASE
        return None

    world = World(watch=die_once)
    world.book()
    settle(world)
    world.cancel(1)
    settle(world)
    assert deaths == 1
    check_cancelled(world, 1)
