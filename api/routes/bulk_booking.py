"""Book several sessions in one request: each by itself, or all or none."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import Caller, caller
from api.contract import Contract, Limit, contract
from api.errors import ANSWER_TO, InvalidBody, SecureHashWrong, UnsafeText, error_of
from api.idempotency import idempotency_key, replayed
from api.routes.session_booking import BOOK_SESSION, booking_data, booking_request
from api.schemas import loaded
from api.schemas.bulk_booking import BulkAnswerSchema, BulkBookSchema, BulkResultsSchema
from api.schemas.session_booking import BookSessionSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.signing import check_secure_hash
from api.strict_json import json_object
from repositories.acting import refused_in_part
from repositories.entities.idempotency import IdempotencyKey
from repositories.enums import BookingStatus, Reason
from repositories.ports.errors import ReferenceContradicted, StoreUnavailable
from saga.accept_booking import Accepted, BookingRequest, UserContradicted, UserNotFound
from saga.accept_group import MemberRefused
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound

BULK = BulkBookSchema()


def blueprint() -> Blueprint:
    routes = Blueprint("bulk_booking", __name__)
    routes.post("/sessionbooking/bulkbooksession")(bulk_book_session)
    return routes


@contract(
    Contract(
        scope=Scope.BOOKINGS_WRITE,
        limit=Limit.BOOKING,
        body=BulkBookSchema,
        answers={202: BulkAnswerSchema, 207: BulkResultsSchema},
        refusals=(
            *(UserNotFound, UserContradicted, SlotNotFound, SlotInPast, SlotContradicted, ReferenceContradicted),
            SecureHashWrong,
        ),
        is_idempotent=True,
        audit="booking.accept",
    )
)
def bulk_book_session() -> tuple[Response, int]:
    """Book up to 20 sessions, each signed by itself: a result for each (207), or all or none of them (202)."""
    body = json_object(request)
    wish = loaded(BULK, body)
    key = idempotency_key("bulkbooksession", body)
    return all_or_none(wish["bookings"], key) if wish["all_or_nothing"] else each_by_itself(wish["bookings"], key)


# --- all or none -------------------------------------------------------------------------


def all_or_none(bodies: list[dict[str, Any]], key: IdempotencyKey | None) -> tuple[Response, int]:
    try:
        requests = [request_of(body, None, place) for place, body in enumerate(bodies)]
        accepted = services().accept_group(requests, organization_id=caller().organization_id, idempotency=key)
    except MemberRefused as refused:
        raise named(refused.place, refused.why) from refused
    answer = jsonify(status=1, data={"bookings": [data_of(one) for one in accepted]})
    return replayed(answer, is_replay=accepted[0].is_replay), 202


def request_of(body: dict[str, Any], key: IdempotencyKey | None, place: int) -> BookingRequest:
    """The booking that this member asks for. Raises MemberRefused."""
    try:
        return signed_request(body, key, caller())
    except (InvalidBody, UnsafeText, SecureHashWrong) as why:
        raise MemberRefused(place, why) from why


def signed_request(body: dict[str, Any], key: IdempotencyKey | None, who: Caller) -> BookingRequest:
    check_secure_hash(body, BookSessionSchema, who)
    return booking_request(loaded(BOOK_SESSION, body), key, who)


def named(place: int, why: Exception) -> Exception:
    """The refusal, its fields named with the booking's place."""
    prefix = f"bookings.{place}."
    if isinstance(why, InvalidBody):
        why.errors = [{**error, "field": prefix + error["field"]} for error in why.errors]
    else:
        why.field = prefix + (getattr(why, "field", None) or "referenceId")  # type: ignore[attr-defined]
    return why


# --- each by itself ------------------------------------------------------------------------


def each_by_itself(bodies: list[dict[str, Any]], key: IdempotencyKey | None) -> tuple[Response, int]:
    results = [{"index": place, **result_of(body, place, key)} for place, body in enumerate(bodies)]
    return jsonify(status=1, data={"results": results}), 207


def result_of(body: dict[str, Any], place: int, key: IdempotencyKey | None) -> Mapping[str, Any]:
    """What booksession would have answered to this body."""
    own_key = None if key is None else IdempotencyKey(key=f"{key.key}#{place}", body_digest=key.body_digest)
    try:
        accepted = services().accept_booking(signed_request(body, own_key, caller()))
    except StoreUnavailable:
        raise  # the rest would fare no better; a repeat with the same key finds what was accepted
    except tuple(ANSWER_TO) as error:
        status, refusal = error_of(error)
        refused_in_part(status, Reason(refusal["reason"]))
        return {"httpStatus": status, **refusal}
    return {"httpStatus": 202, "status": 1, "isReplay": accepted.is_replay, "data": data_of(accepted)}


def data_of(accepted: Accepted) -> dict[str, Any]:
    public_id = services().id_cipher.encrypt(IdKind.BOOKING, accepted.booking_id)
    return booking_data(public_id, accepted.user_id, BookingStatus.PENDING)
