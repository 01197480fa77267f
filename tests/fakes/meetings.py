"""What VideoSDK knows of meetings, in memory. Kept honest by tests/contract."""

from dataclasses import dataclass, field

from integrations.ports import Recording
from tests.fakes.failures import Failures


@dataclass
class FakeMeetings(Failures):
    open: set[str] = field(default_factory=set)
    recorded: dict[str, list[Recording]] = field(default_factory=dict)  # by meeting id

    def is_open(self, meeting_id: str) -> bool:
        with self.planned("is_open"):
            return meeting_id in self.open

    def recordings(self, meeting_id: str) -> tuple[Recording, ...]:
        with self.planned("recordings"):
            return tuple(self.recorded.get(meeting_id, ()))
