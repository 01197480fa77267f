"""The task of reconciliation: what it says in the log and as its result, ids only, and how it is acknowledged."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import structlog
from celery import Celery
from structlog.testing import capture_logs

from repositories.ports.errors import StoreUnavailable
from saga.reconcile import Disagreement, Finding, Report
from workers import saga_tasks
from workers.saga_tasks import LISTED, register_reconciliation

DAY = timedelta(days=1)
EVERY_LEVEL = structlog.make_filtering_bound_logger(0)  # whatever this process's own logging leaves out


class Reconciles:
    """Finds so many stuck sagas, or raises."""

    findings: int = 0
    error: Exception | None = None

    def __call__(self, *, window: timedelta, tell: Callable[[Finding], None]) -> Report:
        assert window == DAY
        if self.error is not None:
            raise self.error
        for number in range(self.findings):
            tell(Finding(kind=Disagreement.SAGA_STUCK, booking_id=number, saga_id="s"))
        return Report(looked_at=7, counts={Disagreement.SAGA_STUCK: self.findings}, mended=0, rooms_not_asked=0)


@cache
def task_and_reconciles() -> tuple[Any, Reconciles]:
    """One for this process: Celery knows a task of one name once."""
    app, reconciles = Celery("test", set_as_current=False), Reconciles()
    register_reconciliation(app, lambda: reconciles, window=DAY)
    return app.tasks["reconcile"], reconciles


def ran(findings: int, error: Exception | None = None) -> tuple[Any, str, list[Any]]:
    """The task, its result, and what it logged."""
    task, reconciles = task_and_reconciles()
    reconciles.findings, reconciles.error = findings, error
    with pytest.MonkeyPatch.context() as patch, capture_logs() as told:
        patch.setattr(saga_tasks, "log", structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=EVERY_LEVEL))
        return task, task(), told


def test_the_result_has_the_counts_and_the_list() -> None:
    _, result, told = ran(findings=2)
    assert result == (
        "7 bookings looked at, 2 disagreements, saga_stuck 2; saga_stuck booking=0 saga=s; saga_stuck booking=1 saga=s"
    )
    assert [line["event"] for line in told] == ["disagreement", "disagreement", "reconciled"]
    assert [line["log_level"] for line in told] == ["warning", "warning", "info"]


def test_a_bad_day_floods_no_log_and_every_one_is_counted() -> None:
    _, result, told = ran(findings=LISTED + 10)
    assert f"saga_stuck {LISTED + 10}" in result
    assert sum(line["event"] == "disagreement" for line in told) == LISTED


def test_a_database_that_is_away_is_said_and_the_next_run_tries_again() -> None:
    _, result, told = ran(findings=0, error=StoreUnavailable("away"))
    assert result == "database unavailable"
    assert [line["event"] for line in told] == ["reconciliation_database_unavailable"]


def test_a_long_run_is_not_delivered_again_while_it_lasts() -> None:
    task, _, _ = ran(findings=0)
    assert task.acks_late is False
