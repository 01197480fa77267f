"""The doorbells: a task takes an id, calls one method, and returns a short status."""

from collections.abc import Callable, Iterable
from typing import Protocol

import structlog
from celery import Celery

from repositories.ports import StoreUnavailable
from saga.sweep import Sweep

log = structlog.get_logger()


class Advances(Protocol):
    def advance(self, saga_id: str) -> str: ...


def register_sagas(app: Celery, names: Iterable[str], runner: Callable[[], Advances]) -> None:
    """One task per saga, named after it, so that Flower speaks the business's words."""
    for name in names:

        def advance(saga_id: str) -> str:
            with structlog.contextvars.bound_contextvars(saga_id=saga_id):
                return runner().advance(saga_id)

        app.task(name=name)(advance)


def register_sweep(app: Celery, sweep: Callable[[], Sweep]) -> None:
    def run() -> str:
        try:
            return f"nudged {sweep()()}"
        except StoreUnavailable:
            log.warning("sweep_journal_unavailable")
            return "journal unavailable"

    app.task(name="sweep")(run)
