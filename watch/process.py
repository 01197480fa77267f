"""All who watch one process, as the one who is told of everything. Without any, it hears and does nothing."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from integrations.webhooks.ports import WebhookSender
from repositories.database import Database
from repositories.entities.sagas import Attempt, SagaState
from saga.reconcile import Disagreement, Report
from watch.metrics import Metrics, TimedSender, watch_pools


class ProcessWatch:
    def __init__(self, metrics: Metrics | None) -> None:
        self._metrics = metrics
        self._pools: list[tuple[str, Database]] = []
        if metrics is not None:
            watch_pools(metrics, lambda: list(self._pools))

    def request_answered(
        self, *, method: str, route: str | None, status: int, reason: str | None, seconds: float
    ) -> None:
        if self._metrics is not None:
            self._metrics.request_answered(method=method, route=route, status=status, reason=reason, seconds=seconds)

    def nudged(self, is_published: bool) -> None:
        if self._metrics is not None:
            self._metrics.nudged(is_published)

    def at_work(self, state: SagaState) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()

    def tried(self, state: SagaState, attempt: Attempt, *, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.tried(state, attempt, seconds=seconds)

    def ended(self, state: SagaState, *, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.ended(state, seconds=seconds)

    def lease_lost(self) -> None:
        if self._metrics is not None:
            self._metrics.lease_lost()

    def outside_call(self, name: str) -> AbstractContextManager[object]:
        return nullcontext() if self._metrics is None else self._metrics.outside_call(name)

    def log_fields_dropped(self, number: int) -> None:
        if self._metrics is not None:
            self._metrics.log_fields_dropped(number)

    def task_ran(self, task: str, *, seconds: float, failed: bool) -> None:
        if self._metrics is not None:
            self._metrics.task_ran(task, seconds=seconds, failed=failed)

    def reconciled(self, report: Report, left: Mapping[Disagreement, int], *, at: datetime) -> None:
        if self._metrics is not None:
            self._metrics.reconciled(report, left, at=at)

    def sender(self, sender: WebhookSender) -> WebhookSender:
        return sender if self._metrics is None else TimedSender(sender, self._metrics)

    def database(self, name: str, database: Database) -> Database:
        """The same database, watched."""
        if self._metrics is not None:
            self._pools.append((name, database))
            database.repeated = repeats_of(self._metrics, name)
        return database


def repeats_of(metrics: Metrics, name: str) -> Callable[[], None]:
    return lambda: metrics.repeated(name)
