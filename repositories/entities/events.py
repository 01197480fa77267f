"""Events of bookings, as they are told: what happened, never to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.enums import BookingStatus


@dataclass(frozen=True, kw_only=True)
class BookingEvent:
    id: int
    organization_id: int
    booking_id: int
    sequence: int  # among the events of its booking, from 1
    kind: str  # confirmed
    status: BookingStatus  # the booking's, after it
    reason: int | None
    changed: tuple[str, ...]  # names of fields, as the API spells them
    occurred_at: datetime
    position: int  # in the order of all events


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    organization_id: int
    booking_id: int | None = None
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class EventPage:
    events: Sequence[BookingEvent]
    reached: int  # the position up to which this page looked: the next goes on there, also if it found nothing
    has_more: bool
    forgotten: int = 0  # events up to here may have been purged before the reader began; beyond, it misses none
