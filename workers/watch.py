"""What the broker and the workers say of themselves, for the console. Never raises, and never holds a page for long."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from celery import Celery

from repositories.entities.board import BrokerSeen, WorkerSeen

log = structlog.get_logger()

FRESH_SECONDS = 5.0
ANSWER_SECONDS = 1.0  # workers that have not answered by then are not shown
FIRST_SECONDS = 3.0  # the first page waits so long for the first answer
NOT_KNOWN = BrokerSeen(queues=None, workers=None)


class Watch:
    """Asks in a thread of its own, one at a time; whoever looks meanwhile sees what was known last."""

    def __init__(self, ask: Callable[[], BrokerSeen], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known = NOT_KNOWN
        self._asked_at = float("-inf")
        self._asking: threading.Thread | None = None

    def __call__(self) -> BrokerSeen:
        with self._lock:
            if self._monotonic() - self._asked_at >= FRESH_SECONDS and self._asking is None:
                self._asking = threading.Thread(target=self._refresh, name="broker-watch", daemon=True)
                self._asking.start()
            asking, is_first = self._asking, self._asked_at == float("-inf")
        if asking is not None and is_first:
            asking.join(FIRST_SECONDS)
        return self._known

    def _refresh(self) -> None:
        try:
            self._known = self._ask()
        except Exception as error:  # each transport has its own
            log.warning("broker_unknown", error=type(error).__name__)
            self._known = NOT_KNOWN
        finally:
            with self._lock:
                self._asked_at = self._monotonic()
                self._asking = None


def ask_broker(app: Celery, queues: Sequence[str]) -> BrokerSeen:
    """Ask now. Raises whatever the transport does."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=0, timeout=1)
        with connection.channel() as channel:
            waiting = {queue: _messages(channel, queue) for queue in queues}
        stats = app.control.inspect(timeout=ANSWER_SECONDS, connection=connection).stats() or {}
        known = app.control.inspect(  # no longer than until all of them have answered
            destination=list(stats), limit=len(stats), timeout=ANSWER_SECONDS, connection=connection
        )
        active = known.active() if stats else {}
    return BrokerSeen(queues=waiting, workers=[_worker_of(name, stats, active or {}) for name in sorted(stats)])


def _messages(channel: Any, queue: str) -> int:
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except Exception as error:  # a queue that nobody has used yet
        log.debug("queue_not_made", queue=queue, error=type(error).__name__)
        return 0


def _worker_of(name: str, stats: Mapping[str, Any], active: Mapping[str, Any]) -> WorkerSeen:
    told = stats[name]
    return WorkerSeen(
        name=name,
        threads=int(told.get("pool", {}).get("max-concurrency", 0)),
        busy=len(active.get(name, ())),
        uptime=timedelta(seconds=int(told.get("uptime", 0))),
    )
