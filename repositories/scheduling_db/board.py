"""All bookings at once. Every statement reads an index: over what has not ended, no further than COUNTED, or over the
last hour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, select

from repositories.database import Database
from repositories.entities.board import Board, Crowd, Minute, OldestBooking
from repositories.entities.vital_signs import COUNTED
from repositories.enums import ENDED_STATUSES, OPEN_STATUSES
from repositories.scheduling_db.counts import backlog_of, number_of
from repositories.scheduling_db.tables import bookings, is_pending, sagas
from repositories.scheduling_db.vital_signs import BACKLOGS

MINUTES = 60
MINUTE = timedelta(minutes=1)


def standing(*, most: int = COUNTED) -> Select[Any]:
    """How many sagas of a status stand at each step: of the `most` that stand there longest."""
    some = (
        select(sagas.c.name, sagas.c.step)
        .where(sagas.c.status == bindparam("status"))
        .order_by(sagas.c.updated_at)
        .limit(most)
        .subquery()
    )
    return select(some.c.name, some.c.step, func.count().label("sagas")).group_by(some.c.name, some.c.step)


CROWDS = standing()
PENDING, _ = BACKLOGS["pending"]
OLDEST = (
    select(bookings.c.id, bookings.c.organization_id, bookings.c.created_at)
    .where(is_pending)
    .order_by(bookings.c.id)
    .limit(1)
)


class SqlBoards:
    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, *, now: datetime) -> Board:
        first = now.replace(second=0, microsecond=0) - (MINUTES - 1) * MINUTE
        starts = [first + number * MINUTE for number in range(MINUTES)]
        with self._database.reading() as connection:
            due = backlog_of(connection, *BACKLOGS["due"], {"now": now})
            return Board(
                at=now,
                crowds=_crowds(connection),
                pending_bookings=number_of(connection, PENDING, {}),
                oldest=_oldest(connection),
                due=due.number,
                oldest_due_at=due.since,
                minutes=_minutes(starts, connection.execute(ended_by_minute(starts)).all()),
            )


def ended_by_minute(starts: Sequence[datetime]) -> Select[Any]:
    """How many sagas ended since each of these instants and before the next; the same on every engine."""
    newest_first = list(enumerate(starts))[::-1]
    number = case(*((sagas.c.updated_at >= start, place) for place, start in newest_first), else_=0)
    ended = (
        select(number.label("place"), sagas.c.status)
        .where(sagas.c.status.in_([status.value for status in ENDED_STATUSES]), sagas.c.updated_at >= starts[0])
        .subquery()
    )
    return select(ended.c.place, ended.c.status, func.count().label("sagas")).group_by(ended.c.place, ended.c.status)


def _minutes(starts: Sequence[datetime], rows: Sequence[Row[Any]]) -> list[Minute]:
    counted: Mapping[tuple[int, str], int] = Counter({(row.place, row.status): row.sagas for row in rows})
    return [
        Minute(starts_at=start, **{status.value: counted[place, status.value] for status in ENDED_STATUSES})
        for place, start in enumerate(starts)
    ]


def _crowds(connection: Connection) -> list[Crowd]:
    found = [
        Crowd(name=row.name, status=status, step=row.step, sagas=row.sagas)
        for status in OPEN_STATUSES
        for row in connection.execute(CROWDS, {"status": status.value})
    ]
    return sorted(found, key=lambda crowd: (crowd.name, crowd.status, crowd.step or ""))


def _oldest(connection: Connection) -> OldestBooking | None:
    row = connection.execute(OLDEST).one_or_none()
    if row is None:
        return None
    return OldestBooking(id=row.id, organization_id=row.organization_id, created_at=row.created_at)
