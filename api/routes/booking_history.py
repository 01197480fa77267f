"""The bookings of an organization or of one of its users, the newest session first."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from flask import Blueprint, Response, jsonify

from api.auth import caller
from api.contract import Contract, Limit, contract
from api.errors import message_of_reason
from api.instants import instant
from api.messages import in_callers_language
from api.ownership import own_user
from api.pagination import CursorWrong, Listing
from api.routes.session_booking import cancellation
from api.schemas.booking_history import HistoryQuerySchema, HistorySchema
from api.schemas.queries import query
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from repositories.entities.bookings import EARLIEST, LATEST, Booking, HistoryFilter, HistoryPlace
from repositories.enums import BookingStatus
from saga.accept_booking import UserNotFound

HISTORY = HistoryQuerySchema()


def blueprint() -> Blueprint:
    routes = Blueprint("booking_history", __name__)
    routes.get("/user/bookings")(get_bookings)
    return routes


@contract(
    Contract(
        scope=Scope.BOOKINGS_READ,
        limit=Limit.SEARCH,
        query=HistoryQuerySchema,
        answers={200: HistorySchema},
        refusals=(UserNotFound, CursorWrong),
    )
)
def get_bookings() -> Response:
    """Bookings of one user or of all, by status and period, the newest session first, page by page."""
    wish = query(HISTORY)
    if wish["user_id"] is not None:
        own_user(wish["user_id"])
    wanted = filter_of(wish)
    listing = Listing(name="bookings", organization_id=wanted.organization_id, filters=vars(wanted))
    found = services().booking_history.list_bookings(
        wanted, after=place_after(wish["cursor"], listing), limit=wish["limit"] + 1
    )
    page = services().cursors.page(found, limit=wish["limit"], position_of=position_of, of=listing)
    zone = zone_of(wish)
    return jsonify(bookingsList=[line_of(one, zone) for one in page.lines], nextCursor=page.next_cursor)


def filter_of(wish: Mapping[str, Any]) -> HistoryFilter:
    first, last, zone = wish["first_day"], wish["last_day"], zone_of(wish)
    return HistoryFilter(
        organization_id=caller().organization_id,
        user_id=wish["user_id"],
        statuses=wish["statuses"] or tuple(BookingStatus),
        starts_from=EARLIEST if first is None else beginning_of(first, zone),
        starts_before=LATEST if last is None else beginning_of(last + timedelta(days=1), zone),
    )


def zone_of(wish: Mapping[str, Any]) -> tzinfo:
    zone: tzinfo = wish["time_zone"] or wish["gmt_offset"] or UTC
    return zone


def beginning_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def position_of(booking: Booking) -> tuple[datetime, int]:
    return booking.starts_at, booking.id


def place_after(cursor: str | None, listing: Listing) -> HistoryPlace | None:
    if cursor is None:
        return None
    starts_at, booking_id = services().cursors.read(cursor, of=listing)
    assert isinstance(starts_at, datetime)  # noqa: S101  only position_of wrote it
    return HistoryPlace(starts_at=starts_at, booking_id=int(str(booking_id)))


def line_of(booking: Booking, zone: tzinfo) -> dict[str, Any]:
    cipher = services().id_cipher
    starts, ends = booking.starts_at.astimezone(zone), booking.ends_at.astimezone(zone)
    return {
        "bookingId": cipher.encrypt(IdKind.BOOKING, booking.id),
        "userId": cipher.encrypt(IdKind.USER, booking.user_id),
        "careProviderId": cipher.encrypt(IdKind.CARE_PROVIDER, booking.care_provider_id),
        "bookingStatus": int(booking.status),
        "slotDate": f"{starts:%Y-%m-%d}",
        "slotStartTime": f"{starts:%H:%M:%S}",
        "slotEndTime": f"{ends:%H:%M:%S}",
        "startsAt": instant(booking.starts_at),
        "endsAt": instant(booking.ends_at),
        "catCommunicationTypeId": int(booking.communication_type),
        "meetingId": booking.meeting_id,
        "reason": booking.reason,
        "message": in_callers_language(message_of_reason(booking.reason)) if booking.reason else None,
        "failedStep": booking.failed_step,
        "cancellation": cancellation(booking),
        "bookedAt": instant(booking.created_at),
    }
