"""One table: error -> (HTTP status, reason); and the shape that every error has on the wire.

No exception text reaches a partner: the message of a known error is its class's docstring.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, request
from marshmallow.exceptions import SCHEMA
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from api.grants import AccessKeyRefused, TokenRevoked
from api.messages import in_callers_language
from api.pagination import CursorWrong
from api.security.id_cipher import IdTampered
from api.security.jwt_tokens import TokenInvalid
from api.security.scopes import Scope
from integrations.ports import ReportMalformed, SignatureWrong
from repositories.enums import Reason
from repositories.ports.errors import (
    CareProviderUnknown,
    DeliveryUnknown,
    EndpointNotActive,
    EndpointsFull,
    EndpointUnknown,
    EventsForgotten,
    FavoritesFull,
    HoursOverlap,
    HoursUnknown,
    KeyInFlight,
    KeyReused,
    MoveInFlight,
    NotConfirmed,
    OutsideHours,
    ReferenceContradicted,
    RefreshTokenReused,
    RefreshTokenUnknown,
    ReplayTooLong,
    ScopeExceeded,
    SlotLengthUnknown,
    SlotOverlaps,
    SlotUnknown,
    StoreUnavailable,
    UserHasBookings,
    UserUnknown,
)
from saga.accept_booking import (
    UserContradicted,
    UserNotFound,
)
from saga.accept_cancellation import BookingNotFound, CareProviderContradicted, SessionTooSoon
from saga.booked_meetings import MeetingsUnavailable
from saga.find_care_providers import CareProviderNotFound
from saga.manage_availability import InThePast, NoSuchTime, NotOnTheGrid, Overlapping, TooFarAhead
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound
from saga.submit_assessment import AnswersWrong, AssessmentOutdated

log = structlog.get_logger()

RETRY_SECONDS = "5"
OAUTH = "auth"  # the blueprint whose errors are also named as RFC 6749 5.2 does
STORE_AWAY = "The service is not available just now. Repeat the request, with the same Idempotency-Key."


class InvalidBody(Exception):
    """The request has missing or wrong fields."""

    def __init__(self, errors: list[dict[str, str]], *, is_empty: bool = False) -> None:
        super().__init__()
        self.errors = errors
        self.is_empty = is_empty


class MalformedBody(Exception):
    """The body is not one JSON object."""


class BodyTooComplex(Exception):
    """The body holds too many values."""


class UnsafeText(InvalidBody):
    """A text holds something that a browser could run."""


class SecureHashWrong(Exception):
    """The secureHash does not match the fields."""

    field = "secureHash"


class Unauthenticated(Exception):
    """A valid access token is needed."""


class Forbidden(Exception):
    """This access token may not do this."""

    def __init__(self, missing: Scope | None) -> None:
        super().__init__()
        self.field = "scope" if missing else None
        self.detail = f"This needs the scope {missing}." if missing else None
        self.challenge = f'Bearer error="insufficient_scope", scope="{missing}"' if missing else None


class TooManyRequests(Exception):
    """Too many requests of this kind within a minute."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after  # seconds


class NotFound(Exception):
    """There is no such booking."""


class ReportKeyUnavailable(Exception):
    """This webhook cannot be verified just now. Send it again."""


class ClientRefused(Exception):
    """A valid access key is needed."""

    challenge = 'Basic realm="tahoon", charset="UTF-8"'


class NoSuchUser(Exception):
    """This user is not registered with your organization."""


class GrantUnsupported(Exception):
    """The grant_type must be password, client_credentials or refresh_token."""

    field = "grant_type"


