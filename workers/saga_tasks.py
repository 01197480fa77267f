"""The doorbells: a task takes an id, calls one method, and returns a short status."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.copy_facts import CopyFacts
from saga.reconcile import Reconcile
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


def register_reconciliation(app: Celery, reconcile: Callable[[], Reconcile], *, window: timedelta) -> None:
    def run() -> str:
        try:
            report = reconcile()(window=window)
        except StoreUnavailable:
            log.warning("reconciliation_database_unavailable")
            return "database unavailable"
        return f"{report.looked_at} bookings looked at, {len(report.findings)} disagreements"

    app.task(name="reconcile")(run)


def register_copying(app: Celery, copy: Callable[[], CopyFacts]) -> None:
    def run() -> str:
        try:
            return f"{copy()()} care providers had changed"
        except StoreUnavailable:
            log.warning("copying_database_unavailable")
            return "database unavailable"

    app.task(name="copy_facts")(run)
