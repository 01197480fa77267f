"""Rings for a worker. Best effort: what is lost here is found by the sweep."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

log = structlog.get_logger()


class CeleryNudge:
    """Publishes a saga's id under the saga's name. After a failure it stays silent for a while, and never raises."""

    def __init__(self, app: Celery, *, pause: timedelta, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._pause = pause.total_seconds()
        self._monotonic = monotonic
        self._silent_until = float("-inf")
        self._lock = threading.Lock()

    def __call__(self, saga_name: str, saga_id: str) -> bool:
        return self.ring(saga_name, saga_id)

    def ring(self, task: str, *ids: str | int) -> bool:
        """Whether the task was published."""
        if self._monotonic() < self._silent_until:
            return False
        try:
            self._app.send_task(task, args=ids, retry=False)
        except (OperationalError, OSError) as error:
            self._fall_silent(error)
            return False
        return True

    def _fall_silent(self, error: Exception) -> None:
        with self._lock:
            self._silent_until = self._monotonic() + self._pause
        log.warning("nudges_paused", seconds=self._pause, error=type(error).__name__)


class Bell:
    """Rings soon after it was asked to, from a thread of its own: once for many who ask within `pause`."""

    def __init__(self, ring: Callable[[], object], *, pause: timedelta) -> None:
        self._ring = ring
        self._pause = pause.total_seconds()
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        self._asked.set()
        if self._thread is None:  # in the process that rings, which may be the child of the one that made this bell
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._keep_ringing, name="bell", daemon=True)
                    self._thread.start()

    def _keep_ringing(self) -> None:
        while self._asked.wait():
            self._asked.clear()  # before it rings: whoever asks from now on is heard the next time
            self._ring()
            time.sleep(self._pause)


def nudges_waiting(app: Celery, queue: str) -> int:
    """How many messages this queue holds; 0 if the broker does not say."""
    try:
        with app.connection_or_acquire() as connection, connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except Exception as error:  # each transport has its own, for a broker that is away and for a queue not yet made
        log.debug("queue_length_unknown", queue=queue, error=type(error).__name__)
        return 0
