"""POST reschedulebooking: what is asked of the saga, and what the answer says."""

import json
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from repositories.entities.bookings import BookingView
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, Reason, SagaStatus
from repositories.ports.errors import KeyReused, MoveInFlight, NotConfirmed
from saga.accept_cancellation import BookingNotFound, SessionTooSoon
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound
from tests.unit.api.world import (
    BOOKING,
    CONFIRMED,
    NOW,
    PROVIDER,
    SLOT,
    USER,
    World,
    cancel_body,
    fields_named,
    guest_body,
)

PATH = "/api/v1/sessionbooking/reschedulebooking"
MOVING = "a" * 32
TO = NOW + timedelta(days=3)


def move_body(**changes: Any) -> dict[str, Any]:
    ids = {name: cancel_body()[name] for name in ("bookingId", "userId", "careProviderId")}
    slot = {name: guest_body()[name] for name in ("applicationMultiSlotId", "slotDate", "slotStartTime", "slotEndTime")}
    return {**ids, **slot, **changes}


def moving(*, status: SagaStatus = SagaStatus.RUNNING, reason: Reason | None = None, is_over: bool) -> BookingView:
    move = SagaState(
        id=MOVING,
        name="reschedule_booking",
        booking_id=BOOKING,
        input={"starts_at": TO.isoformat(), "ends_at": (TO + timedelta(hours=1)).isoformat()},
        status=status,
        step=None,
        due_at=None,
        reason=reason,
        failed_step=None if reason is None else "check_slot",
        deadline_at=NOW,
        expires_at=NOW,
        created_at=NOW,
    )
    booking = replace(CONFIRMED.booking, moving_saga_id=None if is_over else MOVING)
    return replace(CONFIRMED, booking=booking, move=move)


PENDING = moving(is_over=False)
MOVED = moving(status=SagaStatus.DONE, is_over=True)
REFUSED = moving(status=SagaStatus.UNDONE, reason=Reason.RECORD_ALREADY_EXIST, is_over=True)


@pytest.fixture
def world() -> World:
    return World(view=PENDING)


def moved(world: World, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return world.book(move_body() if body is None else body, path=PATH, **headers)


def test_a_move_is_accepted_as_it_was_asked(world: World) -> None:
    answer = moved(world, Idempotency_Key="k-1")
    assert (answer.status_code, answer.json["status"]) == (202, 1)
    assert answer.headers["Location"].endswith(move_body()["bookingId"])
    (request,) = world.moved
    choice = request.choice
    assert (request.booking_id, request.user_id, choice.care_provider_id, choice.slot_id) == (
        BOOKING,
        USER,
        PROVIDER,
        SLOT,
    )
    assert (choice.local_date, choice.local_start, choice.local_end) == (date(2026, 1, 6), time(10), time(11))
    assert request.idempotency is not None
    assert request.idempotency.key == "k-1"


def test_prefer_wait_tells_that_it_was_moved(world: World) -> None:
    def end_it(look: int) -> None:
        world.view = MOVED if look == 3 else PENDING

    world.at_look = end_it
    answer = moved(world, Prefer="wait=5")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=5")
    data = answer.json["data"]
    assert (data["bookingStatus"], data["meetingId"]) == (BookingStatus.CONFIRMED, "abcd-efgh-ijkl")
    assert data["startsAt"] == "2026-01-06T12:00:00.000Z"


def test_prefer_wait_tells_why_it_was_not_moved(world: World) -> None:
    world.view = REFUSED
    answer = moved(world, Prefer="wait=5")
    assert (answer.status_code, answer.json["status"], answer.json["reason"]) == (200, 0, Reason.RECORD_ALREADY_EXIST)
    assert answer.json["failedStep"] == "check_slot"
    assert answer.json["data"]["bookingStatus"] == BookingStatus.CONFIRMED


def test_a_replay_says_so(world: World) -> None:
    world.is_replay = True
    assert moved(world, Idempotency_Key="k-1").headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        (BookingNotFound("bookingId"), 404, Reason.NOT_FOUND),
        (SessionTooSoon("bookingId", until=NOW), 409, Reason.CANCELLATION_TOO_LATE),
        (NotConfirmed(), 409, Reason.NOT_CONFIRMED),
        (MoveInFlight(), 409, Reason.RESCHEDULE_IN_FLIGHT),
        (SlotNotFound("applicationMultiSlotId"), 404, Reason.NOT_ALLOWED),
        (SlotInPast("slotDate"), 400, Reason.SLOT_IN_PAST),
        (SlotContradicted("slotDate"), 400, Reason.SLOT_CONTRADICTED),
        (KeyReused(), 422, Reason.IDEMPOTENCY_KEY_REUSED),
    ],
)
def test_a_refusal_is_precise(world: World, refusal: Exception, status: int, reason: Reason) -> None:
    world.refusal = refusal
    answer = moved(world)
    assert (answer.status_code, answer.json["reason"]) == (status, reason)


@pytest.mark.parametrize("name", move_body())
def test_every_field_is_needed(world: World, name: str) -> None:
    answer = moved(world, {key: value for key, value in move_body().items() if key != name})
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, Reason.EMPTY_PARAMETER, {name})
    assert world.moved == []


def test_it_is_signed(world: World) -> None:
    answer = world.book(json.dumps({**move_body(), "secureHash": "0" * 64}), path=PATH)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_SECURE_HASH)


@pytest.mark.parametrize(
    ("view", "state", "reason"),
    [(PENDING, "pending", None), (MOVED, "done", None), (REFUSED, "failed", Reason.RECORD_ALREADY_EXIST)],
)
def test_the_status_tells_how_the_move_stands(world: World, view: BookingView, state: str, reason: Any) -> None:
    world.view = view
    told = world.status().json
    assert (told["bookingStatus"], told["reason"]) == (BookingStatus.CONFIRMED, None)
    assert told["startsAt"] == "2026-01-06T12:00:00.000Z"
    assert (told["reschedule"]["state"], told["reschedule"]["reason"]) == (state, reason)
    assert told["reschedule"]["startsAt"] == "2026-01-08T12:00:00.000Z"


def test_a_booking_that_was_never_moved_says_nothing_of_it(world: World) -> None:
    world.view = CONFIRMED
    assert world.status().json["reschedule"] is None
