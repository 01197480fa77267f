"""The outbox: every change of a booking, numbered per booking, written in the transaction that makes the change."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select

from repositories.enums import BookingStatus
from repositories.scheduling_db.tables import booking_events, bookings

APPEND = insert(booking_events).from_select(
    ["booking_id", "organization_id", "sequence", "kind", "status", "reason", "changed", "occurred_at"],
    select(
        bookings.c.id,
        bookings.c.organization_id,
        select(func.coalesce(func.max(booking_events.c.sequence), 0) + 1)
        .where(booking_events.c.booking_id == bindparam("of_booking"))
        .scalar_subquery(),
        bindparam("kind", type_=booking_events.c.kind.type),
        bookings.c.status,
        bookings.c.reason,
        bindparam("changed_fields", type_=booking_events.c.changed.type),
        bindparam("occurred_at", type_=booking_events.c.occurred_at.type),
    ).where(bookings.c.id == bindparam("of_booking")),
)
FIRST = insert(booking_events)


def append_event(
    connection: Connection, booking_id: int, kind: str, now: datetime, *, changed: Sequence[str] = ()
) -> None:
    """The next event of this booking, with the status and reason it has now.

    `changed` names what else is new, as the API spells it; never a value."""
    values = {
        "of_booking": booking_id,
        "kind": kind,
        "changed_fields": json.dumps(list(changed), separators=(",", ":")),
        "occurred_at": now,
    }
    connection.execute(APPEND, values)


def append_accepted(connection: Connection, booking_id: int, organization_id: int, now: datetime) -> None:
    """The first event of a booking just written."""
    connection.execute(
        FIRST,
        {
            "booking_id": booking_id,
            "organization_id": organization_id,
            "sequence": 1,
            "kind": "accepted",
            "status": BookingStatus.PENDING,
            "reason": None,
            "occurred_at": now,
        },
    )
