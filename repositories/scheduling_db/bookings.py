"""Bookings: accepted here, shown here; the journal's effects change them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from repositories.acting import about, about_nothing
from repositories.database import Database
from repositories.entities.bookings import Booking, BookingView, NewBooking, Withdrawal, Withdrawn
from repositories.entities.effects import ReleaseTime
from repositories.entities.idempotency import IdempotencyKey, KeyUse
from repositories.entities.moves import MOVED_BY
from repositories.entities.sagas import Attempt, DueSaga, SagaState
from repositories.enums import BookingStatus
from repositories.ports.errors import CancelledTooLate
from repositories.scheduling_db.booking_rows import FIND, booking_of
from repositories.scheduling_db.effects import release_time
from repositories.scheduling_db.events import append_accepted, append_event
from repositories.scheduling_db.idempotency import SCHEDULING_KEYS
from repositories.scheduling_db.saga_rows import attempt_of, first_row, state_of
from repositories.scheduling_db.tables import bookings, saga_attempts, sagas

ADD_BOOKING = insert(bookings)
ADD_SAGA = insert(sagas)
_WITHDRAWAL: dict[str, Any] = {
    name: bindparam(name) for name in ("withdrawn_at", "withdrawn_by", "withdrawal_reason", "updated_at")
}
_IS_BOOKING = (bookings.c.id == bindparam("booking_id"), bookings.c.organization_id == bindparam("of_organization"))
WITHDRAW_PENDING = (
    update(bookings)
    .where(*_IS_BOOKING, bookings.c.status == BookingStatus.PENDING, bookings.c.withdrawn_at.is_(None))
    .values(_WITHDRAWAL)
)
CANCEL_CONFIRMED = (
    update(bookings)
    .where(*_IS_BOOKING, bookings.c.status == BookingStatus.CONFIRMED, bookings.c.starts_at > bindparam("starts_after"))
    .values(_WITHDRAWAL)
    .values(status=BookingStatus.CANCELLED, reminders_at=None)
)
BOOKED_BY = (
    select(sagas.c.id, sagas.c.name)
    .join(bookings, bookings.c.id == sagas.c.booking_id)
    .where(*_IS_BOOKING)
    .order_by(sagas.c.created_at, sagas.c.id)
    .limit(1)
)
# Every transaction takes the row of a saga before that of its booking, and both before a calendar: see journal.save.
HOLD_SAGA = update(sagas).where(sagas.c.id == bindparam("saga_id")).values(version=sagas.c.version)
TELL_SAGA = update(sagas).where(sagas.c.id == bindparam("saga_id")).values(withdrawn_at=bindparam("withdrawn"))
WAKE_SAGA = (  # only one that waits: whoever holds a lease finds out at the pivot
    update(sagas)
    .where(sagas.c.id == bindparam("saga_id"), sagas.c.claims == 0, sagas.c.due_at > bindparam("now"))
    .values(due_at=bindparam("now"), nudged_until=None)
)
SAGAS_OF = select(sagas).where(sagas.c.booking_id == bindparam("booking_id")).order_by(sagas.c.created_at, sagas.c.id)
TIMELINE = (
    select(saga_attempts).where(saga_attempts.c.booking_id == bindparam("booking_id")).order_by(saga_attempts.c.id)
)


class SqlBookings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(
        self,
        booking: NewBooking,
        *,
        start: Callable[[int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> int:
        def work(connection: Connection) -> int:
            booking_id = add_booking(connection, booking, start=start, now=now, nudged_until=nudged_until)
            if idempotency is not None:
                SCHEDULING_KEYS.add(
                    connection, booking.organization_id, idempotency, (booking_id, booking.user_id), now
                )
            return booking_id

        return self._database.write(work)

    def withdraw(
        self,
        withdrawal: Withdrawal,
        *,
        starts_after: datetime,
        follow_up: Callable[[Booking, str], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Withdrawn | None:
        def work(connection: Connection) -> Withdrawn | None:
            withdrawn = _withdraw(
                connection,
                withdrawal,
                starts_after=starts_after,
                follow_up=follow_up,
                now=now,
                nudged_until=nudged_until,
            )
            about("booking", withdrawal.booking_id) if withdrawn is not None else about_nothing()
            if withdrawn is not None and idempotency is not None:
                ids = (withdrawal.booking_id, withdrawn.booking.user_id)
                SCHEDULING_KEYS.add(connection, withdrawal.organization_id, idempotency, ids, now)
            return withdrawn

        return self._database.write(work)

    def find_key_use(self, organization_id: int, key: str, *, now: datetime) -> KeyUse | None:
        with self._database.reading() as connection:
            return SCHEDULING_KEYS.find(connection, organization_id, key, now)

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None:
        with self._database.reading() as connection:
            return _find_booking(connection, booking_id, organization_id)

    def find_view(self, booking_id: int, *, organization_id: int) -> BookingView | None:
        with self._database.reading(one_moment=True) as connection:
            booking = _find_booking(connection, booking_id, organization_id)
            if booking is None:
                return None
            rows = connection.execute(SAGAS_OF, {"booking_id": booking_id}).all()
            lines = connection.execute(TIMELINE, {"booking_id": booking_id}).all()
        return view_of(booking, [state_of(row) for row in rows], tuple(attempt_of(line) for line in lines))


def view_of(booking: Booking, sagas: Sequence[SagaState], timeline: tuple[Attempt, ...]) -> BookingView:
    """The booking and its story; its sagas are given in the order they began, the one that books it first."""
    booked_by, newest = (sagas[0], sagas[-1]) if sagas else (None, None)
    return BookingView(
        booking=booking,
        saga_status=None if newest is None else newest.status,
        step=None if newest is None else newest.step,
        due_at=None if newest is None else newest.due_at,
        reason=booking.reason or (None if booked_by is None else booked_by.reason),
        failed_step=booking.failed_step or (None if booked_by is None else booked_by.failed_step),
        timeline=timeline,
        move=next((saga for saga in reversed(sagas) if saga.name == MOVED_BY), None),
    )


def add_booking(
    connection: Connection,
    booking: NewBooking,
    *,
    start: Callable[[int], SagaState],
    now: datetime,
    nudged_until: datetime,
) -> int:
    """The booking's row, its journal row and its first event."""
    values = vars(booking) | {"status": BookingStatus.PENDING, "created_at": now, "updated_at": now}
    booking_id = int(connection.execute(ADD_BOOKING, values).inserted_primary_key[0])  # type: ignore[index]
    connection.execute(ADD_SAGA, first_row(start(booking_id), now, nudged_until=nudged_until))
    append_accepted(connection, booking_id, booking.organization_id, now)
    about("booking", booking_id)
    return booking_id


