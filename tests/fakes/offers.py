"""Hours and slots that organizations open, block and remove, in memory. Kept honest by tests/contract."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from repositories.entities.availability import WorkingHours
from repositories.entities.bookings import Slot
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.offers import Chosen, Offer, OfferState, Period, SlotState
from repositories.ports.errors import (
    HoursOverlap,
    HoursUnknown,
    OutsideHours,
    SlotLengthUnknown,
    SlotOverlaps,
    SlotUnknown,
)
from repositories.scheduling_db.cells import cells_of
from tests.fakes.availability import FakeAvailability
from tests.fakes.idempotency import FakeChanges

MINUTE = timedelta(minutes=1)


@dataclass
class FakeOffers:
    availability: FakeAvailability
    managed: set[tuple[int, int]] = field(default_factory=set)  # (organization, care provider)
    changes: FakeChanges = field(default_factory=FakeChanges)
    ids: Iterator[int] = field(default_factory=lambda: count(1000))

    def is_managed(self, care_provider_id: int, *, organization_id: int) -> bool:
        return (organization_id, care_provider_id) in self.managed

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self.changes.find_change(key, organization_id=organization_id, now=now)

    def open(self, offer: Offer, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work() -> Sequence[int]:
            before = dict(self._slots), {one: list(hours) for one, hours in self.availability.hours.items()}
            try:
                hours = [self._open_hours(offer, place) for place in range(len(offer.hours))]
                known = dict(self._slots)
                return (*(self._open_slot(offer, place, known) for place in range(len(offer.slots))), *hours)
            except Exception:
                self.availability.scheduling.slots, self.availability.hours = before
                raise

        return self.changes.make(work, key=key, organization_id=organization_id, now=now)

    def block(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work() -> Sequence[int]:
            ids = self._chosen(chosen)
            for one in ids:
                self._slots[one] = replace(self._slots[one], is_open=False)
            return ids

        return self.changes.make(work, key=key, organization_id=organization_id, now=now)

    def remove(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work() -> Sequence[int]:
            ids = self._chosen(chosen)
            booked = {booking.slot_id for booking in self.availability.scheduling.bookings.values()}
            for one in ids:
                if one in booked:
                    self._slots[one] = replace(self._slots[one], is_open=False)
                else:
                    del self._slots[one]
            kept = [h for h in self._hours(chosen.care_provider_id) if h.id not in chosen.hours_ids]
            self.availability.hours[chosen.care_provider_id] = kept
            return ids

        return self.changes.make(work, key=key, organization_id=organization_id, now=now)

    def state(self, care_provider_id: int, *, slot_ids: Collection[int], hours_ids: Collection[int]) -> OfferState:
        found = [s for s in self._slots.values() if s.care_provider_id == care_provider_id and s.id in slot_ids]
        hours = [h for h in self._hours(care_provider_id) if h.id in hours_ids]
        return OfferState(
            slots=tuple(
                SlotState(
                    id=slot.id,
                    starts_at=slot.starts_at,
                    ends_at=slot.ends_at,
                    is_open=slot.is_open,
                    is_booked=self._is_booked(slot),
                )
                for slot in sorted(found, key=lambda slot: (slot.starts_at, slot.id))
            ),
            hours=tuple(sorted(hours, key=lambda one: (one.starts_at, one.id))),
        )

    # --- how ---------------------------------------------------------------------------------

    @property
    def _slots(self) -> dict[int, Slot]:
        return self.availability.scheduling.slots

    def _hours(self, provider: int) -> list[WorkingHours]:
        return self.availability.hours.setdefault(provider, [])

    def _open_hours(self, offer: Offer, place: int) -> int:
        wanted = offer.hours[place]
        for one in self._hours(offer.care_provider_id):
            known = Period(starts_at=one.starts_at, ends_at=one.ends_at)
            if known == wanted:
                return one.id
            if known.overlaps(wanted):
                raise HoursOverlap(f"hoursList.{place}")
        new = WorkingHours(id=next(self.ids), starts_at=wanted.starts_at, ends_at=wanted.ends_at)
        self._hours(offer.care_provider_id).append(new)
        return new.id

    def _open_slot(self, offer: Offer, place: int, known: dict[int, Slot]) -> int:
        wanted, name = offer.slots[place], f"slotsList.{place}"
        if wanted.ends_at - wanted.starts_at not in {one.length for one in self.availability.durations}:
            raise SlotLengthUnknown(name)
        hours = self._hours(offer.care_provider_id)
        minutes = (wanted.ends_at - wanted.starts_at) // MINUTE
        moments = [wanted.starts_at + number * MINUTE for number in range(minutes)]
        if not all(any(one.starts_at <= moment < one.ends_at for one in hours) for moment in moments):
            raise OutsideHours(name)
        for slot in known.values():
            period = Period(starts_at=slot.starts_at, ends_at=slot.ends_at)
            if slot.care_provider_id == offer.care_provider_id and period == wanted:
                self._slots[slot.id] = replace(slot, is_open=True)
                return slot.id
        for slot in known.values():
            period = Period(starts_at=slot.starts_at, ends_at=slot.ends_at)
            if slot.care_provider_id == offer.care_provider_id and period.overlaps(wanted):
                raise SlotOverlaps(name)
        number = next(self.ids)
        self._slots[number] = Slot(id=number, care_provider_id=offer.care_provider_id, is_open=True, **vars(wanted))
        return number

    def _chosen(self, chosen: Chosen) -> list[int]:
        theirs = {slot.id for slot in self._slots.values() if slot.care_provider_id == chosen.care_provider_id}
        hours = {one.id: one for one in self._hours(chosen.care_provider_id)}
        for place, one in enumerate(chosen.slot_ids):
            if one not in theirs:
                raise SlotUnknown(f"applicationMultiSlotIds.{place}")
        for place, one in enumerate(chosen.hours_ids):
            if one not in hours:
                raise HoursUnknown(f"slotAvailabilityIds.{place}")
        spans = [hours[one] for one in chosen.hours_ids]
        within = {n for n in theirs if any(h.starts_at <= self._slots[n].starts_at < h.ends_at for h in spans)}
        return sorted({*chosen.slot_ids, *within}, key=lambda one: (self._slots[one].starts_at, one))

    def _is_booked(self, slot: Slot) -> bool:
        held = self.availability.scheduling.cells
        return any((slot.care_provider_id, cell) in held for cell in cells_of(slot.starts_at, slot.ends_at))
