"""The inbox of the video service's webhooks, and the video service's word, in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from integrations.ports import ProviderError, RoomReport, SignatureWrong
from repositories.entities.bookings import Booking
from repositories.entities.meetings import ClaimedReport, MeetingFact, MeetingReport, Noted, ReportRecord
from repositories.enums import MeetingFactKind, ReportStatus
from repositories.ports.errors import LeaseLost

RETRIED = {ReportStatus.PARKED, ReportStatus.IGNORED}


@dataclass(frozen=True, kw_only=True)
class Row:
    record: ReportRecord
    report: MeetingReport
    due_at: datetime | None
    marked_until: datetime | None
    token: str | None = None


def identity_of(fact: MeetingFact) -> tuple[str, str, str]:
    return fact.kind, fact.session_id, fact.subject


@dataclass
class FakeMeetingReports:
    """`bookings`: those that have meetings; `tell`: how an event of a booking is appended."""

    bookings: Callable[[], Sequence[Booking]] = lambda: ()
    tell: Callable[[int, str], None] = lambda _booking_id, _kind: None
    request_of: Callable[[int, datetime], str | None] = lambda _booking_id, _by: None
    rows: dict[int, Row] = field(default_factory=dict)
    facts: dict[int, list[MeetingFact]] = field(default_factory=dict)

    def receive(self, report: MeetingReport, *, is_of_use: bool, now: datetime, marked_until: datetime) -> int | None:
        for known, row in self.rows.items():
            if row.report.digest == report.digest:
                self._record(known, deliveries=row.record.deliveries + 1)
                return None
        new_id = len(self.rows) + 1
        record = ReportRecord(
            id=new_id,
            kind=report.kind,
            meeting_id=report.meeting_id,
            status=ReportStatus.WAITING if is_of_use else ReportStatus.IGNORED,
            booking_id=None,
            claims=0,
            deliveries=1,
            error=None,
            received_at=now,
        )
        self.rows[new_id] = Row(
            record=record,
            report=report,
            due_at=now if is_of_use else None,
            marked_until=marked_until if is_of_use else None,
        )
        return new_id if is_of_use else None

    def claim(self, report_id: int, *, now: datetime, lease: timedelta, token: str) -> ClaimedReport | None:
        row = self.rows.get(report_id)
        if row is None or row.due_at is None or row.due_at > now:
            return None
        self.rows[report_id] = replace(row, due_at=now + lease, token=token, marked_until=None)
        self._record(report_id, claims=row.record.claims + 1)
        return ClaimedReport(
            id=report_id,
            report=row.report,
            received_at=row.record.received_at,
            lease_token=token,
            claims=row.record.claims + 1,
        )

    def note(self, claimed: ClaimedReport, facts: Sequence[MeetingFact], *, now: datetime) -> Noted | None:
        found = next((one for one in self.bookings() if one.meeting_id == claimed.report.meeting_id), None)
        if found is None:
            return None
        self._check(claimed)
        self._record(claimed.id, booking_id=found.id)
        for fact in facts:
            kept = self.facts.setdefault(found.id, [])
            if not any(
                (one.kind, one.session_id, one.subject) == (fact.kind, fact.session_id, fact.subject) for one in kept
            ):
                kept.append(fact)
                if fact.kind is MeetingFactKind.RECORDING_READY:
                    self.tell(found.id, fact.kind.value)
        return Noted(booking=found, request_id=self.request_of(found.id, now))

    def finish(self, claimed: ClaimedReport, status: ReportStatus, *, error: str | None = None) -> None:
        self._let_go(claimed, due_at=None)
        self._record(claimed.id, status=status, error=error)

    def put_off(self, claimed: ClaimedReport, *, until: datetime, error: str) -> None:
        self._let_go(claimed, due_at=until)
        self._record(claimed.id, error=error)

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[int]:
        due = [
            (row.due_at, one)
            for one, row in self.rows.items()
            if row.due_at is not None and row.due_at <= now and (row.marked_until or now) <= now
        ]
        taken = [one for _, one in sorted(due)[:limit]]
        for one in taken:
            self.rows[one] = replace(self.rows[one], marked_until=marked_until)
        return taken

    def facts_of(self, booking_id: int) -> Sequence[MeetingFact]:
        return sorted(self.facts.get(booking_id, []), key=lambda fact: fact.at)

    def list_reports(self, status: ReportStatus, *, limit: int) -> Sequence[ReportRecord]:
        found = [row.record for row in self.rows.values() if row.record.status is status]
        return sorted(found, key=lambda one: -one.id)[:limit]

    def count_reports(self) -> Mapping[ReportStatus, int]:
        return {status: sum(row.record.status is status for row in self.rows.values()) for status in ReportStatus}

    def retry(self, report_id: int, *, now: datetime) -> bool:
        row = self.rows.get(report_id)
        if row is None or row.record.status not in RETRIED:
            return False
        self.rows[report_id] = replace(row, due_at=now, marked_until=None, token=None)
        self._record(report_id, status=ReportStatus.WAITING, claims=0, error=None)
        return True

    def _check(self, claimed: ClaimedReport) -> None:
        if self.rows[claimed.id].token != claimed.lease_token:
            raise LeaseLost

    def _let_go(self, claimed: ClaimedReport, *, due_at: datetime | None) -> None:
        self._check(claimed)
        self.rows[claimed.id] = replace(self.rows[claimed.id], due_at=due_at, marked_until=None, token=None)

    def _record(self, report_id: int, **changes: object) -> None:
        row = self.rows[report_id]
        self.rows[report_id] = replace(row, record=replace(row.record, **changes))  # type: ignore[arg-type]


@dataclass
class FakeRoomReports:
    """Webhooks by their body; signed with the word `good`."""

    known: dict[bytes, RoomReport] = field(default_factory=dict)
    failure: ProviderError | None = None

    def read(self, body: bytes, *, signature: str | None) -> RoomReport:
        if self.failure is not None:
            raise self.failure
        if signature != "good":
            raise SignatureWrong
        return self.known[body]
