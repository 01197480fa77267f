"""VideoSDK's webhooks as they came in, and the facts of meetings that come of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from repositories.database import Database
from repositories.entities.meetings import ClaimedReport, MeetingFact, MeetingReport, Noted, ReportRecord
from repositories.enums import MeetingFactKind, ReportStatus
from repositories.held import not_held
from repositories.ports.errors import LeaseLost
from repositories.scheduling_db.asked import request_of
from repositories.scheduling_db.booking_rows import booking_of
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.tables import bookings, meeting_facts, meeting_reports

WAITING, IGNORED = ReportStatus.WAITING.value, ReportStatus.IGNORED.value
RECEIVE = insert(meeting_reports)
RECEIVE_AGAIN = (
    update(meeting_reports)
    .where(meeting_reports.c.digest == bindparam("of_digest"))
    .values(deliveries=meeting_reports.c.deliveries + 1, last_received_at=bindparam("now"))
)
CLAIM = (
    update(meeting_reports)
    .where(meeting_reports.c.id == bindparam("report_id"), meeting_reports.c.due_at <= bindparam("now"))
    .values(
        due_at=bindparam("lease_ends"),
        lease_token=bindparam("token"),
        nudged_until=None,  # or a worker's death is noticed only when the mark ends
        claims=meeting_reports.c.claims + 1,
    )
)
READ = select(meeting_reports).where(meeting_reports.c.id == bindparam("report_id"))
_IS_HELD = (meeting_reports.c.id == bindparam("report_id"), meeting_reports.c.lease_token == bindparam("token"))
ASSIGN = update(meeting_reports).where(*_IS_HELD).values(booking_id=bindparam("of_booking"))
FINISH = (
    update(meeting_reports)
    .where(*_IS_HELD)
    .values(status=bindparam("becomes"), error=bindparam("why"), due_at=None, nudged_until=None, lease_token=None)
)
PUT_OFF = (
    update(meeting_reports)
    .where(*_IS_HELD)
    .values(
        due_at=bindparam("until"),
        error=bindparam("why"),
        nudged_until=None,
        lease_token=None,
    )
)
IS_DUE = and_(
    meeting_reports.c.due_at <= bindparam("now"),
    or_(meeting_reports.c.nudged_until.is_(None), meeting_reports.c.nudged_until <= bindparam("now")),
)
DUE = not_held(
    select(meeting_reports.c.id).where(IS_DUE).order_by(meeting_reports.c.due_at).limit(bindparam("most")),
    meeting_reports,
)
MARK = (
    update(meeting_reports)
    .where(meeting_reports.c.id == bindparam("report_id"), IS_DUE)
    .values(nudged_until=bindparam("marked_until"))
)

OF_MEETING = select(bookings, request_of(bookings.c.id, bindparam("now"))).where(
    bookings.c.meeting_id == bindparam("meeting")
)
TAKE_TURN = (  # reports of one booking are noted one after the other, so that none is noted twice
    update(bookings).where(bookings.c.id == bindparam("of_booking")).values(updated_at=bookings.c.updated_at)
)
KNOWN = select(meeting_facts.c.id).where(
    meeting_facts.c.booking_id == bindparam("of_booking"),
    meeting_facts.c.kind == bindparam("of_kind"),
    meeting_facts.c.session_id == bindparam("of_session"),
    meeting_facts.c.subject == bindparam("of_subject"),
)
ADD_FACT = insert(meeting_facts)
FACTS = (
    select(meeting_facts)
    .where(meeting_facts.c.booking_id == bindparam("of_booking"))
    .order_by(meeting_facts.c.at, meeting_facts.c.id)
)

NEWEST = (
    select(meeting_reports)
    .where(meeting_reports.c.status == bindparam("of_status"))
    .order_by(meeting_reports.c.id.desc())
    .limit(bindparam("most"))
)
COUNTS = select(meeting_reports.c.status, func.count().label("number")).group_by(meeting_reports.c.status)
RETRY = (
    update(meeting_reports)
    .where(
        meeting_reports.c.id == bindparam("report_id"),
        meeting_reports.c.status.in_([ReportStatus.PARKED.value, IGNORED]),
    )
    .values(status=WAITING, due_at=bindparam("now"), claims=0, nudged_until=None, lease_token=None, error=None)
)


class SqlMeetingReports:
    def __init__(self, database: Database) -> None:
        self._database = database

    # --- the inbox ---------------------------------------------------------------------------

    def receive(self, report: MeetingReport, *, is_of_use: bool, now: datetime, marked_until: datetime) -> int | None:
        row = asdict(report) | {
            "digest": report.digest,
            "status": WAITING if is_of_use else IGNORED,
            "due_at": now if is_of_use else None,
            "nudged_until": marked_until if is_of_use else None,
            "claims": 0,
            "deliveries": 1,
            "received_at": now,
            "last_received_at": now,
        }
        try:
            new_id = self._database.write(lambda connection: connection.execute(RECEIVE, row).inserted_primary_key)
        except IntegrityError:
            again = {"of_digest": report.digest, "now": now}
            self._database.write(lambda connection: connection.execute(RECEIVE_AGAIN, again))
            return None
        return int(new_id[0]) if is_of_use and new_id is not None else None

    def claim(self, report_id: int, *, now: datetime, lease: timedelta, token: str) -> ClaimedReport | None:
        values = {"report_id": report_id, "now": now, "lease_ends": now + lease, "token": token}

        def work(connection: Connection) -> ClaimedReport | None:
            if connection.execute(CLAIM, values).rowcount == 0:
                return None
            return claimed_of(connection.execute(READ, {"report_id": report_id}).one())

        return self._database.write(work)

    def note(self, claimed: ClaimedReport, facts: Sequence[MeetingFact], *, now: datetime) -> Noted | None:
        def work(connection: Connection) -> Noted | None:
            found = connection.execute(OF_MEETING, {"meeting": claimed.report.meeting_id, "now": now}).first()
            if found is None:
                return None
            connection.execute(TAKE_TURN, {"of_booking": found.id})
            self._held(connection, ASSIGN, claimed, of_booking=found.id)
            for fact in facts:
                if _add(connection, found.id, fact) and fact.kind is MeetingFactKind.RECORDING_READY:
                    append_event(connection, found.id, fact.kind.value, now, changed=("recordingsList",))
            return Noted(booking=booking_of(found), request_id=found.request_id)

        return self._database.write(work)

    def finish(self, claimed: ClaimedReport, status: ReportStatus, *, error: str | None = None) -> None:
        self._database.write(
            lambda connection: self._held(connection, FINISH, claimed, becomes=status.value, why=error)
        )

    def put_off(self, claimed: ClaimedReport, *, until: datetime, error: str) -> None:
        self._database.write(lambda connection: self._held(connection, PUT_OFF, claimed, until=until, why=error))

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[int]:
        def work(connection: Connection) -> list[int]:
            due = [int(row.id) for row in connection.execute(DUE, {"now": now, "most": limit})]
            if due:
                marks = [{"report_id": one, "now": now, "marked_until": marked_until} for one in due]
                connection.execute(MARK, marks)
            return due

        return self._database.write(work)

    @staticmethod
    def _held(connection: Connection, statement: Any, claimed: ClaimedReport, **values: Any) -> None:
        known = {"report_id": claimed.id, "token": claimed.lease_token}
        if connection.execute(statement, known | values).rowcount == 0:
            raise LeaseLost

    # --- facts -------------------------------------------------------------------------------

    def facts_of(self, booking_id: int) -> Sequence[MeetingFact]:
        with self._database.reading() as connection:
            return [fact_of(row) for row in connection.execute(FACTS, {"of_booking": booking_id})]

    # --- operators ---------------------------------------------------------------------------

    def list_reports(self, status: ReportStatus, *, limit: int) -> Sequence[ReportRecord]:
        with self._database.reading() as connection:
            rows = connection.execute(NEWEST, {"of_status": status.value, "most": limit})
            return [record_of(row) for row in rows]

    def count_reports(self) -> Mapping[ReportStatus, int]:
        with self._database.reading() as connection:
            found = {ReportStatus(row.status): int(row.number) for row in connection.execute(COUNTS)}
        return {status: found.get(status, 0) for status in ReportStatus}

    def retry(self, report_id: int, *, now: datetime) -> bool:
        values = {"report_id": report_id, "now": now}
        return self._database.write(lambda connection: connection.execute(RETRY, values).rowcount > 0)


def _add(connection: Connection, booking_id: int, fact: MeetingFact) -> bool:
    """Whether it was news."""
    which = {
        "of_booking": booking_id,
        "of_kind": fact.kind.value,
        "of_session": fact.session_id,
        "of_subject": fact.subject,
    }
    if connection.execute(KNOWN, which).first() is not None:
        return False
    connection.execute(ADD_FACT, asdict(fact) | {"booking_id": booking_id, "kind": fact.kind.value})
    return True


def report_of(row: Row[Any]) -> MeetingReport:
    return MeetingReport(
        kind=row.kind,
        meeting_id=row.meeting_id,
        session_id=row.session_id,
        participant=row.participant,
        recording=row.recording,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def claimed_of(row: Row[Any]) -> ClaimedReport:
    return ClaimedReport(
        id=row.id,
        report=report_of(row),
        received_at=row.received_at,
        lease_token=row.lease_token,
        claims=row.claims,
    )


def fact_of(row: Row[Any]) -> MeetingFact:
    return MeetingFact(kind=MeetingFactKind(row.kind), session_id=row.session_id, subject=row.subject, at=row.at)


def record_of(row: Row[Any]) -> ReportRecord:
    return ReportRecord(
        id=row.id,
        kind=row.kind,
        meeting_id=row.meeting_id,
        status=ReportStatus(row.status),
        booking_id=row.booking_id,
        claims=row.claims,
        deliveries=row.deliveries,
        error=row.error,
        received_at=row.received_at,
    )
