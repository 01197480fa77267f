"""What a step changes in the journal's own database. Each effect is safe to run twice."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, bindparam, case, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, GiveUpBooking, ReleaseTime, ReserveTime
from repositories.entities.moves import EndMove, MoveBooking, ReleaseOtherTime
from repositories.entities.pushes import RecordPush
from repositories.enums import BookingStatus
from repositories.ports.errors import BookingWithdrawn, SlotTaken
from repositories.scheduling_db.calendars import (
    RELEASE_ALL,
    cells_to_release,
    hold_calendar,
    release_cells,
    update_calendar,
)
from repositories.scheduling_db.cells import SECONDS, cells_of
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.moves import FORGET_MOVE, end_move, move_booking, release_other_time
from repositories.scheduling_db.outcomes import leave_end
from repositories.scheduling_db.push_rows import record_push
from repositories.scheduling_db.saga_rows import row_of
from repositories.scheduling_db.tables import bookings, reserved_cells, sagas

CELL: dict[str, BindParameter[int]] = {
    name: bindparam(name, type_=BigInteger()) for name in ("care_provider_id", "cell_start", "booking_id")
}
HAS_CELL = select(reserved_cells.c.cell_start).where(*(reserved_cells.c[name] == value for name, value in CELL.items()))
TAKE_CELL = insert(reserved_cells).from_select(list(CELL), select(*CELL.values()).where(~HAS_CELL.exists()))
LIVE = (BookingStatus.PENDING, BookingStatus.CONFIRMED)
IS_HELD_BY_A_LIVE_ONE = (
    select(bookings.c.id).where(bookings.c.id == reserved_cells.c.booking_id, bookings.c.status.in_(LIVE)).exists()
)
RELEASE_IF_NOT_LIVE = cells_to_release(~IS_HELD_BY_A_LIVE_ONE)
CONFIRM = (
    update(bookings)
    .where(
        bookings.c.id == bindparam("of_booking"),
        bookings.c.status == BookingStatus.PENDING,
        bookings.c.withdrawn_at.is_(None),
    )
    .values(
        status=BookingStatus.CONFIRMED,
        meeting_id=bindparam("meeting"),
        reminders_at=bindparam("now"),
        updated_at=bindparam("now"),
    )
)
CANCELLED = literal(BookingStatus.CANCELLED, bookings.c.status.type)
FAILED = literal(BookingStatus.FAILED, bookings.c.status.type)
END = (
    update(bookings)
    .where(bookings.c.id == bindparam("of_booking"), bookings.c.status == BookingStatus.PENDING)
    .values(
        status=case((bookings.c.withdrawn_at.is_(None), FAILED), else_=CANCELLED),
        reason=bindparam("why"),
        failed_step=bindparam("failed"),
        updated_at=bindparam("now"),
    )
)
ADD_SAGA = insert(sagas)
STATUS = select(bookings.c.status, bookings.c.meeting_id).where(bookings.c.id == bindparam("of_booking"))


def apply_effect(connection: Connection, effect: Effect, now: datetime) -> None:
    """Run the effect in this transaction, which must be rolled back if it raises SlotTaken or BookingWithdrawn."""
    EFFECTS[type(effect)](connection, effect, now)


def reserve_time(connection: Connection, effect: ReserveTime, _now: datetime) -> None:
    cells = cells_of(effect.starts_at, effect.ends_at)
    hold_calendar(connection, effect.care_provider_id)
    rows = [
        {"care_provider_id": effect.care_provider_id, "cell_start": cell, "booking_id": effect.booking_id}
        for cell in cells
    ]
    try:
        connection.execute(TAKE_CELL, rows)
    except IntegrityError as error:
        raise SlotTaken from error
    update_calendar(connection, effect.care_provider_id, cells[0], cells[-1] + SECONDS)


def release_time(connection: Connection, effect: ReleaseTime, _now: datetime) -> None:
    release_cells(connection, RELEASE_ALL, {"of_booking": effect.booking_id})


def release_if_not_live(connection: Connection, booking_id: int) -> bool:
    """Whether there was anything to release."""
    return release_cells(connection, RELEASE_IF_NOT_LIVE, {"of_booking": booking_id}) > 0


def confirm_booking(connection: Connection, effect: ConfirmBooking, now: datetime) -> None:
    changed = connection.execute(
        CONFIRM, {"of_booking": effect.booking_id, "meeting": effect.meeting_id, "now": now}
    ).rowcount
    if changed:
        append_event(connection, effect.booking_id, "confirmed", now, changed=("bookingStatus", "meetingId"))
        leave_end(connection, effect.booking_id, BookingStatus.CONFIRMED, now)
        return
    row = connection.execute(STATUS, {"of_booking": effect.booking_id}).one_or_none()
    if row is None or (row.status, row.meeting_id) != (BookingStatus.CONFIRMED, effect.meeting_id):
        raise BookingWithdrawn


def end_booking(connection: Connection, effect: EndBooking, now: datetime) -> None:
    values = {"of_booking": effect.booking_id, "why": effect.reason, "failed": effect.failed_step, "now": now}
    if connection.execute(END, values).rowcount:
        row = connection.execute(STATUS, {"of_booking": effect.booking_id}).one()
        kind = "cancelled" if row.status == BookingStatus.CANCELLED else "failed"
        append_event(connection, effect.booking_id, kind, now, changed=("bookingStatus",))
        leave_end(connection, effect.booking_id, BookingStatus(row.status), now)
        if kind == "failed" and effect.if_failed is not None:
            connection.execute(ADD_SAGA, row_of(effect.if_failed, now))


def give_up_booking(connection: Connection, effect: GiveUpBooking, now: datetime) -> None:
    end = EndBooking(booking_id=effect.booking_id, reason=effect.reason, failed_step=effect.failed_step)
    end_booking(connection, end, now)
    release_other_time(connection, ReleaseOtherTime(booking_id=effect.booking_id), now)
    connection.execute(FORGET_MOVE, {"booking_id": effect.booking_id})


EFFECTS: dict[type[Effect], Callable[[Connection, Any, datetime], None]] = {
    ReserveTime: reserve_time,
    ReleaseTime: release_time,
    ConfirmBooking: confirm_booking,
    EndBooking: end_booking,
    GiveUpBooking: give_up_booking,
    ReleaseOtherTime: release_other_time,
    MoveBooking: move_booking,
    EndMove: end_move,
    RecordPush: record_push,
}
