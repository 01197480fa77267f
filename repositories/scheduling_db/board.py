"""All bookings at once. Every statement reads an index over what has not ended, or over the last hour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, select

from repositories.database import Database
from repositories.entities.board import Board, Crowd, Minute, OldestBooking
from repositories.enums import SagaStatus
from repositories.scheduling_db.tables import bookings, is_pending, sagas

MINUTES = 60
MINUTE = timedelta(minutes=1)
OPEN = (SagaStatus.RUNNING, SagaStatus.UNDOING, SagaStatus.STUCK)
ENDED = (SagaStatus.DONE, SagaStatus.UNDONE, SagaStatus.RESOLVED)

CROWDS = (
    select(sagas.c.name, sagas.c.status, sagas.c.step, func.count().label("sagas"))
    .where(sagas.c.status.in_([status.value for status in OPEN]))
    .group_by(sagas.c.name, sagas.c.status, sagas.c.step)
    .order_by(sagas.c.name, sagas.c.status, sagas.c.step)
)
PENDING = select(func.count()).select_from(bookings).where(is_pending)
OLDEST = (
    select(bookings.c.id, bookings.c.organization_id, bookings.c.created_at)
    .where(is_pending)
    .order_by(bookings.c.id)
    .limit(1)
)
DUE = select(func.count().label("sagas"), func.min(sagas.c.due_at).label("oldest")).where(
    sagas.c.due_at <= bindparam("now")
)


class SqlBoards:
    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, *, now: datetime) -> Board:
        first = now.replace(second=0, microsecond=0) - (MINUTES - 1) * MINUTE
        starts = [first + number * MINUTE for number in range(MINUTES)]
        with self._database.reading() as connection:
            due = connection.execute(DUE, {"now": now}).one()
            return Board(
                at=now,
                crowds=[_crowd_of(row) for row in connection.execute(CROWDS)],
                pending_bookings=connection.execute(PENDING).scalar_one(),
                oldest=_oldest(connection),
                due=due.sagas,
                oldest_due_at=due.oldest,
                minutes=_minutes(starts, connection.execute(ended_by_minute(starts)).all()),
            )


def ended_by_minute(starts: Sequence[datetime]) -> Select[Any]:
    """How many sagas ended since each of these instants and before the next; the same on every engine."""
    newest_first = list(enumerate(starts))[::-1]
    number = case(*((sagas.c.updated_at >= start, place) for place, start in newest_first), else_=0)
    ended = (
        select(number.label("place"), sagas.c.status)
        .where(sagas.c.status.in_([status.value for status in ENDED]), sagas.c.updated_at >= starts[0])
        .subquery()
    )
    return select(ended.c.place, ended.c.status, func.count().label("sagas")).group_by(ended.c.place, ended.c.status)


def _minutes(starts: Sequence[datetime], rows: Sequence[Row[Any]]) -> list[Minute]:
    counted: Mapping[tuple[int, str], int] = Counter({(row.place, row.status): row.sagas for row in rows})
    return [
        Minute(starts_at=start, **{status.value: counted[place, status.value] for status in ENDED})
        for place, start in enumerate(starts)
    ]


def _crowd_of(row: Row[Any]) -> Crowd:
    return Crowd(name=row.name, status=SagaStatus(row.status), step=row.step, sagas=row.sagas)


def _oldest(connection: Connection) -> OldestBooking | None:
    row = connection.execute(OLDEST).one_or_none()
    if row is None:
        return None
    return OldestBooking(id=row.id, organization_id=row.organization_id, created_at=row.created_at)
