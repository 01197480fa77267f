"""What reconciliation reads of bookings, cells and sagas."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    literal,
    or_,
    outerjoin,
    select,
)

from repositories.database import Database, in_chunks
from repositories.entities.facts import BookingFact, Span
from repositories.entities.sagas import SagaState
from repositories.enums import ENDED_STATUSES, OPEN_STATUSES, BookingStatus, SagaStatus
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.effects import IS_HELD_BY_A_LIVE_ONE, release_if_not_live
from repositories.scheduling_db.saga_rows import state_of
from repositories.scheduling_db.tables import bookings, reserved_cells, saga_attempts, sagas

ROOM_STEP = "create_meeting"
OPEN = [status.value for status in OPEN_STATUSES]
ENDED = [status.value for status in ENDED_STATUSES]
HAS_AN_OPEN_SAGA = select(sagas.c.id).where(sagas.c.booking_id == bookings.c.id, sagas.c.status.in_(OPEN)).exists()
IS_SETTLED = and_(bookings.c.status != BookingStatus.PENDING, ~HAS_AN_OPEN_SAGA)
CAME_TO_THE_ROOM = (  # whichever way an attempt ends, it leaves a line
    select(saga_attempts.c.id)
    .where(saga_attempts.c.booking_id == bookings.c.id, saga_attempts.c.step == ROOM_STEP)
    .exists()
)


def _of_first_saga(column: ColumnElement[str]) -> ScalarSelect[Any]:
    first = select(column).where(sagas.c.booking_id == bookings.c.id).order_by(sagas.c.created_at, sagas.c.id).limit(1)
    return first.scalar_subquery()


last, later = sagas.alias("last_saga"), sagas.alias("later_saga")
IS_LAST = and_(
    last.c.booking_id == bookings.c.id,
    ~select(later.c.id)
    .where(
        later.c.booking_id == last.c.booking_id,
        or_(
            later.c.updated_at > last.c.updated_at,
            and_(later.c.updated_at == last.c.updated_at, later.c.id > last.c.id),
        ),
    )
    .correlate(last)
    .exists(),
)
FACTS: Select[Any] = select(
    bookings.c.id,
    bookings.c.care_provider_id,
    bookings.c.status,
    bookings.c.meeting_id,
    bookings.c.starts_at,
    bookings.c.ends_at,
    bookings.c.moving_saga_id,
    case((IS_SETTLED, 1), else_=0).label("is_settled"),  # T-SQL selects no condition
    _of_first_saga(sagas.c.id).label("booked_by"),
    _of_first_saga(sagas.c.status).label("booked_by_ended"),
    last.c.id.label("last_saga"),
    last.c.updated_at.label("last_saga_at"),
    case((CAME_TO_THE_ROOM, 1), else_=0).label("may_have_room"),
).select_from(outerjoin(bookings, last, IS_LAST))
SETTLED = (
    FACTS.where(
        last.c.status.in_(ENDED),
        last.c.updated_at >= bindparam("since"),
        last.c.updated_at < bindparam("before"),
        or_(last.c.updated_at > bindparam("since"), last.c.id > bindparam("after_id")),
        IS_SETTLED,
    )
    .order_by(last.c.updated_at, last.c.id)
    .limit(bindparam("most"))
)
THESE = FACTS.where(bookings.c.id.in_(bindparam("booking_ids", expanding=True)))
HELD = select(reserved_cells).where(reserved_cells.c.booking_id.in_(bindparam("booking_ids", expanding=True)))
IS_PENDING = bookings.c.status == literal(int(BookingStatus.PENDING), literal_execute=True)  # as in the filtered index
LOOSE = (
    select(reserved_cells.c.booking_id)
    .where(
        reserved_cells.c.cell_start >= bindparam("first_cell"),
        reserved_cells.c.booking_id > bindparam("after_id"),
        ~IS_HELD_BY_A_LIVE_ONE,
    )
    .group_by(reserved_cells.c.booking_id)
    .order_by(reserved_cells.c.booking_id)
    .limit(bindparam("most"))
)
FORGOTTEN = (
    select(bookings.c.id)
    .where(
        bookings.c.id > bindparam("after_id"),
        IS_PENDING,
        bookings.c.updated_at < bindparam("before"),
        ~HAS_AN_OPEN_SAGA,
    )
    .order_by(bookings.c.id)
    .limit(bindparam("most"))
)
STUCK = (
    select(sagas)
    .where(sagas.c.status == SagaStatus.STUCK.value, sagas.c.id > bindparam("after_id"))
    .order_by(sagas.c.id)
    .limit(bindparam("most"))
)
OVERDUE = (
    select(sagas)
    .where(
        sagas.c.due_at >= bindparam("since"),
        sagas.c.due_at < bindparam("before"),
        or_(sagas.c.due_at > bindparam("since"), sagas.c.id > bindparam("after_id")),
    )
    .order_by(sagas.c.due_at, sagas.c.id)
    .limit(bindparam("most"))
)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SqlSchedulingFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def settled_bookings(self, span: Span, *, after: BookingFact | None, limit: int) -> Sequence[BookingFact]:
        values = {
            "since": span.since if after is None else after.last_saga_at,
            "before": span.before,
            "after_id": "" if after is None else after.last_saga,
            "most": limit,
        }
        with self._database.reading(one_moment=True) as connection:
            return _facts(connection, connection.execute(SETTLED, values).all())

    def bookings_of(self, booking_ids: Sequence[int]) -> Sequence[BookingFact]:
        found: list[BookingFact] = []
        with self._database.reading(one_moment=True) as connection:
            for some in in_chunks(booking_ids):
                found += _facts(connection, connection.execute(THESE, {"booking_ids": some}).all())
        return found

    def held_by_no_live_booking(self, *, now: datetime, after: int | None, limit: int) -> Sequence[int]:
        return self._ids(LOOSE, first_cell=int(now.timestamp()), after_id=after or 0, most=limit)

    def release_if_not_live(self, booking_id: int) -> bool:
        return self._database.write(lambda connection: release_if_not_live(connection, booking_id))

    def pending_without_saga(self, *, before: datetime, after: int | None, limit: int) -> Sequence[int]:
        return self._ids(FORGOTTEN, before=before, after_id=after or 0, most=limit)

    def stuck_sagas(self, *, after: SagaState | None, limit: int) -> Sequence[SagaState]:
        return self._sagas(STUCK, after_id="" if after is None else after.id, most=limit)

    def overdue_sagas(self, *, before: datetime, after: SagaState | None, limit: int) -> Sequence[SagaState]:
        since, after_id = (LONG_AGO, "") if after is None else (after.due_at, after.id)
        return self._sagas(OVERDUE, since=since, before=before, after_id=after_id, most=limit)

    def _ids(self, statement: Select[Any], **values: Any) -> Sequence[int]:
        with self._database.reading() as connection:
            return list(connection.execute(statement, values).scalars())

    def _sagas(self, statement: Select[Any], **values: Any) -> Sequence[SagaState]:
        with self._database.reading() as connection:
            return [state_of(row) for row in connection.execute(statement, values)]


def _facts(connection: Connection, rows: Sequence[Row[Any]]) -> list[BookingFact]:
    held: dict[int, set[tuple[int, int]]] = {row.id: set() for row in rows}
    for some in in_chunks(list(held)):
        for cell in connection.execute(HELD, {"booking_ids": some}):
            held[cell.booking_id].add((cell.care_provider_id, cell.cell_start))
    return [_fact_of(row, held[row.id]) for row in rows]


def _fact_of(row: Row[Any], held: set[tuple[int, int]]) -> BookingFact:
    return BookingFact(
        id=row.id,
        status=BookingStatus(row.status),
        meeting_id=row.meeting_id,
        starts_at=row.starts_at,
        is_settled=bool(row.is_settled),
        is_moving=row.moving_saga_id is not None,
        booked_by=row.booked_by,
        booked_by_ended=None if row.booked_by_ended is None else SagaStatus(row.booked_by_ended),
        last_saga=row.last_saga,
        last_saga_at=row.last_saga_at,
        cells=len(held),
        has_its_time=held == {(row.care_provider_id, cell) for cell in cells_of(row.starts_at, row.ends_at)},
        may_have_room=bool(row.may_have_room),
    )
