"""Book a session, cancel it, and ask how a booking stands."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api.auth import Caller, caller
from api.conditional import conditional
from api.contract import Contract, Limit, contract
from api.errors import HTTP_OF_REASON, NotFound, error_body, message_of_reason
from api.idempotency import idempotency_key, replayed
from api.instants import instant
from api.messages import in_callers_language
from api.ownership import booking_number
from api.schemas import loaded
from api.schemas.session_booking import (
    BookingAnswerSchema,
    BookingViewSchema,
    BookSessionSchema,
    CancelBookingSchema,
)
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from api.waiting import preferred_wait
from repositories.entities.bookings import Booking, BookingView
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.sagas import Attempt, SagaState
from repositories.entities.users import Guest
from repositories.enums import BookingStatus, Reason
from repositories.ports.errors import ReferenceContradicted, StoreUnavailable
from saga.accept_booking import Accepted, BookingRequest, UserContradicted, UserNotFound
from saga.accept_cancellation import BookingNotFound, CancellationRequest, CareProviderContradicted, SessionTooSoon
from saga.slot_choice import SlotChoice, SlotContradicted, SlotInPast, SlotNotFound

BOOK_SESSION = BookSessionSchema()
CANCEL_BOOKING = CancelBookingSchema()
LONGEST_RETRY_AFTER = 5  # seconds; while a worker holds the saga, due_at is the end of its lease, far too late to ask


def blueprint() -> Blueprint:
    routes = Blueprint("session_booking", __name__)
    routes.post("/sessionbooking/booksession")(book_session)
    routes.post("/sessionbooking/cancelbooking")(cancel_booking)
    routes.get("/sessionbooking/getbookingstatus/<booking_id>")(get_booking_status)
    return routes


# --- booksession -------------------------------------------------------------------------


@contract(
    Contract(
        scope=Scope.BOOKINGS_WRITE,
        limit=Limit.BOOKING,
        body=BookSessionSchema,
        answers={200: BookingAnswerSchema, 202: BookingAnswerSchema},
        ends=tuple(HTTP_OF_REASON),
        refusals=(UserNotFound, UserContradicted, SlotNotFound, SlotInPast, SlotContradicted, ReferenceContradicted),
        is_signed=True,
        is_idempotent=True,
        waits=True,
        audit="booking.accept",
    )
)
def book_session() -> tuple[Response, int]:
    """Book a session for a registered user or a guest; 202 at once, or the outcome within the preferred wait."""
    body = json_object(request)
    wish = loaded(BOOK_SESSION, body)
    accepted = services().accept_booking(booking_request(wish, idempotency_key("booksession", body), caller()))
    answer, status = answer_to(accepted)
    return replayed(answer, is_replay=accepted.is_replay), status


def booking_request(wish: Mapping[str, Any], idempotency: IdempotencyKey | None, who: Caller) -> BookingRequest:
    return BookingRequest(
        organization_id=who.organization_id,
        user_id=wish["user_id"],
        reference_id=wish["reference_id"],
        guest=None if wish["user_id"] is not None else guest_of(wish),
        choice=slot_choice(wish),
        communication_type=wish["communication_type"],
        platform=wish["platform"],
        is_from_mobile=wish["is_from_mobile"],
        idempotency=idempotency,
    )


def slot_choice(wish: Mapping[str, Any]) -> SlotChoice:
    return SlotChoice(
        care_provider_id=wish["care_provider_id"],
        slot_id=wish["slot_id"],
        local_date=wish["slot_date"],
        local_start=wish["slot_start_time"],
        local_end=wish["slot_end_time"],
        zone=wish["time_zone"] or wish["gmt_offset"] or UTC,
    )


def guest_of(wish: Mapping[str, Any]) -> Guest:
    return Guest(reference_id=wish["reference_id"], name=wish["person_name"], dob=wish["dob"], gender=wish["gender"])


def answer_to(accepted: Accepted) -> tuple[Response, int]:
    """202 at once; with `Prefer: wait=N`, the outcome if there is one within N seconds."""
    public_id = services().id_cipher.encrypt(IdKind.BOOKING, accepted.booking_id)
    try:
        view, wait = view_within_preference(accepted.booking_id)
    except StoreUnavailable:  # it is accepted, whatever became of looking; an error would say that it is not
        view, wait = None, None
    if view is not None and view.booking.status is not BookingStatus.PENDING:
        answer, status = outcome(view, public_id)
    else:
        answer, status = accepted_answer(accepted, public_id), 202
    if wait is not None:
        answer.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return answer, status


def accepted_answer(accepted: Accepted, public_id: str) -> Response:
    return pending_answer(booking_data(public_id, accepted.user_id, BookingStatus.PENDING))


def pending_answer(data: Mapping[str, Any]) -> Response:
    """What a 202 says: how the booking stands, where to ask on, and when."""
    answer = jsonify(status=1, data=data)
    answer.headers["Location"] = url_for("session_booking.get_booking_status", booking_id=data["bookingId"])
    answer.headers["Retry-After"] = "1"
    return answer


def outcome(view: BookingView, public_id: str) -> tuple[Response, int]:
    """The inventory's answer to a booking that ended: its example, or its error table."""
    booking = view.booking
    data = booking_data(public_id, booking.user_id, booking.status)
    if booking.status is BookingStatus.CONFIRMED:
        return jsonify(status=1, data={"meetingId": booking.meeting_id, **data}), 200
    is_cancelled = booking.status is BookingStatus.CANCELLED
    reason = view.reason or (Reason.BOOKING_WITHDRAWN if is_cancelled else Reason.INTERNAL_ERROR)
    body = error_body(reason, message_of_reason(reason))
    return jsonify({**body, "failedStep": view.failed_step, "data": data}), HTTP_OF_REASON.get(reason, 500)


