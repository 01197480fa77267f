"""The doorbells: a task takes an id, calls one method, and returns a short status."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.copy_facts import CopyFacts
from saga.reconcile import Disagreement, Finding, Report
from saga.sweep import Sweep

log = structlog.get_logger()

LISTED = 50  # disagreements in the log and in the result of one run; `flask reconcile` lists all


class Reconciles(Protocol):
    def __call__(self, *, window: timedelta, tell: Callable[[Finding], None]) -> Report: ...


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


def register_reconciliation(
    app: Celery,
    reconcile: Callable[[], Reconciles],
    *,
    window: timedelta,
    reconciled: Callable[[Report, Mapping[Disagreement, int]], None] = lambda _report, _left: None,
) -> None:
    """`reconciled` is told what a run found, and how much of it is left for an operator."""

    def run() -> str:
        listed: list[str] = []
        left: Counter[Disagreement] = Counter()

        def tell(finding: Finding) -> None:
            left[finding.kind] += not finding.is_mended
            if len(listed) < LISTED:  # a bad day must not flood the log; the counts are of all
                listed.append(str(finding))
                log.warning("disagreement", found=str(finding))

        try:
            report = reconcile()(window=window, tell=tell)
        except StoreUnavailable:
            log.warning("reconciliation_database_unavailable")
            return "database unavailable"
        log.info("reconciled", report=str(report))
        reconciled(report, left)
        return "; ".join([str(report), *listed])

    # acknowledged at once: a run may outlast the broker's visibility timeout, and a lost one is followed by the next
    app.task(name="reconcile", acks_late=False)(run)


def register_copying(app: Celery, copy: Callable[[], CopyFacts]) -> None:
    def run() -> str:
        try:
            return f"{copy()()} care providers had changed"
        except StoreUnavailable:
            log.warning("copying_database_unavailable")
            return "database unavailable"

    app.task(name="copy_facts")(run)
