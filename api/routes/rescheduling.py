"""Move a confirmed booking to another time."""

from datetime import timedelta

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, Limit, contract
from api.errors import HTTP_OF_REASON, error_body, message_of_reason
from api.idempotency import idempotency_key, replayed
from api.instants import instant
from api.routes.session_booking import (
    booking_data,
    pending_answer,
    slot_choice,
    state_of_move,
    view_within_preference,
)
from api.schemas import loaded
from api.schemas.session_booking import BookingAnswerSchema, RescheduleBookingSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from repositories.entities.bookings import Booking, BookingView
from repositories.entities.sagas import SagaState
from repositories.enums import Reason
from repositories.ports.errors import MoveInFlight, NotConfirmed, StoreUnavailable
from saga.accept_cancellation import BookingNotFound, CareProviderContradicted, SessionTooSoon
from saga.accept_reschedule import RescheduleRequest
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound

RESCHEDULE_BOOKING = RescheduleBookingSchema()


def blueprint() -> Blueprint:
    routes = Blueprint("rescheduling", __name__)
    routes.post("/sessionbooking/reschedulebooking")(reschedule_booking)
    return routes


@contract(
    Contract(
        scope=Scope.BOOKINGS_WRITE,
        limit=Limit.BOOKING,
        body=RescheduleBookingSchema,
        answers={200: BookingAnswerSchema, 202: BookingAnswerSchema},
        refusals=(
            *(BookingNotFound, CareProviderContradicted, SessionTooSoon, NotConfirmed, MoveInFlight),
            *(SlotNotFound, SlotInPast, SlotContradicted),
        ),
        ends=tuple(HTTP_OF_REASON),
        is_signed=True,
        is_idempotent=True,
        waits=True,
        audit="booking.reschedule",
    )
)
def reschedule_booking() -> tuple[Response, int]:
    """Move a confirmed booking to another slot of the same care provider; it keeps its id and its room."""
    body = json_object(request)
    wish = loaded(RESCHEDULE_BOOKING, body)
    accepted = services().accept_reschedule(
        RescheduleRequest(
            organization_id=caller().organization_id,
            booking_id=wish["booking_id"],
            user_id=wish["user_id"],
            choice=slot_choice(wish),
            idempotency=idempotency_key("reschedulebooking", body),
        )
    )
    answer, status = answer_to_move(accepted.booking)
    return replayed(answer, is_replay=accepted.is_replay), status


def answer_to_move(booking: Booking) -> tuple[Response, int]:
    """202 at once; with `Prefer: wait=N`, whether it was moved, if that is known within N seconds."""
    try:
        view, wait = view_within_preference(booking.id, until=is_settled)
    except StoreUnavailable:  # it is accepted, whatever became of looking
        view, wait = None, None
    public_id = services().id_cipher.encrypt(IdKind.BOOKING, booking.id)
    if view is None or view.move is None or not is_settled(view):
        answer, status = pending_answer(data_of(booking, public_id)), 202
    else:
        answer, status = outcome_of_move(view, view.move, public_id)
    if wait is not None:
        answer.headers["Preference-Applied"] = f"wait={wait // timedelta(seconds=1)}"
    return answer, status


def is_settled(view: BookingView | None) -> bool:
    return view is None or view.booking.moving_saga_id is None


def outcome_of_move(view: BookingView, move: SagaState, public_id: str) -> tuple[Response, int]:
    data = data_of(view.booking, public_id)
    if state_of_move(view.booking, move) == "done":
        return jsonify(status=1, data=data), 200
    reason = move.reason or Reason.INTERNAL_ERROR
    body = error_body(reason, message_of_reason(reason))
    return jsonify({**body, "failedStep": move.failed_step, "data": data}), HTTP_OF_REASON.get(reason, 500)


def data_of(booking: Booking, public_id: str) -> dict[str, object]:
    return {
        **booking_data(public_id, booking.user_id, booking.status),
        "meetingId": booking.meeting_id,
        "startsAt": instant(booking.starts_at),
        "endsAt": instant(booking.ends_at),
    }
