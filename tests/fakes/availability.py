"""What care providers offer, in memory. Kept honest by tests/contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from repositories.entities.availability import SlotDuration

LENGTHS = (30, 45, 50, 60)  # minutes


@dataclass
class FakeAvailability:
    durations: list[SlotDuration] = field(
        default_factory=lambda: [
            SlotDuration(id=number, length=timedelta(minutes=minutes)) for number, minutes in enumerate(LENGTHS, 1)
        ]
    )

    def slot_durations(self) -> Sequence[SlotDuration]:
        return sorted(self.durations, key=lambda duration: duration.length)
