"""`Prefer: wait=N` (RFC 7240): an answer is held until there is something to say, or N seconds have passed."""

import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")

WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)
FIRST_PAUSE = 0.01  # seconds
LONGEST_PAUSE = 0.1


def preferred_wait(header: str | None, *, longest: timedelta) -> timedelta | None:
    """The wait that a Prefer header asks for, at most `longest`; None without one, or with one that makes no sense."""
    found = WAIT.search(header or "")
    return min(timedelta(seconds=int(found[1])), longest) if found else None


class WaitingRoom:
    """A bounded number of requests may wait at once: the others are answered now, so polling never starves booking."""

    def __init__(
        self,
        *,
        places: int,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._monotonic = monotonic
        self._sleep = sleep

    def wait(self, look: Callable[[], T], is_over: Callable[[T], bool], *, limit: timedelta) -> tuple[T, bool]:
        """What `look` last saw, and whether the preference was applied."""
        if not self._places.acquire(blocking=False):
            return look(), False
        try:
            return self._look_until(look, is_over, limit), True
        finally:
            self._places.release()

    def _look_until(self, look: Callable[[], T], is_over: Callable[[T], bool], limit: timedelta) -> T:
        deadline, pause = self._monotonic() + limit.total_seconds(), FIRST_PAUSE
        while not is_over(seen := look()):
            left = deadline - self._monotonic()
            if left <= 0:
                break
            self._sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE)
        return seen
