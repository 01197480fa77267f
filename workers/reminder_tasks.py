"""The doorbell of reminders: tell what is due."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable

log = structlog.get_logger()


def register_reminders(app: Celery, remind: Callable[[], Callable[[], int]]) -> None:
    def run() -> str:
        try:
            return f"told {remind()()}"
        except StoreUnavailable:
            log.warning("reminders_unavailable")
            return "database unavailable"

    app.task(name="remind")(run)
