"""What an organization opens, blocks and removes of the care providers it manages."""

from dataclasses import dataclass
from datetime import datetime

from repositories.entities.availability import WorkingHours


@dataclass(frozen=True, kw_only=True)
class Period:
    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Period") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Hours in which the provider works, and slots within these or earlier hours."""

    care_provider_id: int
    hours: tuple[Period, ...]
    slots: tuple[Period, ...]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Slots by their ids, and all that start in some hours."""

    care_provider_id: int
    slot_ids: tuple[int, ...]
    hours_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SlotState:
    id: int
    starts_at: datetime
    ends_at: datetime
    is_open: bool
    is_booked: bool  # some booking holds a part of its time


@dataclass(frozen=True, kw_only=True)
class OfferState:
    slots: tuple[SlotState, ...]
    hours: tuple[WorkingHours, ...]
