"""POST cancelbooking: who may cancel what, and what the answer says."""

from dataclasses import replace

import pytest

from repositories.enums import BookingStatus, Reason, Role
from repositories.ports.errors import KeyReused
from saga.accept_cancellation import BookingNotFound, CareProviderContradicted, SessionTooSoon
from tests.unit.api.world import (
    BOOKING,
    NOW,
    OURS,
    PROVIDER,
    USER,
    World,
    cancel_body,
    fields_named,
    signed,
    view_of,
)

CANCELLED = view_of(BookingStatus.CANCELLED)


@pytest.fixture
def world() -> World:
    return World(view=CANCELLED)


def test_a_cancelled_booking_answers_its_state(world: World) -> None:
    answer = world.cancel(cancel_body(cancellationReason="مريض"))
    assert answer.status_code == 200
    assert answer.json == {
        "status": 1,
        "data": {
            "bookingId": cancel_body()["bookingId"],
            "userId": cancel_body()["userId"],
            "bookingStatus": 3,
        },
    }
    (request,) = world.cancelled
    assert (request.booking_id, request.user_id, request.care_provider_id) == (BOOKING, USER, PROVIDER)
    assert (request.organization_id, request.why, request.idempotency) == (OURS, "مريض", None)


def test_a_withdrawn_booking_is_a_202_with_the_place_to_ask(world: World) -> None:
    world.view = view_of()
    answer = world.cancel()
    assert (answer.status_code, answer.json["data"]["bookingStatus"]) == (202, BookingStatus.PENDING)
    assert answer.headers["Location"].endswith(cancel_body()["bookingId"])
    assert answer.headers["Retry-After"] == "1"
    assert world.looks == 0


def test_prefer_wait_holds_the_answer_until_the_booking_ended(world: World) -> None:
    world.view = view_of()

    def end_it(look: int) -> None:
        if look == 3:
            world.view = CANCELLED

    world.at_look = end_it
    answer = world.cancel(Prefer="wait=5")
    assert (answer.status_code, answer.json["data"]["bookingStatus"]) == (200, BookingStatus.CANCELLED)
    assert answer.headers["Preference-Applied"] == "wait=5"


def test_a_failed_booking_answers_that_it_failed(world: World) -> None:
    world.view = view_of(BookingStatus.FAILED, reason=Reason.NOT_ALLOWED, failed_step="check_slot")
    answer = world.cancel()
    assert (answer.status_code, answer.json["data"]["bookingStatus"]) == (200, BookingStatus.FAILED)


@pytest.mark.parametrize(
    ("refusal", "status", "reason", "field"),
    [
        (BookingNotFound("bookingId"), 404, Reason.NOT_FOUND, "bookingId"),
        (CareProviderContradicted("careProviderId"), 400, Reason.INVALID_PARAMETER, "careProviderId"),
        (SessionTooSoon("bookingId", until=NOW), 409, Reason.CANCELLATION_TOO_LATE, "bookingId"),
        (KeyReused(), 422, Reason.IDEMPOTENCY_KEY_REUSED, "Idempotency-Key"),
    ],
)
def test_a_refusal_is_precise(world: World, refusal: Exception, status: int, reason: Reason, field: str) -> None:
    world.refusal = refusal
    answer = world.cancel()
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (status, reason, {field})


def test_a_deadline_is_told(world: World) -> None:
    world.refusal = SessionTooSoon("bookingId", until=NOW)
    (error,) = world.cancel().json["errors"]
    assert error["message"] == "It could be cancelled or moved until 2026-01-05T12:00:00Z."


@pytest.mark.parametrize("name", ["bookingId", "userId", "careProviderId", "secureHash"])
def test_every_field_is_needed(world: World, name: str) -> None:
    body = {key: value for key, value in signed(cancel_body()).items() if key != name}
    answer = world.book_raw(body, path="/api/v1/sessionbooking/cancelbooking")
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, Reason.EMPTY_PARAMETER, {name})
    assert world.cancelled == []


@pytest.mark.parametrize(
    "change", [{"bookingId": cancel_body()["userId"]}, {"userId": "x" * 43}, {"cancellationReason": 5}, {"more": 1}]
)
def test_a_wrong_field_is_named_and_nothing_is_cancelled(world: World, change: dict[str, object]) -> None:
    answer = world.cancel(cancel_body(**change))
    assert (answer.status_code, fields_named(answer)) == (400, set(change))
    assert world.cancelled == []


def test_unsafe_text_is_refused(world: World) -> None:
    answer = world.cancel(cancel_body(cancellationReason="<script>"))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.UNSAFE_TEXT)


def test_the_reason_is_signed_too(world: World) -> None:
    answer = world.book_raw(
        {**signed(cancel_body()), "cancellationReason": "added"}, path="/api/v1/sessionbooking/cancelbooking"
    )
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_SECURE_HASH)


def test_the_key_is_of_this_command(world: World) -> None:
    world.cancel(Idempotency_Key="k-1")
    world.book(Idempotency_Key="k-1")
    cancelling, booking = world.cancelled[0].idempotency, world.asked[0].idempotency
    assert cancelling is not None
    assert booking is not None
    assert cancelling.key == booking.key
    assert cancelling.body_digest != booking.body_digest


def test_a_reader_cancels_nothing(world: World) -> None:
    answer = world.cancel(**world.bearer(role=Role.READ_ONLY))
    assert answer.status_code == 403
    assert world.cancelled == []


def test_the_status_tells_when_by_whom_and_why(world: World) -> None:
    assert world.status().json["cancellation"] is None
    booking = replace(CANCELLED.booking, withdrawn_at=NOW, withdrawn_by="partner", withdrawal_reason="مريض")
    world.view = replace(CANCELLED, booking=booking)
    assert world.status().json["cancellation"] == {
        "at": "2026-01-05T12:00:00.000Z",
        "by": "partner",
        "reason": "مريض",
    }


def test_a_booking_cancelled_while_its_booker_waits_is_told_as_withdrawn(world: World) -> None:
    answer = world.book(Prefer="wait=1")
    assert (answer.status_code, answer.json["reason"]) == (409, Reason.BOOKING_WITHDRAWN)
