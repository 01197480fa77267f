"""The audit log: who did what, when, and what came of it. Ids only."""

from dataclasses import dataclass
from datetime import datetime

from repositories.enums import DeedOutcome, Reason


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One line of the audit log, before it is sealed."""

    id: str  # 32 hex digits, made when it is written: by it a deed is sealed once
    action: str  # such as "booking.accept"
    outcome: DeedOutcome
    http_status: int | None = None  # None: not over HTTP
    reason: Reason | None = None
    organization_id: int | None = None
    access_key_id: int | None = None
    token_id: str | None = None
    operator: str | None = None  # of a command
    resource_kind: str | None = None
    resource_id: str | None = None  # our own id, never a public one
    request_id: str
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class SealedDeed:
    """A line of the audit log: its place in the chain, and the seal that holds it and all before it."""

    sequence: int  # 1, 2, 3, ... without a gap
    deed: Deed
    seal: str


@dataclass(frozen=True, kw_only=True)
class Head:
    """Where the chain ends, signed, so that a tail that was cut off is missed."""

    sequence: int  # 0: nothing was sealed yet
    seal: str
    signature: str
    longest: int  # the highest sequence that the log holds


@dataclass(frozen=True, kw_only=True)
class DeedFilter:
    """Which of an organization's deeds to list; a period is [since, until)."""

    organization_id: int
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
