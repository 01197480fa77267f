"""What care providers offer and who has something free, in memory: plain loops over what FakeScheduling holds.

Kept honest by tests/contract.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from repositories.entities.availability import (
    ANY,
    OfferedSlot,
    Opening,
    Openings,
    OwnBooking,
    Place,
    ProviderFacts,
    ProviderFilter,
    SlotDuration,
    WorkingHours,
)
from repositories.entities.bookings import Slot
from repositories.enums import BookingStatus
from repositories.scheduling_db.cells import cells_of
from tests.fakes.scheduling import FakeScheduling

LENGTHS = (30, 45, 50, 60)  # minutes


@dataclass
class FakeAvailability:
    scheduling: FakeScheduling = field(default_factory=FakeScheduling)
    facts: dict[int, ProviderFacts] = field(default_factory=dict)  # of those who can be found
    hours: dict[int, list[WorkingHours]] = field(default_factory=dict)  # by care provider
    durations: list[SlotDuration] = field(
        default_factory=lambda: [
            SlotDuration(id=number, length=timedelta(minutes=minutes)) for number, minutes in enumerate(LENGTHS, 1)
        ]
    )

    # --- ProviderSearch ----------------------------------------------------------------------

    def find_openings(
        self, wanted: ProviderFilter | None, *, since: datetime, behind: Place | None, limit: int
    ) -> Openings:
        found = sorted(self._openings(wanted, since), key=lambda opening: standing(opening.place))
        left = [opening for opening in found if behind is None or standing(opening.place) > standing(behind)]
        goes_on = len(left) > limit
        return Openings(found=tuple(left[:limit]), next_place=left[limit - 1].place if goes_on else None)

    def _openings(self, wanted: ProviderFilter | None, since: datetime) -> Iterator[Opening]:
        for provider, facts in self.facts.items():
            offered = [slot for slot in self._free_slots(provider) if slot.starts_at >= since]
            if offered and (wanted is None or is_wanted(facts, wanted)):
                place = Place(starts_at=offered[0].starts_at, care_provider_id=provider)
                yield Opening(slot_id=offered[0].id, place=place)

    # --- Availability ------------------------------------------------------------------------

    def slot_durations(self) -> Sequence[SlotDuration]:
        return sorted(self.durations, key=lambda duration: duration.length)

    def free_slots_from(self, slot_ids: Collection[int], *, within: timedelta) -> Sequence[OfferedSlot]:
        first = [self.scheduling.slots[one] for one in slot_ids]
        return [
            slot
            for begin in sorted(first, key=lambda slot: slot.care_provider_id)
            for slot in self.free_slots_of(
                begin.care_provider_id, since=begin.starts_at, before=begin.starts_at + within
            )
        ]

    def free_slots_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[OfferedSlot]:
        return [slot for slot in self._free_slots(care_provider_id) if since <= slot.starts_at < before]

    def hours_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[WorkingHours]:
        found = [h for h in self.hours.get(care_provider_id, []) if h.starts_at < before and h.ends_at > since]
        return sorted(found, key=lambda hours: (hours.starts_at, hours.id))

    def bookings_of(
        self, care_provider_id: int, *, organization_id: int, user_id: int, since: datetime, before: datetime
    ) -> Sequence[OwnBooking]:
        found = [
            OwnBooking(id=one.id, slot_id=one.slot_id, starts_at=one.starts_at, ends_at=one.ends_at, status=one.status)
            for one in self.scheduling.bookings.values()
            if (one.care_provider_id, one.organization_id, one.user_id) == (care_provider_id, organization_id, user_id)
            and one.status in {BookingStatus.PENDING, BookingStatus.CONFIRMED}
            and since <= one.starts_at < before
        ]
        return sorted(found, key=lambda booking: (booking.starts_at, booking.id))

    # --- CopiedFacts -------------------------------------------------------------------------

    def copy_between(self, facts: Sequence[ProviderFacts], *, after: int, upto: int | None) -> int:
        within = {one for one in self.facts if after < one and (upto is None or one <= upto)}
        wanted = {one.care_provider_id: one for one in facts}
        changed = [one for one in within | set(wanted) if self.facts.get(one) != wanted.get(one)]
        self.facts = {one: known for one, known in self.facts.items() if one not in within} | wanted
        return len(changed)

    # --- what is free ------------------------------------------------------------------------

    def _free_slots(self, care_provider_id: int) -> list[OfferedSlot]:
        free = [
            s for s in self.scheduling.slots.values() if s.care_provider_id == care_provider_id and self._is_free(s)
        ]
        return [self._offered(slot) for slot in sorted(free, key=lambda slot: (slot.starts_at, slot.id))]

    def _is_free(self, slot: Slot) -> bool:
        wanted = cells_of(slot.starts_at, slot.ends_at)
        return slot.is_open and not any((slot.care_provider_id, cell) in self.scheduling.cells for cell in wanted)

    def _offered(self, slot: Slot) -> OfferedSlot:
        (duration,) = (one.id for one in self.durations if one.length == slot.ends_at - slot.starts_at)
        return OfferedSlot(
            id=slot.id,
            care_provider_id=slot.care_provider_id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            slot_duration_id=duration,
        )


def standing(place: Place) -> tuple[datetime, int]:
    return place.starts_at, place.care_provider_id


def is_wanted(facts: ProviderFacts, wanted: ProviderFilter) -> bool:
    return (
        facts.gender in wanted.genders
        and bool({ANY, *facts.language_ids} & set(wanted.language_ids))
        and bool({ANY, *facts.specialty_ids} & set(wanted.specialty_ids))
        and facts.experience_level_id in wanted.experience_level_ids
        and facts.provider_level_id in wanted.provider_level_ids
        and wanted.min_rate_minor <= facts.hourly_rate_minor <= wanted.max_rate_minor
    )