ANSWER_TO: dict[type[Exception], tuple[int, Reason]] = {
    InvalidBody: (400, Reason.INVALID_PARAMETER),
    MalformedBody: (400, Reason.MALFORMED_BODY),
    BodyTooComplex: (400, Reason.BODY_TOO_COMPLEX),
    UnsafeText: (400, Reason.UNSAFE_TEXT),
    SecureHashWrong: (400, Reason.INVALID_SECURE_HASH),
    IdTampered: (400, Reason.INVALID_PARAMETER),
    CursorWrong: (400, Reason.INVALID_PARAMETER),
    SignatureWrong: (403, Reason.WEBHOOK_SIGNATURE_WRONG),
    ReportMalformed: (400, Reason.MALFORMED_BODY),
    ReportKeyUnavailable: (503, Reason.SERVICE_UNAVAILABLE),
    TokenInvalid: (401, Reason.UNAUTHENTICATED),
    TokenRevoked: (401, Reason.TOKEN_REVOKED),
    Unauthenticated: (401, Reason.UNAUTHENTICATED),
    Forbidden: (403, Reason.FORBIDDEN),
    TooManyRequests: (429, Reason.TOO_MANY_REQUESTS),
    NotFound: (404, Reason.NOT_FOUND),
    AccessKeyRefused: (400, Reason.UNAUTHENTICATED),
    ClientRefused: (401, Reason.UNAUTHENTICATED),
    RefreshTokenUnknown: (400, Reason.UNAUTHENTICATED),
    RefreshTokenReused: (400, Reason.REFRESH_TOKEN_REUSED),
    ScopeExceeded: (400, Reason.INVALID_PARAMETER),
    GrantUnsupported: (400, Reason.INVALID_PARAMETER),
    UserNotFound: (400, Reason.USER_NOT_FOUND),
    NoSuchUser: (404, Reason.USER_NOT_FOUND),
    UserContradicted: (400, Reason.INVALID_PARAMETER),
    ReferenceContradicted: (200, Reason.RECORD_ALREADY_EXIST),
    SlotNotFound: (404, Reason.NOT_ALLOWED),
    SlotInPast: (400, Reason.SLOT_IN_PAST),
    SlotContradicted: (400, Reason.SLOT_CONTRADICTED),
    CareProviderNotFound: (404, Reason.NOT_FOUND),
    SlotUnknown: (404, Reason.NOT_ALLOWED),
    HoursUnknown: (404, Reason.NOT_FOUND),
    SlotOverlaps: (409, Reason.AVAILABILITY_OVERLAPS),
    HoursOverlap: (409, Reason.AVAILABILITY_OVERLAPS),
    Overlapping: (400, Reason.INVALID_PARAMETER),
    OutsideHours: (409, Reason.OUTSIDE_HOURS),
    SlotLengthUnknown: (400, Reason.INVALID_PARAMETER),
    NoSuchTime: (400, Reason.INVALID_PARAMETER),
    NotOnTheGrid: (400, Reason.INVALID_PARAMETER),
    InThePast: (400, Reason.SLOT_IN_PAST),
    TooFarAhead: (400, Reason.INVALID_PARAMETER),
    BookingNotFound: (404, Reason.NOT_FOUND),
    CareProviderContradicted: (400, Reason.INVALID_PARAMETER),
    SessionTooSoon: (409, Reason.CANCELLATION_TOO_LATE),
    NotConfirmed: (409, Reason.NOT_CONFIRMED),
    MoveInFlight: (409, Reason.RESCHEDULE_IN_FLIGHT),
    MeetingsUnavailable: (503, Reason.SERVICE_UNAVAILABLE),
    AnswersWrong: (400, Reason.INVALID_PARAMETER),
    AssessmentOutdated: (409, Reason.ASSESSMENT_OUTDATED),
    CareProviderUnknown: (404, Reason.NOT_FOUND),
    FavoritesFull: (409, Reason.FAVORITES_FULL),
    UserUnknown: (404, Reason.USER_NOT_FOUND),
    UserHasBookings: (409, Reason.USER_HAS_BOOKINGS),
    EndpointUnknown: (404, Reason.NOT_FOUND),
    DeliveryUnknown: (404, Reason.NOT_FOUND),
    EndpointsFull: (409, Reason.WEBHOOK_ENDPOINTS_FULL),
    EndpointNotActive: (409, Reason.WEBHOOK_ENDPOINT_NOT_ACTIVE),
    EventsForgotten: (410, Reason.EVENTS_FORGOTTEN),
    ReplayTooLong: (409, Reason.REPLAY_TOO_LONG),
    KeyReused: (422, Reason.IDEMPOTENCY_KEY_REUSED),
    KeyInFlight: (409, Reason.IDEMPOTENCY_KEY_IN_FLIGHT),
    StoreUnavailable: (503, Reason.SERVICE_UNAVAILABLE),
}
OAUTH_WORD_OF: dict[type[Exception], str] = {
    AccessKeyRefused: "invalid_grant",
    ClientRefused: "invalid_client",
    RefreshTokenUnknown: "invalid_grant",
    RefreshTokenReused: "invalid_grant",
    ScopeExceeded: "invalid_scope",
    GrantUnsupported: "unsupported_grant_type",
    Unauthenticated: "invalid_client",  # of a bearer that asks for a revocation
    TokenInvalid: "invalid_client",
    TokenRevoked: "invalid_client",
    TooManyRequests: "temporarily_unavailable",
}
FIELD_OF: dict[type[Exception], str] = {
    ScopeExceeded: "scope",
    CareProviderUnknown: "careProviderId",
    FavoritesFull: "userId",
    UserHasBookings: "userId",
    ReferenceContradicted: "referenceId",
    KeyReused: "Idempotency-Key",
    KeyInFlight: "Idempotency-Key",
}

