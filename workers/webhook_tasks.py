"""The doorbells of events: announce what was written."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.announce import Announce

log = structlog.get_logger()

ANNOUNCE = "announce"


def register_announcing(app: Celery, announce: Callable[[], Announce]) -> None:
    def run() -> str:
        try:
            return f"announced {announce()()}"
        except StoreUnavailable:
            log.warning("announcing_database_unavailable")
            return "database unavailable"

    app.task(name=ANNOUNCE)(run)
