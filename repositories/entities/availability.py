"""What care providers offer: the lengths of their slots."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class SlotDuration:
    id: int
    length: timedelta
