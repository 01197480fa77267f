"""How SchedulingDatabase stands: what a scrape asks every few seconds, so every statement ends early on an index.

tests/contract/test_vital_signs.py reads SQLite's plans of all of them.
"""

from datetime import datetime

from sqlalchemy import bindparam

from repositories.database import Database
from repositories.deed_rows import outbox
from repositories.entities.vital_signs import Backlog, VitalSigns
from repositories.enums import OPEN_STATUSES, ReportStatus
from repositories.scheduling_db.counts import backlog_of, counted, number_of, oldest
from repositories.scheduling_db.services import ALL, in_line, state_of
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

UNREAD = (ReportStatus.WAITING, ReportStatus.PARKED)

IS_DUE = (is_due, sagas.c.due_at <= bindparam("now"))
HAS_WORK = (webhook_endpoints.c.due_at.is_not(None), webhook_endpoints.c.due_at <= bindparam("now"))
PUSH_IS_DUE = (waits_to_be_sent, pushes.c.due_at <= bindparam("now"))

OF_STATUS = counted(sagas, sagas.c.status == bindparam("status"))
OF_REPORTS = counted(meeting_reports, meeting_reports.c.status == bindparam("status"))
BACKLOGS = {
    "due": (counted(sagas, *IS_DUE), oldest(sagas.c.due_at, sagas.c.due_at, *IS_DUE)),
    "pending": (
        counted(bookings, is_pending, by=bookings.c.id),
        oldest(bookings.c.created_at, bookings.c.id, is_pending),
    ),
    "events": (
        counted(booking_events, is_unannounced, by=booking_events.c.id),
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
            waiting = {name: backlog_of(connection, *asked, {"now": now}) for name, asked in BACKLOGS.items()}
            return VitalSigns(
                sagas={one: number_of(connection, OF_STATUS, {"status": one.value}) for one in OPEN_STATUSES},
                in_line=in_line(connection),
                services={state.service: state for state in map(state_of, connection.execute(ALL))},
                reports={one: number_of(connection, OF_REPORTS, {"status": one.value}) for one in UNREAD},
                **waiting,
            )


class SqlDeedsWaiting:
    """Of either database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self) -> Backlog:
        with self._database.reading() as connection:
            return backlog_of(connection, *DEEDS, {})
