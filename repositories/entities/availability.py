"""What care providers offer, and what of it is free."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.enums import BookingStatus, GenderType

ANY = 0  # a language or specialty that every provider has


@dataclass(frozen=True, kw_only=True)
class SlotDuration:
    id: int
    length: timedelta


@dataclass(frozen=True, kw_only=True)
class OfferedSlot:
    """A slot that is free."""

    id: int
    care_provider_id: int
    starts_at: datetime
    ends_at: datetime
    slot_duration_id: int


@dataclass(frozen=True, kw_only=True)
class WorkingHours:
    id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class OwnBooking:
    """A pending or confirmed booking of the user who looks."""

    id: int
    slot_id: int
    starts_at: datetime
    ends_at: datetime
    status: BookingStatus


# --- searching -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ProviderFacts:
    """What a care provider can be filtered by; the rate in hundredths of the currency unit."""

    care_provider_id: int
    gender: GenderType
    language_ids: tuple[int, ...]
    specialty_ids: tuple[int, ...]
    experience_level_id: int
    provider_level_id: int
    hourly_rate_minor: int


@dataclass(frozen=True, kw_only=True)
class ProviderFilter:
    """Of each fact, the values that are wanted: any of them will do. Whoever does not care lists them all."""

    genders: tuple[GenderType, ...]
    language_ids: tuple[int, ...] = (ANY,)
    specialty_ids: tuple[int, ...] = (ANY,)
    experience_level_ids: tuple[int, ...]
    provider_level_ids: tuple[int, ...]
    min_rate_minor: int
    max_rate_minor: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a provider stands in a search: by the start of their earliest free slot, then by their id."""

    starts_at: datetime
    care_provider_id: int


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A provider's earliest free slot."""

    slot_id: int
    place: Place


@dataclass(frozen=True, kw_only=True)
class Openings:
    found: tuple[Opening, ...]
    next_place: Place | None  # behind which the search goes on; None: there is nothing more


@dataclass(frozen=True, kw_only=True)
class CalendarsSeen:
    upto: int | None  # the last care provider looked at; None: there was none left
    wrong: int  # slots that were not as they should be
