"""All who watch one process, as the one who is told of everything. Without any, it hears and does nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from integrations.webhooks.ports import Answer, Message, WebhookSender
from repositories.database import Database
from repositories.entities.sagas import Attempt, SagaState
from saga.reconcile import Disagreement, Report
from watch.metrics import Metrics, TimedSender, watch_pools

if TYPE_CHECKING:
    from watch.traces import Traces


class ProcessWatch:
    def __init__(self, metrics: Metrics | None) -> None:
        self._metrics = metrics
        self.traces: Traces | None = None  # set before the process begins its work
        self._pools: list[tuple[str, Database]] = []
        if metrics is not None:
            watch_pools(metrics, lambda: list(self._pools))

    def request_answered(
        self, *, method: str, route: str | None, status: int, reason: str | None, seconds: float
    ) -> None:
        if self._metrics is not None:
            self._metrics.request_answered(method=method, route=route, status=status, reason=reason, seconds=seconds)
        if self.traces is not None:
            self.traces.request_answered(method=method, route=route, status=status, seconds=seconds)

    def nudged(self, is_published: bool) -> None:
        if self._metrics is not None:
            self._metrics.nudged(is_published)

    def at_work(self, state: SagaState) -> AbstractContextManager[object]:
        return nullcontext() if self.traces is None else self.traces.at_work(state)

    def tried(self, state: SagaState, attempt: Attempt, *, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.tried(state, attempt, seconds=seconds)
        if self.traces is not None:
            self.traces.tried(attempt)

    def ended(self, state: SagaState, *, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.ended(state, seconds=seconds)

    def lease_lost(self) -> None:
        if self._metrics is not None:
            self._metrics.lease_lost()

    def outside_call(self, name: str, *, service: str) -> AbstractContextManager[object]:
        timed = nullcontext() if self._metrics is None else self._metrics.outside_call(name)
        return timed if self.traces is None else both(timed, self.traces.outside_call(name, service=service))

    def answered(self, status: int) -> None:
        if self.traces is not None:
            self.traces.answered(status)

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
        return TracedSender(sender if self._metrics is None else TimedSender(sender, self._metrics), self)

    def database(self, name: str, database: Database) -> Database:
        """The same database, watched."""
        if self._metrics is not None:
            self._pools.append((name, database))
            database.repeated = repeats_of(self._metrics, name)
        return database


class TracedSender:
    """A WebhookSender whose posts are spans, once there are traces."""

    def __init__(self, sender: WebhookSender, watch: ProcessWatch) -> None:
        self._sender = sender
        self._watch = watch

    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        traces = self._watch.traces
        if traces is None:
            return self._sender.post(url, message, secrets=secrets, now=now)
        with traces.outside_call("post webhook", service="webhook"):
            answer = self._sender.post(url, message, secrets=secrets, now=now)
            traces.webhook_answered(answer)
            return answer


@contextmanager
def both(one: AbstractContextManager[object], other: AbstractContextManager[object]) -> Iterator[None]:
    with one, other:
        yield


def repeats_of(metrics: Metrics, name: str) -> Callable[[], None]:
    return lambda: metrics.repeated(name)
