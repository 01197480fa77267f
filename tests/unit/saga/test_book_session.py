"""The saga against fakes: at every step, for every class of error, and with a death at every point."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.ports import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from repositories.enums import BookingStatus, OutcomeWord, Reason, SagaStatus
from repositories.ports.errors import StoreUnavailable
from tests.unit.saga.world import BALANCE, LEASE, ORDINARY, PRICE, SLOT, SLOT_STARTS, Killed, World

MAYBE = ProviderUnavailable("time-out", may_have_happened=True)
NOT_SENT = ProviderUnavailable("refused", may_have_happened=False)


@pytest.fixture
def world() -> World:
    return World()


def timeline(world: World, booking_id: int) -> list[tuple[str, str, str]]:
    booking = world.booking(booking_id)
    view = world.scheduling.find_view(booking_id, organization_id=booking.organization_id)
    assert view is not None
    return [(line.step, line.kind.value, line.outcome.value) for line in view.timeline]


def failed(world: World, booking_id: int) -> tuple[BookingStatus, Reason | None, str | None]:
    booking = world.booking(booking_id)
    return booking.status, booking.reason, booking.failed_step


def test_a_booking_is_confirmed_with_order_balance_room_and_push(world: World) -> None:
    booked = world.book()
    world.work()
    booking = world.booking(booked.booking_id)
    assert booking.status is BookingStatus.CONFIRMED
    assert world.open_rooms() == [booking.meeting_id]
    assert world.cells_of(booking.id) == 12
    assert world.psyter.balance(1) == BALANCE - PRICE
    assert [push.meeting_id for push in world.push.sent] == [booking.meeting_id]
    assert world.saga_status(booking.id) is SagaStatus.DONE
    world.check_promises()
    assert timeline(world, booking.id) == [
        (step, "action", "done")
        for step in (
            "check_slot",
            "schedule_booking",
            "save_order",
            "create_meeting",
            "confirm_booking",
            "notify_provider",
        )
    ]


def test_an_ordinary_organization_pays_from_no_balance(world: World) -> None:
    world.book(ORDINARY)
    world.work()
    assert world.psyter.balance(1) == BALANCE
    world.check_promises()


# --- a no at every step --------------------------------------------------------------------


def test_a_closed_slot_is_not_allowed(world: World) -> None:
    booked = world.book()
    world.scheduling.slots[SLOT] = replace(world.scheduling.slots[SLOT], is_open=False)
    world.work()
    assert failed(world, booked.booking_id) == (BookingStatus.FAILED, Reason.NOT_ALLOWED, "check_slot")
    world.check_promises()


def test_a_slot_moved_meanwhile_is_not_allowed(world: World) -> None:
    booked = world.book()
    slot = world.scheduling.slots[SLOT]
    world.scheduling.slots[SLOT] = replace(slot, ends_at=slot.ends_at + timedelta(minutes=5))
    world.work()
    assert failed(world, booked.booking_id) == (BookingStatus.FAILED, Reason.NOT_ALLOWED, "check_slot")


def test_a_time_is_sold_once(world: World) -> None:
    first, second = world.book(), world.book(ORDINARY)
    world.work()
    assert world.booking(first.booking_id).status is BookingStatus.CONFIRMED
    assert failed(world, second.booking_id) == (BookingStatus.FAILED, Reason.RECORD_ALREADY_EXIST, "check_slot")
    world.check_promises()


def test_a_time_taken_between_check_and_reservation_is_refused_by_the_reservation(world: World) -> None:
    first, second = world.book(), world.book(ORDINARY)
    saga = {state.booking_id: state.id for state in world.scheduling.sagas.values()}

    def rival_takes_it(call: str) -> Iterator[None]:
        yield
        if call == "slots.is_time_free" and not world.cells_of(first.booking_id):
            world.watch = None
            world.runner().advance(saga[first.booking_id])

    world.watch = rival_takes_it
    world.runner().advance(saga[second.booking_id])
    world.watch = None
    assert failed(world, second.booking_id) == (BookingStatus.FAILED, Reason.RECORD_ALREADY_EXIST, "schedule_booking")
    assert world.booking(first.booking_id).status is BookingStatus.CONFIRMED
    world.nudged.clear()
    world.check_promises()


def test_a_charity_out_of_balance_is_refused_and_the_time_released(world: World) -> None:
    world.psyter.add_organization(id=3, is_charity=True, balance_minor=PRICE - 1)
    booked = world.book(3)
    world.work()
    assert failed(world, booked.booking_id) == (
        BookingStatus.FAILED,
        Reason.CHARITY_ORGANIZATION_BALANCE_OUT,
        "save_order",
    )
    assert world.psyter.balance(3) == PRICE - 1
    world.check_promises()


def test_a_meeting_refused_undoes_everything(world: World) -> None:
    world.rooms.fail_next(ProviderRefused("400"))
    booked = world.book()
    world.settle()
    assert failed(world, booked.booking_id) == (BookingStatus.FAILED, Reason.MEETING_REFUSED, "create_meeting")
    assert timeline(world, booked.booking_id)[3:] == [
        ("create_meeting", "action", "refused"),
        ("create_meeting", "undo", "done"),
        ("save_order", "undo", "done"),
        ("schedule_booking", "undo", "done"),
    ]
    world.check_promises()


# --- we do not know ------------------------------------------------------------------------


def test_a_room_opened_behind_a_timeout_is_used_not_doubled(world: World) -> None:
    world.rooms.fail_next(MAYBE, after_effect=True)
    booked = world.book()
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    assert len(world.rooms.rooms) == 1
    world.check_promises()


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_room_that_never_answers_is_closed_and_all_undone(world: World, after_effect: bool) -> None:
    for _ in range(9):
        world.rooms.fail_next(MAYBE, after_effect=after_effect)
    booked = world.book()
    world.settle()
    assert failed(world, booked.booking_id) == (BookingStatus.FAILED, Reason.SERVICE_UNAVAILABLE, "create_meeting")
    world.check_promises()


def test_videosdk_unreachable_for_good_still_ends_the_booking(world: World) -> None:
    for _ in range(1000):
        world.rooms.fail_next(NOT_SENT)
    booked = world.book()
    world.settle()
    assert failed(world, booked.booking_id)[:2] == (BookingStatus.FAILED, Reason.SERVICE_UNAVAILABLE)
    world.check_promises()


def test_while_the_room_cannot_be_closed_time_and_money_are_already_back(world: World) -> None:
    for _ in range(12):
        world.rooms.fail_next(MAYBE)
    booked = world.book()
    for _ in range(9):
        world.work()
        world.now += timedelta(seconds=61)
        world.sweep()
    world.work()
    assert world.saga_status(booked.booking_id) is SagaStatus.UNDOING
    assert world.cells_of(booked.booking_id) == 0
    assert world.psyter.balance(1) == BALANCE
    world.settle()
    world.check_promises()


def test_videosdk_misconfigured_waits_and_then_confirms(world: World) -> None:
    for _ in range(100):
        world.rooms.fail_next(ProviderMisconfigured("401"))
    booked = world.book()
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    world.check_promises()


def test_a_push_that_fails_never_fails_a_booking(world: World) -> None:
    for error in (MAYBE, NOT_SENT, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE):
        world.push.fail_next(error)
    booked = world.book()
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    assert world.saga_status(booked.booking_id) is SagaStatus.DONE
    world.check_promises()


@pytest.mark.parametrize("error", [ProviderRefused("404"), KeyError("a bug"), ProviderMisconfigured("403")])
def test_whatever_a_push_says_the_booking_stays_confirmed(world: World, error: Exception) -> None:
    for _ in range(9):
        world.push.fail_next(error)
    booked = world.book()
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    assert world.saga_status(booked.booking_id) is SagaStatus.DONE


@pytest.mark.parametrize("after_commit", [True, False])
def test_an_order_whose_commit_is_unknown_is_saved_once(world: World, after_commit: bool) -> None:
    world.psyter.fail_next("save_order", StoreUnavailable(), after_commit=after_commit)
    booked = world.book()
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    assert world.psyter.balance(1) == BALANCE - PRICE
    world.check_promises()


def test_a_bug_is_parked_with_its_name_and_loses_nothing(world: World) -> None:
    for _ in range(2):
        world.rooms.fail_next(ZeroDivisionError("secret text"))
    booked = world.book()
    world.settle()
    saga = next(iter(world.scheduling.sagas.values()))
    assert (saga.status, saga.error, saga.step) == (SagaStatus.STUCK, "ZeroDivisionError", "create_meeting")
    assert world.booking(booked.booking_id).status is BookingStatus.PENDING
    assert "secret text" not in repr(world.scheduling.sagas)


# --- time ----------------------------------------------------------------------------------


def test_a_saga_past_its_age_undoes_by_itself(world: World) -> None:
    booked = world.book()
    world.nudged.clear()
    world.now += timedelta(minutes=10)
    world.sweep()
    world.work()
    assert failed(world, booked.booking_id) == (BookingStatus.FAILED, Reason.DEADLINE_PASSED, "check_slot")
    assert (timeline(world, booked.booking_id)) == [("check_slot", "action", OutcomeWord.EXPIRED)]
    world.check_promises()


def test_no_booking_is_confirmed_after_its_session_began(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(seconds=30)
    booked = world.book()
    world.nudged.clear()
    world.now = SLOT_STARTS
    world.sweep()
    world.work()
    assert failed(world, booked.booking_id)[:2] == (BookingStatus.FAILED, Reason.DEADLINE_PASSED)


def test_a_worker_told_to_stop_finishes_its_step_and_leaves_the_rest_to_the_next_claim(world: World) -> None:
    booked = world.book()
    world.is_stopping = True
    world.work()
    assert timeline(world, booked.booking_id) == [
        ("check_slot", "action", "done"),
        ("schedule_booking", "action", "done"),
    ]
    world.is_stopping = False
    assert world.sweep() == 1
    world.work()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    world.check_promises()


def test_a_nudge_delivered_twice_changes_nothing(world: World) -> None:
    world.book()
    world.nudged *= 3
    world.work()
    world.check_promises()
    assert len(world.push.sent) == 1


# --- a death at every point ----------------------------------------------------------------


def silence(world: World) -> None:
    for _ in range(9):
        world.rooms.fail_next(MAYBE, after_effect=True)


SCENARIOS: dict[str, Callable[[World], None]] = {
    "confirmed": lambda _world: None,
    "room refused": lambda world: world.rooms.fail_next(ProviderRefused("400"), of="open_room"),
    "room behind a timeout": lambda world: world.rooms.fail_next(MAYBE, after_effect=True),
    "never answers": silence,
    "push fails": lambda world: world.push.fail_next(MAYBE),
}


def calls_of(scenario: str) -> list[str]:
    seen: list[str] = []

    def note(call: str) -> Iterator[None]:
        seen.append(call)
        yield

    world = World(watch=note)
    SCENARIOS[scenario](world)
    world.book()
    world.settle()
    world.check_promises()
    return seen


CRASH_POINTS = [
    (scenario, number, when, call)
    for scenario in SCENARIOS
    for number, call in enumerate(calls_of(scenario))
    for when in ("before", "after")
]


@pytest.mark.parametrize(
    ("scenario", "number", "when"),
    [point[:3] for point in CRASH_POINTS],
    ids=[f"{scenario}-{number}-{when}-{call}" for scenario, number, when, call in CRASH_POINTS],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "past the deadline"])
def test_a_death_anywhere_changes_nothing_that_is_promised(
    scenario: str, number: int, when: str, is_late: bool
) -> None:
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

    world = World(watch=die_once)
    SCENARIOS[scenario](world)
    world.book()
    died = False
    for _ in range(60):
        try:
            world.settle()
            break
        except Killed:
            died = True
            world.now += timedelta(minutes=11) if is_late else LEASE
    assert died
    world.check_promises()
    assert len(world.rooms.rooms) <= 1


def test_a_saga_that_kills_every_worker_is_parked(world: World) -> None:
    def die_always(call: str) -> Iterator[None]:
        if call == "orders.save_order":
            raise Killed
        yield

    world.watch = die_always
    world.book()
    deaths = 0
    for _ in range(20):
        try:
            world.settle()
        except Killed:
            deaths += 1
            world.now += LEASE
    assert deaths == 5
    saga = next(iter(world.scheduling.sagas.values()))
    assert (saga.status, saga.error) == (SagaStatus.STUCK, "WorkerDied")


def test_a_zombie_that_wakes_after_its_lease_writes_nothing(world: World) -> None:
    woken: list[str] = []

    def pause_in_room(call: str) -> Iterator[None]:
        yield
        if call == "rooms.open_room" and not woken:
            woken.append(call)
            world.now += LEASE  # the lease runs out while we sleep, and another worker takes over
            world.watch = None
            world.runner().advance(next(iter(world.scheduling.sagas)))

    world.watch = pause_in_room
    world.book()
    runner = world.runner()
    assert runner.advance(world.nudged.pop()) == "lease lost"
    world.check_promises()
    assert len(world.push.sent) == 1
