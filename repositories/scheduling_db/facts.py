"""What reconciliation reads of bookings, cells and sagas."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from repositories.database import Database
from repositories.entities.facts import BookingFact
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, SagaStatus
from repositories.scheduling_db.effects import IS_HELD_BY_A_LIVE_ONE, release_if_not_live
from repositories.scheduling_db.saga_rows import state_of
from repositories.scheduling_db.tables import bookings, reserved_cells, sagas

OPEN = (SagaStatus.RUNNING.value, SagaStatus.UNDOING.value, SagaStatus.STUCK.value)
HAS_AN_OPEN_SAGA = select(sagas.c.id).where(sagas.c.booking_id == bookings.c.id, sagas.c.status.in_(OPEN)).exists()
CELLS = (
    select(func.count())
    .select_from(reserved_cells)
    .where(reserved_cells.c.booking_id == bookings.c.id)
    .scalar_subquery()
)
BOOKED_BY = (
    select(sagas.c.id)
    .where(sagas.c.booking_id == bookings.c.id)
    .order_by(sagas.c.created_at, sagas.c.id)
    .limit(1)
    .scalar_subquery()
)
ENDED = (
    select(
        bookings.c.id,
        bookings.c.status,
        bookings.c.meeting_id,
        bookings.c.starts_at,
        BOOKED_BY.label("booked_by"),
        CELLS.label("cells"),
    )
    .where(
        bookings.c.updated_at >= bindparam("since"),
        bookings.c.updated_at < bindparam("before"),
        bookings.c.status != BookingStatus.PENDING,
        ~HAS_AN_OPEN_SAGA,
    )
    .order_by(bookings.c.updated_at, bookings.c.id)
    .limit(bindparam("most"))
)
LOOSE_CELLS = (
    select(reserved_cells.c.booking_id, func.count().label("cells"))
    .where(~IS_HELD_BY_A_LIVE_ONE)
    .group_by(reserved_cells.c.booking_id)
)
FORGOTTEN = select(bookings.c.id).where(
    bookings.c.status == BookingStatus.PENDING, bookings.c.updated_at < bindparam("before"), ~HAS_AN_OPEN_SAGA
)
STUCK = select(sagas).where(sagas.c.status == SagaStatus.STUCK.value).order_by(sagas.c.updated_at)
OVERDUE = select(sagas).where(sagas.c.due_at < bindparam("before")).order_by(sagas.c.due_at)


class SqlSchedulingFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ended_bookings(self, *, since: datetime, before: datetime, limit: int) -> Sequence[BookingFact]:
        with self._database.reading() as connection:
            rows = connection.execute(ENDED, {"since": since, "before": before, "most": limit}).all()
        return [
            BookingFact(
                id=row.id,
                status=BookingStatus(row.status),
                meeting_id=row.meeting_id,
                starts_at=row.starts_at,
                booked_by=row.booked_by,
                cells=row.cells,
            )
            for row in rows
        ]

    def cells_of_no_live_booking(self) -> Mapping[int, int]:
        with self._database.reading() as connection:
            return {row.booking_id: row.cells for row in connection.execute(LOOSE_CELLS)}

    def release_if_not_live(self, booking_id: int) -> None:
        self._database.write(lambda connection: release_if_not_live(connection, booking_id))

    def pending_without_saga(self, *, before: datetime) -> Sequence[int]:
        with self._database.reading() as connection:
            return list(connection.execute(FORGOTTEN, {"before": before}).scalars())

    def stuck_sagas(self) -> Sequence[SagaState]:
        with self._database.reading() as connection:
            return [state_of(row) for row in connection.execute(STUCK)]

    def overdue_sagas(self, *, before: datetime) -> Sequence[SagaState]:
        with self._database.reading() as connection:
            return [state_of(row) for row in connection.execute(OVERDUE, {"before": before})]
