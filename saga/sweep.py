"""The sweep: whatever is due and was not nudged, or whose nudge was lost, is nudged again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.ports.sagas import Journal

Nudge = Callable[[str, str], bool]  # (saga name, saga id) -> whether it was published; never raises
Waiting = Callable[[], int]  # how many nudges the broker holds; never raises
LetGo = Callable[[], int]  # nudges those who waited for a service, and whose turn it is; how many

FULL = 250  # nudges in the queue: workers have enough to do, and more would only be read to no purpose
MARK = timedelta(seconds=20)  # how long a nudged saga is left alone


@dataclass(frozen=True, kw_only=True)
class Sweep:
    journal: Journal
    nudge: Nudge
    waiting: Waiting
    let_go: LetGo
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        """Fill the queue up to FULL with due sagas, oldest first; returns how many. Harmless when several run."""
        return self.let_go() + self._nudge_due(FULL - self.waiting())

    def _nudge_due(self, room: int) -> int:
        if room <= 0:
            return 0
        now = self.clock()
        due = self.journal.take_due(now=now, limit=room, marked_until=now + MARK)
        return sum(self.nudge(saga.name, saga.id) for saga in due)
