"""What care providers offer, and what of it is free."""

from collections.abc import Sequence
from typing import Protocol

from repositories.entities.availability import SlotDuration


class Availability(Protocol):
    def slot_durations(self) -> Sequence[SlotDuration]:
        """The lengths that slots can have, the shortest first."""
        ...
