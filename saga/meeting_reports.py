"""What the video service reports of meetings: kept when it comes in, worked through by a worker.

    received -> waiting -> done       its facts are kept, whoever has to know was told
                        -> ignored    no booking has this meeting
                        -> parked     its worker died, or failed, MOST_CLAIMS times: an operator decides

The row is the truth, a message only a nudge. Facts are a set: what comes late, twice or in another order ends alike.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from integrations.ports import RoomReport, RoomReports
from repositories.entities.bookings import Booking
from repositories.entities.meetings import ClaimedReport, MeetingFact, MeetingReport
from repositories.enums import BookingStatus, MeetingFactKind, ReportStatus
from repositories.ports.errors import LeaseLost, StoreUnavailable
from repositories.ports.meetings import MeetingReports
from saga.sweep import Nudge

log = structlog.get_logger()

TASK = "note_meeting_report"
MARK = timedelta(seconds=20)  # how long a nudged report is left alone
MOST_CLAIMS = 5
FULL = 250  # reports nudged by one sweep
WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 60))  # after each failure, but the last
WORTH_TELLING = timedelta(minutes=10)  # later, that somebody joined is no news
USER = "user"
PROVIDER = "provider"

OF_KIND = {
    "session-started": MeetingFactKind.SESSION_STARTED,
    "session-ended": MeetingFactKind.SESSION_ENDED,
    "participant-joined": MeetingFactKind.PARTICIPANT_JOINED,
    "participant-left": MeetingFactKind.PARTICIPANT_LEFT,
    "recording-stopped": MeetingFactKind.RECORDING_READY,
}
OF_PARTICIPANTS = {MeetingFactKind.PARTICIPANT_JOINED, MeetingFactKind.PARTICIPANT_LEFT}

NOT_DUE, LEASE_LOST, PUT_OFF, DATABASE_UNAVAILABLE = "not due", "lease lost", "put off", "database unavailable"

PartyOf = Callable[[str], tuple[str, int] | None]  # a participant id that we gave out: whose it is, and its number


class TellsProvider(Protocol):
    def __call__(self, booking_id: int, *, key: str) -> object:
        """Have the provider told that the other party joined; twice under one key is once."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReceiveReport:
    """Takes a webhook in: one insert, and a nudge that may get lost."""

    reports: RoomReports
    inbox: MeetingReports
    party_of: PartyOf
    nudge: Nudge
    clock: Callable[[], datetime]

    def __call__(self, body: bytes, *, signature: str | None) -> None:
        """Raises SignatureWrong, ReportMalformed, ProviderError, StoreUnavailable; then nothing is kept."""
        report = kept_of(self.reports.read(body, signature=signature), self.party_of)
        now = self.clock()
        report_id = self.inbox.receive(report, is_of_use=is_of_use(report), now=now, marked_until=now + MARK)
        if report_id is not None:
            self.nudge(TASK, str(report_id))


@dataclass(frozen=True, kw_only=True)
class NoteReport:
    """Works through one report. Safe to call for any, at any time, from any number of processes."""

    inbox: MeetingReports
    tell_provider: TellsProvider
    clock: Callable[[], datetime]
    new_token: Callable[[], str]
    lease: timedelta

    def __call__(self, report_id: int) -> str:
        """Returns a short word on where it stands."""
        try:
            claimed = self.inbox.claim(report_id, now=self.clock(), lease=self.lease, token=self.new_token())
            return NOT_DUE if claimed is None else self._worked(claimed)
        except LeaseLost:
            log.warning("meeting_report_lease_lost", report_id=report_id)
            return LEASE_LOST
        except StoreUnavailable:
            log.warning("meeting_report_database_unavailable", report_id=report_id)
            return DATABASE_UNAVAILABLE

    def _worked(self, claimed: ClaimedReport) -> str:
        if claimed.claims > MOST_CLAIMS:
            return self._finished(claimed, ReportStatus.PARKED, error="poison")
        try:
            return self._noted(claimed)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception as error:
            return self._put_off(claimed, error)

    def _noted(self, claimed: ClaimedReport) -> str:
        now = self.clock()
        noted = self.inbox.note(claimed, facts_of(claimed), now=now)
        if noted is None:
            return self._finished(claimed, ReportStatus.IGNORED, error="unknown room")
        with structlog.contextvars.bound_contextvars(
            request_id=noted.request_id, organization_id=noted.booking.organization_id, booking_id=noted.booking.id
        ):
            return self._told(claimed, noted.booking, now)

    def _told(self, claimed: ClaimedReport, booking: Booking, now: datetime) -> str:
        if is_news_to_provider(claimed, booking, now):
            self.tell_provider(booking.id, key=f"joined-{claimed.report.digest}")
        return self._finished(claimed, ReportStatus.DONE)

    def _put_off(self, claimed: ClaimedReport, error: Exception) -> str:
        """A bug: tried again a few times, for it may have to do with the moment."""
        name = type(error).__name__[:80]
        log.error("meeting_report_failed", report_id=claimed.id, error=name)
        if claimed.claims >= MOST_CLAIMS:
            return self._finished(claimed, ReportStatus.PARKED, error=name)
        self.inbox.put_off(claimed, until=self.clock() + WAITS[claimed.claims - 1], error=name)
        return PUT_OFF

    def _finished(self, claimed: ClaimedReport, status: ReportStatus, *, error: str | None = None) -> str:
        self.inbox.finish(claimed, status, error=error)
        log.info("meeting_report", report_id=claimed.id, kind=claimed.report.kind, state=status.value, error=error)
        if status is ReportStatus.PARKED:
            log.error("meeting_report_parked", report_id=claimed.id, kind=claimed.report.kind)
        return status.value