# What a booking that ended without a session answers under `Prefer: wait`.
HTTP_OF_REASON: dict[Reason, int] = {
    Reason.RECORD_ALREADY_EXIST: 200,
    Reason.NOT_ALLOWED: 404,
    Reason.USER_NOT_FOUND: 400,
    Reason.CHARITY_ORGANIZATION_BALANCE_OUT: 200,
    Reason.BOOKING_WITHDRAWN: 409,
    Reason.UNDONE_BY_OPERATOR: 503,
    Reason.MEETING_REFUSED: 502,
    Reason.SERVICE_UNAVAILABLE: 503,
    Reason.DEADLINE_PASSED: 504,
    Reason.INTERNAL_ERROR: 500,
}

MESSAGE_OF: dict[Reason, str] = {
    Reason.EMPTY_PARAMETER: "Required fields are missing.",
    Reason.RECORD_ALREADY_EXIST: "Someone else holds or booked this time.",
    Reason.NOT_ALLOWED: "This slot is not available.",
    Reason.USER_NOT_FOUND: "This user is not registered with your organization.",
    Reason.CHARITY_ORGANIZATION_BALANCE_OUT: "The organization's balance does not cover this session.",
    Reason.MEETING_REFUSED: "The video meeting could not be created.",
    Reason.SERVICE_UNAVAILABLE: "A service that the booking needs did not answer.",
    Reason.DEADLINE_PASSED: "The booking could not be completed in time.",
    Reason.BOOKING_WITHDRAWN: "The booking was withdrawn.",
    Reason.UNDONE_BY_OPERATOR: "The booking could not be completed, and was undone by hand.",
    Reason.INTERNAL_ERROR: "Something went wrong on our side.",
}

OF_HTTP: dict[int, Reason] = {
    400: Reason.MALFORMED_BODY,
    404: Reason.NOT_FOUND,
    405: Reason.METHOD_NOT_ALLOWED,
    413: Reason.BODY_TOO_LARGE,
    414: Reason.URL_TOO_LONG,
    415: Reason.UNSUPPORTED_MEDIA_TYPE,
    431: Reason.HEADERS_TOO_LARGE,
}


