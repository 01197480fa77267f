"""FCM in memory. Kept honest by tests/contract."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from integrations.ports import BOTH, Platform, Push
from tests.fakes.failures import Failures


@dataclass
class FakePush(Failures):
    by_key: dict[str, Push] = field(default_factory=dict)
    told: dict[str, list[Platform]] = field(default_factory=lambda: defaultdict(list))  # by key, repeats too

    @property
    def sent(self) -> list[Push]:
        """What a device shows: repeats under one key collapse."""
        return list(self.by_key.values())

    def send(self, push: Push, *, key: str, platforms: Sequence[Platform] = BOTH) -> None:
        with self.planned("send"):
            self.by_key[key] = push
            self.told[key] += platforms
