"""A confirmed booking on its way to another time: how a move begins, and what its saga changes here."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.bookings import Booking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.moves import EndMove, Move, MoveBooking, ReleaseOtherTime
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import BookingWithdrawn, CancelledTooLate, MoveInFlight, NotConfirmed
from repositories.scheduling_db.booking_rows import FIND, booking_of
from repositories.scheduling_db.calendars import RELEASE_ALL, cells_to_release, release_cells
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.idempotency import SCHEDULING_KEYS
from repositories.scheduling_db.outcomes import leave_move
from repositories.scheduling_db.saga_rows import first_row
from repositories.scheduling_db.tables import bookings, reserved_cells, sagas

IS_CONFIRMED = and_(bookings.c.status == BookingStatus.CONFIRMED, bookings.c.withdrawn_at.is_(None))
START = (
    update(bookings)
    .where(
        bookings.c.id == bindparam("booking_id"),
        bookings.c.organization_id == bindparam("of_organization"),
        IS_CONFIRMED,
        bookings.c.starts_at > bindparam("starts_after"),
        bookings.c.moving_saga_id.is_(None),
    )
    .values(moving_saga_id=bindparam("saga"))
)
MOVE = (
    update(bookings)
    .where(bookings.c.id == bindparam("booking_id"), IS_CONFIRMED, bookings.c.moving_saga_id == bindparam("saga"))
    .values(
        slot_id=bindparam("slot"),
        starts_at=bindparam("starts"),
        ends_at=bindparam("ends"),
        moving_saga_id=None,
        reminders_at=bindparam("now"),
        updated_at=bindparam("now"),
    )
)
END = (
    update(bookings)
    .where(bookings.c.id == bindparam("booking_id"), bookings.c.moving_saga_id == bindparam("saga"))
    .values(moving_saga_id=None)
)
FORGET_MOVE = update(bookings).where(bookings.c.id == bindparam("booking_id")).values(moving_saga_id=None)
OWN_TIME = select(bookings.c.status, bookings.c.starts_at, bookings.c.ends_at).where(
    bookings.c.id == bindparam("booking_id")
)
RELEASE_OUTSIDE = cells_to_release(
    or_(reserved_cells.c.cell_start < bindparam("first"), reserved_cells.c.cell_start > bindparam("last"))
)
ADD_SAGA = insert(sagas)
MOVED = ("startsAt",)


class SqlMoves:
    def __init__(self, database: Database) -> None:
        self._changes = KeyedChanges(database, SCHEDULING_KEYS)

    def start_move(
        self,
        move: Move,
        *,
        starts_after: datetime,
        start: Callable[[Booking], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        def work(connection: Connection) -> tuple[int]:
            which = {"booking_id": move.booking_id, "of_organization": move.organization_id}
            begun = connection.execute(START, {**which, "starts_after": starts_after, "saga": move.saga_id}).rowcount
            row = connection.execute(FIND, which).one_or_none()
            if row is None:
                raise NotConfirmed
            booking = booking_of(row)
            if not begun:
                raise _refusal(booking)
            connection.execute(ADD_SAGA, first_row(start(booking), now, nudged_until=nudged_until))
            about("booking", move.booking_id)
            return (move.booking_id,)

        return self._changes.make(work, key=idempotency, organization_id=move.organization_id, now=now)

    def find_move(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self._changes.find_change(key, organization_id=organization_id, now=now)


def _refusal(booking: Booking) -> Exception:
    if booking.status is not BookingStatus.CONFIRMED:
        return NotConfirmed()
    return CancelledTooLate() if booking.moving_saga_id is None else MoveInFlight()


# --- effects -------------------------------------------------------------------------------


def release_other_time(connection: Connection, effect: ReleaseOtherTime, _now: datetime) -> None:
    own = connection.execute(OWN_TIME, {"booking_id": effect.booking_id}).one()
    if own.status != BookingStatus.CONFIRMED:
        release_cells(connection, RELEASE_ALL, {"of_booking": effect.booking_id})
        return
    cells = cells_of(own.starts_at, own.ends_at)
    which = {"of_booking": effect.booking_id, "first": cells[0], "last": cells[-1]}
    release_cells(connection, RELEASE_OUTSIDE, which)


def move_booking(connection: Connection, effect: MoveBooking, now: datetime) -> None:
    values = {
        "booking_id": effect.booking_id,
        "saga": effect.saga_id,
        "slot": effect.slot_id,
        "starts": effect.starts_at,
        "ends": effect.ends_at,
        "now": now,
    }
    if connection.execute(MOVE, values).rowcount == 0:
        raise BookingWithdrawn
    release_other_time(connection, ReleaseOtherTime(booking_id=effect.booking_id), now)
    append_event(connection, effect.booking_id, "rescheduled", now, changed=MOVED)
    leave_move(connection, effect.booking_id, effect.saga_id, is_moved=True, now=now)


def end_move(connection: Connection, effect: EndMove, now: datetime) -> None:
    if connection.execute(END, {"booking_id": effect.booking_id, "saga": effect.saga_id}).rowcount:
        leave_move(connection, effect.booking_id, effect.saga_id, is_moved=False, now=now)
