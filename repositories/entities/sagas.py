"""The journal: where a saga stands, and what came of each attempt of a step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from repositories.enums import Attempted, OutcomeWord, Reason, SagaStatus, Service

NOTHING: Mapping[str, Any] = MappingProxyType({})
LONGEST_BY, LONGEST_WHY = 100, 500  # letters, in the audit trail


def key_of(saga_id: str, step: str) -> str:
    """The name of a step's effect, the same for every repeat."""
    return f"{saga_id}-{step}"


@dataclass(frozen=True, kw_only=True)
class InLine:
    """A place in the line of those who wait for a service."""

    service: Service
    since: datetime
    stood_still: timedelta  # how long the service had stood still by then, all in all


@dataclass(frozen=True, kw_only=True)
class SagaState:
    """One row of the journal: where a saga stands."""

    id: str
    name: str
    booking_id: int
    input: Mapping[str, Any]  # ids and instants only
    status: SagaStatus
    step: str | None  # the step to run or undo next; None when ended
    owed: tuple[str, ...] = ()  # the steps whose undo is owed if the saga must turn back, the next one first
    receipts: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: NOTHING)
    failures: int = 0  # in a row, of the current step
    claims: int = 0  # of the current step: more than one means that a worker died or was paused in it
    due_at: datetime | None  # None when ended or stuck
    in_line: InLine | None = None  # until due_at it is let go only when its turn comes
    deadline_at: datetime  # before its pivot, a saga past this undoes by itself
    expires_at: datetime  # the start of the session: no pause moves the deadline beyond it
    withdrawn_at: datetime | None = None  # as it was at the claim; only a withdrawal writes it
    reason: Reason | None = None
    failed_step: str | None = None
    error: str | None = None  # the error's class name, never its text
    request_id: str | None = None  # of the request that started it
    created_at: datetime
    version: int = 0
    lease_token: str | None = None

    def key(self, step: str) -> str:
        """The name of this step's effect, the same for every repeat."""
        return key_of(self.id, step)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try of a step: a line of the timeline."""

    step: str
    kind: Attempted
    number: int  # 1 for the first try
    outcome: OutcomeWord
    error: str | None
    started_at: datetime
    duration: timedelta | None  # None: the journal measures it, up to the writing of this line


@dataclass(frozen=True, kw_only=True)
class DueSaga:
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class SagaFilter:
    """Which sagas an operator wants to see; None: whatever it is."""

    statuses: frozenset[SagaStatus]
    name: str | None = None
    step: str | None = None
    reason: Reason | None = None
    organization_id: int | None = None
    unchanged_since: datetime | None = None
    begun_since: datetime | None = None
    begun_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """What an operator did to a saga, and why: a line of the audit trail."""

    action: str
    step: str | None
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class SagaRecord:
    """A saga with its story, as an operator sees it."""

    state: SagaState
    updated_at: datetime
    timeline: tuple[Attempt, ...]
    audit: tuple[AuditEntry, ...]