def _withdraw(
    connection: Connection,
    withdrawal: Withdrawal,
    *,
    starts_after: datetime,
    follow_up: Callable[[Booking, str], SagaState],
    now: datetime,
    nudged_until: datetime,
) -> Withdrawn | None:
    which = {"booking_id": withdrawal.booking_id, "of_organization": withdrawal.organization_id}
    written = {
        **which,
        "withdrawn_at": now,
        "withdrawn_by": withdrawal.by,
        "withdrawal_reason": withdrawal.why,
        "updated_at": now,
    }
    if (booked_by := _held_saga(connection, which)) is None:
        return _as_it_ended(connection, which)
    saga: DueSaga | None = None
    if connection.execute(WITHDRAW_PENDING, written).rowcount:
        saga = booked_by
        connection.execute(TELL_SAGA, {"saga_id": saga.id, "withdrawn": now})
        connection.execute(WAKE_SAGA, {"saga_id": saga.id, "now": now})
        append_event(connection, withdrawal.booking_id, "withdrawn", now)
    elif connection.execute(CANCEL_CONFIRMED, {**written, "starts_after": starts_after}).rowcount:
        connection.execute(TELL_SAGA, {"saga_id": booked_by.id, "withdrawn": now})
        saga = _cancel(connection, which, booked_by, follow_up, now, nudged_until)
    booking = booking_of(connection.execute(FIND, which).one())
    if booking.status is BookingStatus.CONFIRMED:
        raise CancelledTooLate
    return Withdrawn(booking=booking, saga=saga)


def _as_it_ended(connection: Connection, which: Mapping[str, int]) -> Withdrawn | None:
    """A booking whose journal was forgotten, long after its session; None if there is none. Raises CancelledTooLate."""
    row = connection.execute(FIND, which).one_or_none()
    if row is None or row.status == BookingStatus.PENDING:
        return None
    if row.status == BookingStatus.CONFIRMED:
        raise CancelledTooLate
    return Withdrawn(booking=booking_of(row), saga=None)


def _held_saga(connection: Connection, which: Mapping[str, int]) -> DueSaga | None:
    """The saga that books it, its row held until this transaction ends; None if there is none, or none any more."""
    row = connection.execute(BOOKED_BY, which).one_or_none()
    if row is None:
        return None
    connection.execute(HOLD_SAGA, {"saga_id": row.id})
    return DueSaga(id=row.id, name=row.name)


def _cancel(
    connection: Connection,
    which: Mapping[str, int],
    booked_by: DueSaga,
    follow_up: Callable[[Booking, str], SagaState],
    now: datetime,
    nudged_until: datetime,
) -> DueSaga:
    """What else changes in the transaction that cancels a confirmed booking."""
    booking_id = which["booking_id"]
    release_time(connection, ReleaseTime(booking_id=booking_id), now)
    append_event(connection, booking_id, "cancelled", now, changed=("bookingStatus",))
    state = follow_up(booking_of(connection.execute(FIND, which).one()), booked_by.id)
    connection.execute(ADD_SAGA, first_row(state, now, nudged_until=nudged_until))
    return DueSaga(id=state.id, name=state.name)


def _find_booking(connection: Connection, booking_id: int, organization_id: int) -> Booking | None:
    row = connection.execute(FIND, {"booking_id": booking_id, "of_organization": organization_id}).one_or_none()
    return None if row is None else booking_of(row)
