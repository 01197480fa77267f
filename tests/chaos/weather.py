"""What befalls everybody at once: the cases of a round gather at their points, and it strikes them there together."""

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

PATIENCE = 180  # seconds for a whole round to gather


@dataclass(frozen=True)
class Storm:
    make: Callable[[], AbstractContextManager[None]]
    seconds: float


@dataclass
class Weather:
    storm: Storm
    absent: set[Hashable]  # cases on their way to their points
    here: dict[Hashable, Callable[[], None]] = field(default_factory=dict)  # case -> what is done when it strikes
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_open: bool = True

    def strike(self, case: Hashable, at_once: Callable[[], None], *, meanwhile: Callable[[], None]) -> None:
        """Wait for the others, doing `meanwhile` now and then; returns when the storm is over."""
        with self.changed:
            self.absent.discard(case)
            self.here[case] = at_once
            self.changed.notify_all()
        while not self._is_over(case):
            meanwhile()

    def leave(self, case: Hashable) -> None:
        """It ended, having come to its point or not."""
        with self.changed:
            self.absent.discard(case)
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.is_open = False
            self.changed.notify_all()

    def rage(self) -> None:
        """Strike whenever everybody is there who is to come, until closed."""
        while self._gathered():
            with self.changed:
                struck = dict(self.here)
            with self.storm.make():
                for at_once in struck.values():
                    at_once()
                time.sleep(self.storm.seconds)
            with self.changed:
                for case in struck:
                    del self.here[case]
                self.changed.notify_all()

    def _gathered(self) -> bool:
        """Whether it shall strike now; whoever does not come in time is not waited for."""
        with self.changed:
            while not self.changed.wait_for(lambda: not self.is_open or (self.here and not self.absent), PATIENCE):
                self.absent.clear()
            return self.is_open

    def _is_over(self, case: Hashable) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: case not in self.here, timeout=1)