def booking_data(public_id: str, user_id: int, status: BookingStatus) -> dict[str, Any]:
    return {
        "bookingId": public_id,
        "userId": services().id_cipher.encrypt(IdKind.USER, user_id),
        "bookingStatus": int(status),
    }


# --- cancelbooking -----------------------------------------------------------------------


@contract(
    Contract(
        scope=Scope.BOOKINGS_WRITE,
        limit=Limit.BOOKING,
        body=CancelBookingSchema,
        answers={200: BookingAnswerSchema, 202: BookingAnswerSchema},
        refusals=(BookingNotFound, CareProviderContradicted, SessionTooSoon),
        is_signed=True,
        is_idempotent=True,
        waits=True,
        audit="booking.cancel",
    )
)
def cancel_booking() -> tuple[Response, int]:
    """Withdraw a pending booking, cancel a confirmed one; doing it twice is doing it once."""
    body = json_object(request)
    wish = loaded(CANCEL_BOOKING, body)
    booking = services().accept_cancellation(
        CancellationRequest(
            organization_id=caller().organization_id,
            booking_id=wish["booking_id"],
            user_id=wish["user_id"],
            care_provider_id=wish["care_provider_id"],
            why=wish["why"],
            idempotency=idempotency_key("cancelbooking", body),
        )
    )
    return answer_to_cancellation(booking, body["bookingId"])


def answer_to_cancellation(booking: Booking, public_id: str) -> tuple[Response, int]:
    """200 with the booking's state; 202 while its saga still has to undo, unless `Prefer: wait=N` sees it end."""
    status, wait = booking.status, None
    if status is BookingStatus.PENDING:
        try:
            view, wait = view_within_preference(booking.id)
        except StoreUnavailable:  # it is withdrawn, whatever became of looking
            view = None
        status = view.booking.status if view is not None else status
    data = booking_data(public_id, booking.user_id, status)
    is_over = status is not BookingStatus.PENDING
    answer = jsonify(status=1, data=data) if is_over else pending_answer(data)
    if wait is not None:
        answer.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return answer, 200 if is_over else 202


# --- getbookingstatus --------------------------------------------------------------------


