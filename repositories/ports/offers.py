"""What organizations offer of the care providers they manage."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.offers import Chosen, Offer, OfferState


class ManagedProviders(Protocol):
    def is_managed(self, care_provider_id: int, *, organization_id: int) -> bool: ...


class Offers(Protocol):
    def open(self, offer: Offer, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        """Hours and slots, made if new, and opened if blocked; the ids of the slots, then those of the hours.

        Raises HoursOverlap, SlotLengthUnknown, SlotOverlaps, OutsideHours, KeyReused, KeyInFlight; then nothing is
        written."""
        ...

    def block(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        """Nobody can book these slots any more; whoever has stays booked. The ids of the slots.
        Raises SlotUnknown, HoursUnknown, KeyReused, KeyInFlight; then nothing is written."""
        ...

    def remove(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        """Remove the hours, and the slots that nobody ever booked; those that somebody has are blocked. The ids of the
        slots, gone or not. Raises as `block` does."""
        ...

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None: ...

    def state(self, care_provider_id: int, *, slot_ids: Collection[int], hours_ids: Collection[int]) -> OfferState:
        """Of those that there are, in the order of their starts."""
        ...
