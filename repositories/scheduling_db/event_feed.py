"""An organization's events in the order in which they were announced.

Whoever goes on behind what was purged is told so, and not led past it.

A page of some kinds only looks at SCANNED events at most: rare kinds in a long history cost no poll a full scan.
"""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from repositories.database import Database
from repositories.entities.events import BookingEvent, EventFilter, EventPage
from repositories.enums import BookingStatus
from repositories.ports.errors import EventsForgotten
from repositories.scheduling_db.tables import booking_events, bookings

SCANNED = 5000

_BEYOND = (
    booking_events.c.organization_id == bindparam("of_organization"),
    booking_events.c.position > bindparam("after"),
)
_OF_BOOKING = booking_events.c.booking_id == bindparam("of_booking")
_OF_KINDS = booking_events.c.kind.in_(bindparam("kinds", expanding=True))
_UPTO = booking_events.c.position <= bindparam("upto")


def _page(*conditions: Any) -> Any:
    return (
        select(booking_events).where(*_BEYOND, *conditions).order_by(booking_events.c.position).limit(bindparam("most"))
    )


ALL = _page()
OF_BOOKING = _page(_OF_BOOKING)
OF_BOOKING_AND_KINDS = _page(_OF_BOOKING, _OF_KINDS)
OF_KINDS = _page(_OF_KINDS, _UPTO)
_LOOKED_AT = (
    select(booking_events.c.position)
    .where(*_BEYOND)
    .order_by(booking_events.c.position)
    .limit(bindparam("scanned"))
    .subquery()
)
WINDOW = select(func.max(_LOOKED_AT.c.position).label("upto"), func.count().label("number")).select_from(_LOOKED_AT)


FORGOTTEN = select(func.max(bookings.c.forgotten_position)).where(
    bookings.c.organization_id == bindparam("of_organization")
)
FORGOTTEN_OF_BOOKING = FORGOTTEN.where(bookings.c.id == bindparam("of_booking"))


class SqlEventFeed:
    def __init__(self, database: Database, *, scanned: int = SCANNED) -> None:
        self._database = database
        self._scanned = scanned

    def read(self, wanted: EventFilter, *, after: int, forgotten: int | None = None, limit: int) -> EventPage:
        values = {
            "of_organization": wanted.organization_id,
            "of_booking": wanted.booking_id,
            "kinds": list(wanted.kinds or ()),
            "after": after,
            "most": limit + 1,
        }
        with self._database.reading() as connection:
            page = self._page(connection, wanted, values, after=after, limit=limit)
            upto = _forgotten(connection, wanted, values)  # looked at last: a purge may run meanwhile
        if forgotten is None:
            return replace(page, forgotten=upto)
        if upto > max(after, forgotten):
            raise EventsForgotten
        return replace(page, forgotten=forgotten)

    def _page(
        self, connection: Connection, wanted: EventFilter, values: dict[str, Any], *, after: int, limit: int
    ) -> EventPage:
        if wanted.kinds is not None and wanted.booking_id is None:
            return self._of_kinds(connection, values, after=after, limit=limit)
        found = _events(connection, _statement_of(wanted), values)
        return _page_of(found, limit=limit, end=after, has_more=False)

    def _of_kinds(self, connection: Connection, values: dict[str, Any], *, after: int, limit: int) -> EventPage:
        window = connection.execute(WINDOW, {**values, "scanned": self._scanned}).one()
        if window.upto is None:
            return EventPage(events=(), reached=after, has_more=False)
        found = _events(connection, OF_KINDS, {**values, "upto": window.upto})
        return _page_of(found, limit=limit, end=window.upto, has_more=window.number == self._scanned)


def _forgotten(connection: Connection, wanted: EventFilter, values: dict[str, Any]) -> int:
    """The position up to which events are purged."""
    statement = FORGOTTEN if wanted.booking_id is None else FORGOTTEN_OF_BOOKING
    return connection.execute(statement, values).scalar_one() or 0


def _statement_of(wanted: EventFilter) -> Any:
    if wanted.booking_id is None:
        return ALL
    return OF_BOOKING if wanted.kinds is None else OF_BOOKING_AND_KINDS


def _page_of(found: list[BookingEvent], *, limit: int, end: int, has_more: bool) -> EventPage:
    """`end`: where the page reached if everything that was found fits, and nothing was looked at beyond."""
    if len(found) > limit:
        return EventPage(events=found[:limit], reached=found[limit - 1].position, has_more=True)
    return EventPage(events=found, reached=max([end, *(event.position for event in found)]), has_more=has_more)


def _events(connection: Connection, statement: Any, values: dict[str, Any]) -> list[BookingEvent]:
    return [event_of(row, event_id=row.id) for row in connection.execute(statement, values)]


def event_of(row: Row[Any], *, event_id: int) -> BookingEvent:
    """`event_id` apart: in a join the row's own id may be another's."""
    return BookingEvent(
        id=event_id,
        organization_id=row.organization_id,
        booking_id=row.booking_id,
        sequence=row.sequence,
        kind=row.kind,
        status=BookingStatus(row.status),
        reason=row.reason,
        changed=tuple(json.loads(row.changed)),
        occurred_at=row.occurred_at,
        position=row.position,
    )
