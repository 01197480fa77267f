"""What crosses the border of repositories/: frozen values, never rows. Every instant is aware UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from repositories.enums import (
    Attempted,
    BookingPlatform,
    BookingStatus,
    CommunicationType,
    GenderType,
    OrderStatus,
    OutcomeWord,
    Reason,
    Role,
    SagaStatus,
)

NOTHING: Mapping[str, Any] = MappingProxyType({})


# --- PsyterDatabase ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Organization:
    id: int
    name: str
    is_charity: bool
    cancellation_deadline: timedelta = timedelta()  # before the session; the start itself where none is configured
    sealed_shared_api_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AccessKeyHolder:
    """Who an access key belongs to, and what it may do."""

    organization: Organization
    role: Role


@dataclass(frozen=True, kw_only=True)
class Guest:
    """The person a partner books for, known by the partner's own referenceId."""

    reference_id: str
    name: str = field(repr=False)
    dob: date = field(repr=False)
    gender: GenderType = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class User:
    id: int
    organization_id: int
    reference_id: str
    name: str = field(repr=False)
    dob: date = field(repr=False)
    gender: GenderType = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CareProvider:
    """What a booking needs to know of a provider."""

    id: int
    full_name_plang: str
    full_name_slang: str
    time_zone: str  # IANA name


@dataclass(frozen=True, kw_only=True)
class Order:
    id: int
    booking_id: int
    status: OrderStatus
    amount_minor: int  # hundredths of the currency unit
    is_charged_to_balance: bool


# --- SchedulingDatabase -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Slot:
    id: int
    care_provider_id: int
    starts_at: datetime
    ends_at: datetime
    is_open: bool  # False: the provider blocked it


@dataclass(frozen=True, kw_only=True)
class NewBooking:
    organization_id: int
    user_id: int
    care_provider_id: int
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    communication_type: CommunicationType
    platform: BookingPlatform
    is_from_mobile: bool


@dataclass(frozen=True, kw_only=True)
class Booking:
    id: int
    organization_id: int
    user_id: int
    care_provider_id: int
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    status: BookingStatus
    meeting_id: str | None
    reason: Reason | None
    failed_step: str | None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None  # "partner", or an operator
    withdrawal_reason: str | None = field(default=None, repr=False)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """A cancellation as it was asked for: of which booking, by whom and why."""

    booking_id: int
    organization_id: int
    by: str
    why: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """A booking after its withdrawal, and the saga that carries it out, if there is anything left to do."""

    booking: Booking
    saga: "DueSaga | None"


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """A partner's promise that two requests are one; unique per organization for 24 hours."""

    key: str
    body_digest: str  # SHA-256 of path and canonical body, hex


@dataclass(frozen=True, kw_only=True)
class KeyUse:
    """What an idempotency key was used for."""

    body_digest: str
    booking_id: int
    user_id: int


def key_of(saga_id: str, step: str) -> str:
    """The name of a step's effect, the same for every repeat."""
    return f"{saga_id}-{step}"


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
    deadline_at: datetime  # before its pivot, a saga past this undoes by itself
    expires_at: datetime  # the start of the session: no pause moves the deadline beyond it
    withdrawn_at: datetime | None = None  # as it was at the claim; only a withdrawal writes it
    reason: Reason | None = None
    failed_step: str | None = None
    error: str | None = None  # the error's class name, never its text
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
class BookingView:
    """A booking with its sagas' story, as the status endpoint shows it."""

    booking: Booking
    saga_status: SagaStatus | None
    step: str | None
    due_at: datetime | None
    reason: Reason | None  # the booking's, or while undoing the saga's
    failed_step: str | None
    timeline: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class DueSaga:
    id: str
    name: str


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


# --- What reconciliation compares ----------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BookingFact:
    """A booking whose sagas have all ended."""

    id: int
    status: BookingStatus
    meeting_id: str | None
    starts_at: datetime
    booked_by: str  # the saga that booked it
    cells: int


@dataclass(frozen=True, kw_only=True)
class OrderFact:
    """An order, and what the ledger says of it; amounts in hundredths of the currency unit."""

    booking_id: int
    status: OrderStatus
    amount_minor: int
    is_charged_to_balance: bool
    debited_minor: int
    restored_minor: int


@dataclass(frozen=True, kw_only=True)
class BalanceFact:
    organization_id: int
    balance_minor: int
    expected_minor: int  # what was paid in, less what the ledger took out


# --- Effects: what a step changes in the journal's own database, in the transaction that saves the journal row --


@dataclass(frozen=True, kw_only=True)
class ReserveTime:
    """Take every cell of [starts_at, ends_at) for a booking; raises SlotTaken."""

    booking_id: int
    care_provider_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class ReleaseTime:
    """Give back whatever cells a booking holds."""

    booking_id: int


@dataclass(frozen=True, kw_only=True)
class ConfirmBooking:
    """Pending -> Confirmed, unless withdrawn; raises BookingWithdrawn."""

    booking_id: int
    meeting_id: str


@dataclass(frozen=True, kw_only=True)
class EndBooking:
    """Pending -> Failed, or Cancelled if it was withdrawn."""

    booking_id: int
    reason: Reason
    failed_step: str | None


@dataclass(frozen=True, kw_only=True)
class GiveUpBooking:
    """End a booking that is still pending, and release the time of one that has no session."""

    booking_id: int
    reason: Reason
    failed_step: str | None


Effect = ReserveTime | ReleaseTime | ConfirmBooking | EndBooking | GiveUpBooking
