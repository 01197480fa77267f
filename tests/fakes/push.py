"""FCM in memory. Kept honest by tests/contract."""

from dataclasses import dataclass, field

from integrations.ports import NewBookingPush
from tests.fakes.failures import Failures


@dataclass
class FakePush(Failures):
    by_key: dict[str, NewBookingPush] = field(default_factory=dict)

    @property
    def sent(self) -> list[NewBookingPush]:
        """What a device shows: repeats under one key collapse."""
        return list(self.by_key.values())

    def send(self, push: NewBookingPush, *, key: str) -> None:
        with self.planned("send"):
            self.by_key[key] = push
