"""The feed of an organization's events, in the order in which they were announced."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, Limit, contract
from api.pagination import CursorWrong, Listing
from api.schemas.events import EventsQuerySchema, EventsSchema
from api.schemas.queries import query
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.waiting import preferred_wait
from repositories.entities.events import BookingEvent, EventFilter, EventPage
from repositories.ports.errors import EventsForgotten
from saga.accept_cancellation import BookingNotFound
from saga.events import thin

QUERY = EventsQuerySchema()


class AfterWrong(CursorWrong):
    """This cursor was not given out for this list and these filters."""

    field = "after"


def blueprint() -> Blueprint:
    routes = Blueprint("events", __name__)
    routes.get("/events")(get_events)
    return routes


@contract(
    Contract(
        scope=Scope.EVENTS_READ,
        limit=Limit.POLLING,
        query=EventsQuerySchema,
        answers={200: EventsSchema},
        refusals=(BookingNotFound, CursorWrong, EventsForgotten),
        waits=True,
    )
)
def get_events() -> Response:
    """What happened to your bookings, in order; ask on with `after`, or with `Prefer: wait=N` until something does."""
    wish = query(QUERY)
    wanted = filter_of(wish)
    listing = Listing(name="events", organization_id=wanted.organization_id, filters=vars(wanted))
    after, forgotten = place_of(wish["after"], listing)

    def look() -> EventPage:
        return services().event_feed.read(wanted, after=after, forgotten=forgotten, limit=wish["limit"])

    wait = preferred_wait(request.headers.get("Prefer"), longest=services().max_wait)
    if wait is None:
        page, is_applied = look(), False
    else:
        page, is_applied = services().waiting_room.wait(look, is_worth_answering, limit=wait)
    answer = jsonify(
        eventsList=[line_of(event) for event in page.events],
        nextCursor=services().cursors.write((page.reached, page.forgotten), of=listing),
        hasMore=page.has_more,
    )
    if wait is not None and is_applied:
        answer.headers["Preference-Applied"] = f"wait={wait.seconds}"
    return answer


def is_worth_answering(page: EventPage) -> bool:
    return bool(page.events) or page.has_more


def filter_of(wish: Mapping[str, Any]) -> EventFilter:
    """Raises BookingNotFound for a booking that is not the caller's."""
    organization_id, booking_id = caller().organization_id, wish["booking_id"]
    if booking_id is not None and services().bookings.find_booking(booking_id, organization_id=organization_id) is None:
        raise BookingNotFound("bookingId")
    return EventFilter(organization_id=organization_id, booking_id=booking_id, kinds=wish["kinds"])


def place_of(cursor: str | None, listing: Listing) -> tuple[int, int | None]:
    """Up to where the feed was read, and was forgotten when reading began; None: it begins now. Raises AfterWrong."""
    if cursor is None:
        return 0, None
    try:
        position, *forgotten = services().cursors.read(cursor, of=listing)
    except CursorWrong as error:
        raise AfterWrong from error
    return int(str(position)), int(str(forgotten[0])) if forgotten else 0  # earlier cursors know of no purge


def line_of(event: BookingEvent) -> dict[str, Any]:
    cipher = services().id_cipher
    return thin(
        event,
        event_id=cipher.encrypt(IdKind.EVENT, event.id),
        booking_id=cipher.encrypt(IdKind.BOOKING, event.booking_id),
    )
