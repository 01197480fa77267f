"""What care providers offer, what of it is free, and who has something free."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.availability import (
    CalendarsSeen,
    OfferedSlot,
    Openings,
    OwnBooking,
    Place,
    ProviderFacts,
    ProviderFilter,
    SlotDuration,
    WorkingHours,
)


class ProviderSearch(Protocol):
    def find_openings(
        self, wanted: ProviderFilter | None, *, since: datetime, behind: Place | None, limit: int
    ) -> Openings:
        """The earliest free slot, starting at `since` or later, of each provider who is wanted, in the order of their
        places, behind `behind`. How much is read is bounded: a filter whose providers are all far behind others can
        find fewer than `limit`, or none, and still have a next place to go on from."""
        ...


class Availability(Protocol):
    def slot_durations(self) -> Sequence[SlotDuration]:
        """The lengths that slots can have, the shortest first."""
        ...

    def free_slots_from(self, slot_ids: Collection[int], *, within: timedelta) -> Sequence[OfferedSlot]:
        """Of each of these slots' providers: what is free and starts within that time of the slot's start."""
        ...

    def free_slots_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[OfferedSlot]:
        """What is free and starts in [since, before), the earliest first."""
        ...

    def hours_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[WorkingHours]:
        """Hours of which some part is in [since, before), the earliest first."""
        ...

    def bookings_of(
        self, care_provider_id: int, *, organization_id: int, user_id: int, since: datetime, before: datetime
    ) -> Sequence[OwnBooking]:
        """Pending and confirmed sessions of this user that start in [since, before), the earliest first."""
        ...


class Calendars(Protocol):
    """What a search reads of slots, looked at some care providers at a time, by their ids."""

    def check(self, *, after: int, limit: int) -> CalendarsSeen: ...

    def rebuild(self, *, after: int, limit: int) -> CalendarsSeen: ...


class KnownFacts(Protocol):
    """PsyterDatabase's word on what care providers can be filtered by."""

    def facts_after(self, care_provider_id: int, *, limit: int) -> Sequence[ProviderFacts]:
        """Of the active ones with the next ids."""
        ...


class CopiedFacts(Protocol):
    """The copy of it that a search reads."""

    def copy_between(self, facts: Sequence[ProviderFacts], *, after: int, upto: int | None) -> int:
        """Make these the only providers that can be found among the ids in (after, upto]; how many changed."""
        ...
