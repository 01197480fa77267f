"""How SchedulingDatabase stands: what a scrape asks every few seconds, so every statement ends early on an index.

tests/unit/repositories/test_vital_signs.py reads SQLite's plans of all of them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, func, literal_column, select

from repositories.database import Database
from repositories.deed_rows import outbox
from repositories.entities.vital_signs import COUNTED, Backlog, VitalSigns
from repositories.enums import ReportStatus, SagaStatus, Service
from repositories.scheduling_db.services import ALL, state_of
from repositories.scheduling_db.tables import (
    audit_outbox,
    booking_events,
    bookings,
    is_due,
    is_pending,
    is_unannounced,
    meeting_reports,
    pushes,
    sagas,
    waits_to_be_sent,
    webhook_endpoints,
)

UNFINISHED = (SagaStatus.RUNNING, SagaStatus.UNDOING, SagaStatus.STUCK)
UNREAD = (ReportStatus.WAITING, ReportStatus.PARKED)


def counted(table: FromClause, *which: ColumnElement[bool], most: int = COUNTED) -> Select[int]:
    """How many rows, counted no further than `most`."""
    some = select(literal_column("1").label("one")).select_from(table).where(*which).limit(most).subquery()
    return select(func.count()).select_from(some)


def oldest(column: ColumnElement[Any], by: ColumnElement[Any], *which: ColumnElement[bool]) -> Select[Any]:
    return select(column).where(*which).order_by(by).limit(1)


IS_DUE = (is_due, sagas.c.due_at <= bindparam("now"))
HAS_WORK = (webhook_endpoints.c.due_at.is_not(None), webhook_endpoints.c.due_at <= bindparam("now"))
PUSH_IS_DUE = (waits_to_be_sent, pushes.c.due_at <= bindparam("now"))
WAITS_IN_LINE = (sagas.c.waits_for.is_not(None), sagas.c.waits_for == bindparam("service"), is_due)

OF_STATUS = counted(sagas, sagas.c.status == bindparam("status"))
IN_LINE = counted(sagas, *WAITS_IN_LINE)
OF_REPORTS = counted(meeting_reports, meeting_reports.c.status == bindparam("status"))
BACKLOGS = {
    "due": (counted(sagas, *IS_DUE), oldest(sagas.c.due_at, sagas.c.due_at, *IS_DUE)),
    "pending": (counted(bookings, is_pending), oldest(bookings.c.created_at, bookings.c.id, is_pending)),
    "events": (
        counted(booking_events, is_unannounced),
        oldest(booking_events.c.occurred_at, booking_events.c.id, is_unannounced),
    ),
    "webhooks": (
        counted(webhook_endpoints, *HAS_WORK),
        oldest(webhook_endpoints.c.due_at, webhook_endpoints.c.due_at, *HAS_WORK),
    ),
    "pushes": (counted(pushes, *PUSH_IS_DUE), oldest(pushes.c.due_at, pushes.c.due_at, *PUSH_IS_DUE)),
    "deeds": (counted(audit_outbox), oldest(audit_outbox.c.occurred_at, audit_outbox.c.id)),
}
DEEDS = (counted(outbox), oldest(outbox.c.occurred_at, outbox.c.id))


class SqlVitalSigns:
    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, *, now: datetime) -> VitalSigns:
        with self._database.reading() as connection:
            waiting = {name: _backlog(connection, *asked, {"now": now}) for name, asked in BACKLOGS.items()}
            return VitalSigns(
                sagas={one: _number(connection, OF_STATUS, {"status": one.value}) for one in UNFINISHED},
                in_line={one: _number(connection, IN_LINE, {"service": one.value}) for one in Service},
                services={state.service: state for state in map(state_of, connection.execute(ALL))},
                reports={one: _number(connection, OF_REPORTS, {"status": one.value}) for one in UNREAD},
                **waiting,
            )


class SqlDeedsWaiting:
    """Of either database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self) -> Backlog:
        with self._database.reading() as connection:
            return _backlog(connection, *DEEDS, {})


def _number(connection: Connection, statement: Select[int], values: Mapping[str, Any]) -> int:
    return int(connection.execute(statement, values).scalar_one())


def _backlog(connection: Connection, number: Select[int], since: Select[Any], values: Mapping[str, Any]) -> Backlog:
    return Backlog(number=_number(connection, number, values), since=connection.execute(since, values).scalar())
