"""FCM in memory. Kept honest by tests/contract."""

from dataclasses import dataclass, field

from integrations.ports import BookingPush
from tests.fakes.failures import Failures


@dataclass
class FakePush(Failures):
    by_key: dict[str, BookingPush] = field(default_factory=dict)

    @property
    def sent(self) -> list[BookingPush]:
        """What a device shows: repeats under one key collapse."""
        return list(self.by_key.values())

    def send(self, push: BookingPush, *, key: str) -> None:
        with self.planned("send"):
            self.by_key[key] = push
