"""A confirmed booking on its way to another time."""

from dataclasses import dataclass
from datetime import datetime

from repositories.entities.bookings import Slot

MOVED_BY = "reschedule_booking"  # the saga


@dataclass(frozen=True, kw_only=True)
class Move:
    """Which booking is to go to which slot."""

    booking_id: int
    organization_id: int
    saga_id: str
    to: Slot


@dataclass(frozen=True, kw_only=True)
class AmountChange:
    """What a move made of an order's amount; in hundredths of the currency unit."""

    before_minor: int
    after_minor: int


# --- Effects -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ReleaseOtherTime:
    """Give back whatever cells a booking holds outside of its own time; all of them if it has no session."""

    booking_id: int


@dataclass(frozen=True, kw_only=True)
class MoveBooking:
    """Confirmed, at its new time, the old one given back; raises BookingWithdrawn."""

    booking_id: int
    saga_id: str
    slot_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class EndMove:
    """The booking stays where it is, and may be moved again."""

    booking_id: int
    saga_id: str