@contract(
    Contract(
        scope=Scope.BOOKINGS_READ,
        limit=Limit.POLLING,
        answers={200: BookingViewSchema},
        refusals=(NotFound,),
        waits=True,
        has_etag=True,
    )
)
def get_booking_status(booking_id: str) -> BaseResponse:
    """How a booking stands, and everything that happened to it."""
    view, wait = view_within_preference(booking_number(booking_id), is_asked=True)
    if view is None:
        raise NotFound
    answer = jsonify(status_body(view, booking_id))
    if view.booking.status is BookingStatus.PENDING:
        answer.headers["Retry-After"] = str(retry_after(view.due_at, services().clock()))
    if wait is not None:
        answer.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return conditional(answer, cache_control="private, no-cache")


def has_ended(view: BookingView | None) -> bool:
    return view is None or view.booking.status is not BookingStatus.PENDING


def view_within_preference(
    booking_id: int, *, is_asked: bool = False, until: Callable[[BookingView | None], bool] = has_ended
) -> tuple[BookingView | None, timedelta | None]:
    """The booking as it stands `until` that is so or the preferred wait is over, and the wait if it was applied.

    Without a preference it is looked at only if that was asked for.
    """
    organization_id = caller().organization_id

    def look() -> BookingView | None:
        return services().bookings.find_view(booking_id, organization_id=organization_id)

    wait = preferred_wait(request.headers.get("Prefer"), longest=services().max_wait)
    if wait is None:
        return (look() if is_asked else None), None
    view, is_applied = services().waiting_room.wait(look, until, limit=wait)
    return view, wait if is_applied else None


def retry_after(due_at: datetime | None, now: datetime) -> int:
    """Seconds until it is worth asking again."""
    wait = (due_at - now).total_seconds() if due_at is not None else 0.0
    return min(max(1, ceil(wait)), LONGEST_RETRY_AFTER)


def status_body(view: BookingView, public_id: str) -> dict[str, Any]:
    booking, cipher = view.booking, services().id_cipher
    return {
        "bookingId": public_id,
        "userId": cipher.encrypt(IdKind.USER, booking.user_id),
        "careProviderId": cipher.encrypt(IdKind.CARE_PROVIDER, booking.care_provider_id),
        "bookingStatus": int(booking.status),
        "meetingId": booking.meeting_id,
        "startsAt": instant(booking.starts_at),
        "endsAt": instant(booking.ends_at),
        "reason": view.reason,
        "message": in_callers_language(message_of_reason(view.reason)) if view.reason else None,
        "failedStep": view.failed_step,
        "cancellation": cancellation(booking),
        "reschedule": reschedule(view),
        "sagaStatus": view.saga_status,
        "step": view.step,
        "timeline": [line(attempt) for attempt in view.timeline],
    }


def cancellation(booking: Booking) -> dict[str, Any] | None:
    """When, by whom and why it was cancelled, or withdrawn while pending."""
    if booking.withdrawn_at is None:
        return None
    return {"at": instant(booking.withdrawn_at), "by": booking.withdrawn_by, "reason": booking.withdrawal_reason}


def reschedule(view: BookingView) -> dict[str, Any] | None:
    """How the newest wish to move the booking to another time stands."""
    move = view.move
    if move is None:
        return None
    return {
        "state": state_of_move(view.booking, move),
        "startsAt": instant(datetime.fromisoformat(move.input["starts_at"])),
        "endsAt": instant(datetime.fromisoformat(move.input["ends_at"])),
        "reason": move.reason,
        "message": in_callers_language(message_of_reason(move.reason)) if move.reason else None,
        "failedStep": move.failed_step,
    }


def state_of_move(booking: Booking, move: SagaState) -> str:
    if booking.moving_saga_id == move.id:
        return "pending"
    return "failed" if move.reason is not None else "done"


def line(attempt: Attempt) -> dict[str, Any]:
    return {
        "step": attempt.step,
        "kind": attempt.kind,
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "error": attempt.error,
        "startedAt": instant(attempt.started_at),
        "durationMs": round((attempt.duration or timedelta()).total_seconds() * 1000, 1),
    }
