"""What came of a booking or of its move, for the audit log: a line in the very transaction that decides it.

Whoever asked has their line from when it was accepted; this one has nobody's key, and the id of their request.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, bindparam, cast, func, insert, literal, select

from repositories.enums import BookingStatus, DeedOutcome
from repositories.scheduling_db.tables import audit_outbox, bookings, sagas

ACTION = "booking.settle"
KIND = "booking"
COLUMNS = ("deed_id", "action", "outcome", "occurred_at", "resource_kind", "resource_id", "organization_id")
FROM_STATUS = {
    BookingStatus.CONFIRMED: DeedOutcome.CONFIRMED,
    BookingStatus.FAILED: DeedOutcome.FAILED,
    BookingStatus.CANCELLED: DeedOutcome.CANCELLED,
}


def _line(*more: Any) -> Select[Any]:
    kept = audit_outbox.c
    return select(
        bindparam("deed", type_=kept.deed_id.type),
        literal(ACTION, kept.action.type),
        bindparam("outcome", type_=kept.outcome.type),
        bindparam("now", type_=kept.occurred_at.type),
        literal(KIND, kept.resource_kind.type),
        cast(bookings.c.id, String(64)),
        bookings.c.organization_id,
        *more,
    ).where(bookings.c.id == bindparam("of_booking"))


BOOKED_BY = (
    select(sagas.c.request_id)
    .where(sagas.c.booking_id == bindparam("of_booking"))
    .order_by(sagas.c.created_at, sagas.c.id)
    .limit(1)
    .scalar_subquery()
)
LEAVE_END = insert(audit_outbox).from_select(
    [*COLUMNS, "reason", "request_id"], _line(bookings.c.reason, func.coalesce(BOOKED_BY, ""))
)
LEAVE_MOVE = insert(audit_outbox).from_select(
    [*COLUMNS, "reason", "request_id"],
    _line(sagas.c.reason, func.coalesce(sagas.c.request_id, "")).where(
        bookings.c.status == BookingStatus.CONFIRMED,  # one that was cancelled meanwhile is not kept
        sagas.c.id == bindparam("saga"),
        sagas.c.booking_id == bookings.c.id,
    ),
)


def leave_end(connection: Connection, booking_id: int, status: BookingStatus, now: datetime) -> None:
    """The booking has just ended pending, with this status."""
    connection.execute(LEAVE_END, _values(booking_id, FROM_STATUS[status], now))


def leave_move(connection: Connection, booking_id: int, saga_id: str, *, is_moved: bool, now: datetime) -> None:
    """The move that this saga is has just ended; without an effect, if it is not moved."""
    outcome = DeedOutcome.MOVED if is_moved else DeedOutcome.KEPT
    connection.execute(LEAVE_MOVE, _values(booking_id, outcome, now) | {"saga": saga_id})


def _values(booking_id: int, outcome: DeedOutcome, now: datetime) -> dict[str, Any]:
    return {"deed": uuid.uuid4().hex, "outcome": outcome.value, "now": now, "of_booking": booking_id}
