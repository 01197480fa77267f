"""Pushes to care providers, as they are kept: ids and instants, what came of them, and who asked for one by hand."""

from dataclasses import dataclass, field
from datetime import datetime

from repositories.enums import BookingStatus, PushState

BOTH_PLATFORMS = ("android", "ios")
OUTDATED = "Outdated"  # why it was not sent: the booking has changed meanwhile


@dataclass(frozen=True, kw_only=True)
class NewPush:
    """Whom to tell of what; one push for each key."""

    key: str
    kind: int  # of integrations.ports.NotificationType
    care_provider_id: int
    booking_id: int | None = None
    happens_at: datetime | None = None  # what it tells of: when the session starts, or what expires
    wants_status: BookingStatus | None = None  # what it tells is so while the booking has this, and still starts then
    event: str | None = None  # the kind of event that its sending is
    expires_at: datetime  # nobody need be told any more then


@dataclass(frozen=True, kw_only=True)
class PushRecord:
    """A push, and how it fares."""

    id: int
    push: NewPush
    state: PushState
    reason: str | None  # what the last try met with, or why it failed
    left_to: tuple[str, ...]  # platforms that have not been told
    attempts: int
    due_at: datetime | None  # while it waits
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    asked_by: str | None = None  # the operator who sent it, or sent it again
    asked_why: str | None = None
    lease_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class BookedPush:
    """A push in the hands of a worker, with what its booking adds."""

    record: PushRecord
    meeting_id: str | None
    organization_id: int | None
    user_id: int | None
    request_id: str | None = None  # of the request that it comes of


@dataclass(frozen=True, kw_only=True)
class PushFilter:
    states: frozenset[PushState] = frozenset(PushState)
    kind: int | None = None
    care_provider_id: int | None = None
    booking_id: int | None = None
    reason: str | None = None
    since: datetime | None = None


# --- effects -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RecordPush:
    """What came of a push that a saga sent itself."""

    push: NewPush
    reason: str | None  # None: it was sent
    attempts: int
