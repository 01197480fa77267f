"""The doorbell of the purge."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.purge import Purge, in_words

log = structlog.get_logger()


def register_purge(app: Celery, purge: Callable[[], Purge]) -> None:
    def run() -> str:
        try:
            forgotten = in_words(purge()())
        except StoreUnavailable:
            log.warning("purge_database_unavailable")
            return "database unavailable"
        log.info("purged", forgotten=forgotten)
        return f"forgot {forgotten}"

    # acknowledged at once: a lost run is followed by the next
    app.task(name="purge", acks_late=False)(run)
