"""Positions of events, over the fake SchedulingDatabase. Kept honest by tests/contract."""

from dataclasses import dataclass, field

from tests.fakes.scheduling import FakeScheduling


@dataclass
class FakeAnnouncer:
    scheduling: FakeScheduling
    positions: dict[tuple[int, int], int] = field(default_factory=dict)  # (booking, sequence) -> position

    def announce(self, *, limit: int) -> int:
        waiting = [(booking, number) for booking, number, _ in self.scheduling.events]
        waiting = [event for event in waiting if event not in self.positions][:limit]
        for event in waiting:
            self.positions[event] = len(self.positions) + 1
        return len(waiting)
