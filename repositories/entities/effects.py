"""Effects: what a step changes in the journal's own database, in the transaction that saves the journal row."""

from dataclasses import dataclass
from datetime import datetime

from repositories.entities.moves import EndMove, MoveBooking, ReleaseOtherTime
from repositories.entities.pushes import RecordPush
from repositories.entities.sagas import SagaState
from repositories.enums import Reason


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
    if_failed: SagaState | None = None  # a saga that begins if the booking failed


@dataclass(frozen=True, kw_only=True)
class GiveUpBooking:
    """End a booking that is still pending, and release whatever time it holds beyond its session's."""

    booking_id: int
    reason: Reason
    failed_step: str | None


Effect = (
    ReserveTime
    | ReleaseTime
    | ConfirmBooking
    | EndBooking
    | GiveUpBooking
    | ReleaseOtherTime
    | MoveBooking
    | EndMove
    | RecordPush
)