@dataclass(frozen=True, kw_only=True)
class SweepReports:
    """Nudges whatever is due and was not nudged, or whose nudge was lost. Harmless when several run."""

    inbox: MeetingReports
    nudge: Nudge
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        now = self.clock()
        due = self.inbox.take_due(now=now, limit=FULL, marked_until=now + MARK)
        return sum(self.nudge(TASK, str(report_id)) for report_id in due)


def kept_of(report: RoomReport, party_of: PartyOf) -> MeetingReport:
    """What is kept of a webhook. Participant ids that are not ours, and where a recording lies, only as digests."""
    return MeetingReport(
        kind=report.kind,
        meeting_id=report.meeting_id,
        session_id=report.session_id,
        participant=participant_of(report, party_of),
        recording="" if report.file is None else digest_of(report.file),
        started_at=report.started_at,
        ended_at=report.ended_at,
    )


def participant_of(report: RoomReport, party_of: PartyOf) -> str:
    if report.participant_id is None:
        return ""
    if (party := party_of(report.participant_id)) is not None:
        return f"{party[0]}:{party[1]}"
    return f"other:{digest_of(f'{report.session_id} {report.participant_id}')}"


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_of_use(report: MeetingReport) -> bool:
    """Whether it says something to us: a participant without an id, or a recording without a file, says nothing."""
    kind = OF_KIND.get(report.kind)
    if kind in OF_PARTICIPANTS:
        return report.participant != ""
    return report.recording != "" if kind is MeetingFactKind.RECORDING_READY else kind is not None


def facts_of(claimed: ClaimedReport) -> Sequence[MeetingFact]:
    """What a report proves. The end of a session tells its start too, should that webhook have been lost."""
    report, kind = claimed.report, OF_KIND[claimed.report.kind]

    def fact(kind: MeetingFactKind, at: datetime | None, subject: str = "") -> MeetingFact:
        return MeetingFact(kind=kind, session_id=report.session_id, subject=subject, at=at or claimed.received_at)

    match kind:
        case MeetingFactKind.SESSION_STARTED:
            return (fact(kind, report.started_at),)
        case MeetingFactKind.SESSION_ENDED:
            started = () if report.started_at is None else (fact(MeetingFactKind.SESSION_STARTED, report.started_at),)
            return (*started, fact(kind, report.ended_at))
        case MeetingFactKind.RECORDING_READY:
            return (fact(kind, None, report.recording),)
    return (fact(kind, None, report.participant),)


def is_news_to_provider(claimed: ClaimedReport, booking: Booking, now: datetime) -> bool:
    """The booking's own user joined, under the id that we gave out, and only just."""
    return (
        OF_KIND[claimed.report.kind] is MeetingFactKind.PARTICIPANT_JOINED
        and claimed.report.participant == f"{USER}:{booking.user_id}"
        and booking.status is BookingStatus.CONFIRMED
        and now - claimed.received_at < WORTH_TELLING
    )


def session_times(facts: Sequence[MeetingFact]) -> tuple[datetime | None, datetime | None]:
    """When the first session of a meeting started, and when the last ended; None while one may be going on.

    Whenever all have left and somebody joins again, the video service begins another session.
    """
    started = {fact.session_id: fact.at for fact in facts if fact.kind is MeetingFactKind.SESSION_STARTED}
    ended = {fact.session_id: fact.at for fact in facts if fact.kind is MeetingFactKind.SESSION_ENDED}
    is_over = ended and started.keys() <= ended.keys()
    return min(started.values(), default=None), max(ended.values()) if is_over else None
