"""Slots and bookings, and what a partner asks of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from repositories.entities.sagas import Attempt, DueSaga, SagaState
from repositories.enums import BookingPlatform, BookingStatus, CommunicationType, Reason, SagaStatus

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


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
    group_id: str | None = None  # of bookings that are all made, or none


@dataclass(frozen=True, kw_only=True)
class Booking:
    id: int
    organization_id: int
    user_id: int
    care_provider_id: int
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    communication_type: CommunicationType
    status: BookingStatus
    meeting_id: str | None
    reason: Reason | None
    failed_step: str | None
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None  # "partner", or an operator
    withdrawal_reason: str | None = field(default=None, repr=False)
    moving_saga_id: str | None = None  # the saga that moves it to another time right now
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
class HistoryFilter:
    """Which of an organization's bookings are asked for; sessions that start in [starts_from, starts_before)."""

    organization_id: int
    user_id: int | None = None
    statuses: tuple[BookingStatus, ...] = tuple(BookingStatus)
    starts_from: datetime = EARLIEST
    starts_before: datetime = LATEST


@dataclass(frozen=True, kw_only=True)
class HistoryPlace:
    """Where a history stopped: at this booking."""

    starts_at: datetime
    booking_id: int


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
    move: SagaState | None = None  # the newest that was to move it to another time