def error_body(reason: Reason, message: str, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The shape of every error; messages are given in English."""
    return {
        "status": 0,
        "reason": int(reason),
        "message": in_callers_language(message),
        "errors": [{**error, "message": in_callers_language(error["message"])} for error in errors],
        "requestId": g.get("request_id", ""),
    }


def add_error_handlers(app: Flask) -> None:
    for kind in ANSWER_TO:
        app.register_error_handler(kind, answer_known)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, answer_unknown)


def error_of(error: Exception) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body of an error of the table."""
    kind = _kind_of(error)
    status, reason = ANSWER_TO[kind]
    message = message_of(kind)
    if isinstance(error, InvalidBody | AnswersWrong) and error.is_empty:
        reason, message = Reason.EMPTY_PARAMETER, MESSAGE_OF[Reason.EMPTY_PARAMETER]
    return status, error_body(reason, message, _errors_of(error, kind))


def _kind_of(error: Exception) -> type[Exception]:
    return next(kind for kind in type(error).__mro__ if kind in ANSWER_TO)


def answer_known(error: Exception) -> tuple[Response, int]:
    kind = _kind_of(error)
    status, body = error_of(error)
    g.refused = Reason(body["reason"])
    if request.blueprint == OAUTH and status < 500:
        body["error"] = OAUTH_WORD_OF.get(kind, "invalid_request")
    answer = jsonify(body)
    if (challenge := _challenge_of(error, status)) is not None:
        answer.headers["WWW-Authenticate"] = challenge
    if status in {429, 503}:
        answer.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_SECONDS))
    return answer, status


def answer_http(error: HTTPException) -> Response | tuple[Response, int]:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    reason = OF_HTTP.get(status, Reason.INVALID_PARAMETER if status < 500 else Reason.INTERNAL_ERROR)
    g.refused = reason
    answer = jsonify(error_body(reason, http_message(status)))
    if (allowed := getattr(error, "valid_methods", None)) is not None:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer, status


def answer_unknown(error: Exception) -> tuple[Response, int]:
    log.error("request_failed", error=type(error).__name__)  # its text and locals may be personal
    g.refused = Reason.INTERNAL_ERROR
    return jsonify(error_body(Reason.INTERNAL_ERROR, MESSAGE_OF[Reason.INTERNAL_ERROR])), 500


def _challenge_of(error: Exception, status: int) -> str | None:
    """What to come back with, as RFC 6750 3 says it."""
    if isinstance(error, TokenInvalid):
        return 'Bearer error="invalid_token"'
    return getattr(error, "challenge", None) or ("Bearer" if status == 401 else None)


def message_of(kind: type[Exception]) -> str:
    """What an error of this table says, in English."""
    if issubclass(kind, StoreUnavailable):
        return STORE_AWAY  # its own docstring is written for us
    return (kind.__doc__ or "").strip()


def http_message(status: int) -> str:
    """What an error of HTTP itself says, in English."""
    if status >= 500:
        return MESSAGE_OF[Reason.INTERNAL_ERROR]
    return f"{HTTP_STATUS_CODES[status if status in OF_HTTP else 400]}."


def message_of_reason(reason: Reason) -> str:
    """Why a booking ended without a session, in English."""
    return MESSAGE_OF.get(reason, MESSAGE_OF[Reason.INTERNAL_ERROR])


def _errors_of(error: Exception, kind: type[Exception]) -> list[dict[str, str]]:
    if isinstance(error, InvalidBody | AnswersWrong):
        return error.errors
    field = getattr(error, "field", None) or FIELD_OF.get(kind)
    message = getattr(error, "detail", None) or message_of(kind)
    return [{"field": field, "message": message}] if field else []


def flat(messages: Mapping[str, Any], path: str = "") -> list[dict[str, str]]:
    """A schema's nested messages, one line per field by its wire name."""
    lines: list[dict[str, str]] = []
    for name, found in messages.items():
        here = f"{path}.{name}" if path and name != SCHEMA else path or str(name)  # SCHEMA: the object as a whole
        if isinstance(found, Mapping):
            lines += flat(found, here)
        else:
            lines += [{"field": here, "message": str(message)} for message in found]
    return lines
