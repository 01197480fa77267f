"""The sweep: whatever is due and was not nudged, or whose nudge was lost, is nudged again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.ports import Journal

Nudge = Callable[[str, str], bool]  # (saga name, saga id) -> whether it was published; never raises

BATCH = 500
MARK = timedelta(seconds=60)  # how long a nudged saga is left alone: a backlog is not nudged twice


@dataclass(frozen=True, kw_only=True)
class Sweep:
    journal: Journal
    nudge: Nudge
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        """Nudge up to BATCH due sagas, oldest first; returns how many. Harmless when several run."""
        now = self.clock()
        due = self.journal.take_due(now=now, limit=BATCH, marked_until=now + MARK)
        return sum(self.nudge(saga.name, saga.id) for saga in due)
