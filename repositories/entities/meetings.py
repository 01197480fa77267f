"""What the video service reported of a meeting, and what of it is a fact of the booking."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from repositories.entities.bookings import Booking
from repositories.enums import MeetingFactKind, ReportStatus


@dataclass(frozen=True, kw_only=True)
class MeetingReport:
    """One webhook, reduced to what is kept of it: no name, no link, and no participant id that is not ours."""

    kind: str  # as the video service names it
    meeting_id: str
    session_id: str
    participant: str = ""  # user:11, provider:42, or other: and a digest
    recording: str = ""  # a digest that tells recordings of one session apart
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def digest(self) -> str:
        """What a repeat has in common with the first: webhooks carry no id and no time of their own."""
        parts = (self.kind, self.meeting_id, self.session_id, self.participant, self.recording)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ClaimedReport:
    """A report in a worker's hands."""

    id: int
    report: MeetingReport
    received_at: datetime
    lease_token: str
    claims: int


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Of what a report was."""

    booking: Booking
    request_id: str | None = None  # of the last request about the booking that a saga came of


@dataclass(frozen=True, kw_only=True)
class MeetingFact:
    """What happened in the meeting of a booking; each is kept once."""

    kind: MeetingFactKind
    session_id: str
    subject: str = ""  # the participant or the recording
    at: datetime  # as the video service told it, else when we were told


@dataclass(frozen=True, kw_only=True)
class ReportRecord:
    """A report as operators see it."""

    id: int
    kind: str
    meeting_id: str
    status: ReportStatus
    booking_id: int | None
    claims: int
    deliveries: int
    error: str | None
    received_at: datetime
