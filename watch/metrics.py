"""What is counted, and by which names. Labels are words of ours (routes, steps, outcomes), never ids or people's names.

Each process counts in files of its own (watch/directory.py); nothing here ever raises into what it watches.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from integrations.ports import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from integrations.webhooks.ports import Answer, Message, WebhookSender
from repositories.entities.sagas import Attempt, SagaState
from repositories.enums import Attempted, OutcomeWord
from saga.reconcile import Disagreement, Report
from watch.directory import alone_in, open_directory, put_dead_away

log = structlog.get_logger()

P = ParamSpec("P")

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OF_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 21)  # seconds; a caller may wait for 20
OF_STEPS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
OF_SAGAS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
POOLS_EVERY = 5.0  # seconds

ANSWERED, CRASHED = "answered", "crashed"
WORD_OF = {ProviderRefused: "refused", ProviderUnavailable: "unavailable", ProviderMisconfigured: "misconfigured"}


class Pool(Protocol):
    """The connections of a process to one database."""

    def in_use(self) -> int: ...

    def most(self) -> int: ...


def quietly(work: Callable[P, None]) -> Callable[P, None]:
    """Whatever goes wrong in counting is told once in a log line, and never to who is counted."""
    told: list[str] = []

    @wraps(work)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            work(*args, **kwargs)
        except Exception as error:
            if (name := type(error).__name__) not in told:
                told.append(name)
                log.error("metric_lost", metric=work.__name__, error=name)

    return counted


def open_metrics(directory: Path) -> "Metrics":
    """The metrics of this process and of those that it forks. Raises DirectoryUnusable."""
    open_directory(directory)
    with alone_in(directory):
        put_dead_away(directory)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    return Metrics()


class Metrics:
    """Told by everything that is watched. Safe for many threads."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()  # not the default one, which is Flower's too
        self._requests = Histogram(
            "tahoon_http_request_seconds",
            "Requests of partners, by route and status.",
            ["method", "route", "status"],
            buckets=OF_REQUESTS,
            registry=registry,
        )
        self._refused = Counter(
            "tahoon_http_refusals", "Requests answered with a reason.", ["reason"], registry=registry
        )
        self._steps = Histogram(
            "tahoon_saga_step_seconds",
            "Attempts of a saga's steps, by outcome; kind undo: of taking it back.",
            ["saga", "step", "kind", "outcome"],
            buckets=OF_STEPS,
            registry=registry,
        )
        self._retries = Counter(
            "tahoon_saga_retries", "Attempts of a step after its first.", ["saga", "step"], registry=registry
        )
        self._refusals = Counter(
            "tahoon_saga_refusals",
            "Steps that met a no: SlotTaken is a conflict of two bookings.",
            ["saga", "step", "error"],
            registry=registry,
        )
        self._sagas = Histogram(
            "tahoon_saga_seconds",
            "From accepting to the end of a saga, by how it ended.",
            ["saga", "status"],
            buckets=OF_SAGAS,
            registry=registry,
        )
        self._leases_lost = Counter(
            "tahoon_leases_lost", "Workers that were fenced off: paused longer than their lease.", registry=registry
        )
        self._repeats = Counter(
            "tahoon_database_repeats",
            "Transactions that the database asked to repeat.",
            ["database"],
            registry=registry,
        )
        self._nudges = Counter(
            "tahoon_nudges", "Nudges of workers, and whether the broker took them.", ["result"], registry=registry
        )
        self._tasks = Histogram(
            "tahoon_task_seconds", "Celery tasks, sweeps among them.", ["task"], buckets=OF_STEPS, registry=registry
        )
        self._bugs = Counter("tahoon_task_failures", "Celery tasks that ended in a bug.", ["task"], registry=registry)
        self._calls = Histogram(
            "tahoon_outside_call_seconds",
            "HTTP calls of VideoSDK and FCM.",
            ["call", "outcome"],
            buckets=OF_STEPS,
            registry=registry,
        )
        self._webhooks = Histogram(
            "tahoon_webhook_seconds",
            "Tries to deliver a webhook to a partner.",
            ["result"],
            buckets=OF_STEPS,
            registry=registry,
        )
        self._dropped = Counter("tahoon_log_fields_dropped", "Log fields that are not on the list.", registry=registry)
        self._disagreements = Gauge(
            "tahoon_disagreements",
            "What the last reconciliation found and did not mend.",
            ["kind"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._mended = Counter("tahoon_disagreements_mended", "What reconciliations mended.", registry=registry)
        self._reconciled_at = Gauge(
            "tahoon_reconciled_timestamp_seconds",
            "When the last reconciliation ended.",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._connections = Gauge(
            "tahoon_database_connections",
            f"Connections in use, looked at every {POOLS_EVERY:g} s.",
            ["database"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._most_connections = Gauge(
            "tahoon_database_connections_most",
            "Connections that may be in use at one time.",
            ["database"],
            multiprocess_mode="livesum",
            registry=registry,
        )

    # --- the API -----------------------------------------------------------------------------

    @quietly
    def request_answered(
        self, *, method: str, route: str | None, status: int, reason: str | None, seconds: float
    ) -> None:
        word = method if method in METHODS else "other"
        self._requests.labels(word, route or "none", str(status)).observe(seconds)
        if reason is not None:
            self._refused.labels(reason).inc()

    @quietly
    def nudged(self, is_published: bool) -> None:
        self._nudges.labels("published" if is_published else "lost").inc()

    # --- sagas -------------------------------------------------------------------------------

    @quietly
    def tried(self, state: SagaState, attempt: Attempt, *, seconds: float) -> None:
        self._steps.labels(state.name, attempt.step, attempt.kind.value, attempt.outcome.value).observe(seconds)
        if attempt.number > 1:
            self._retries.labels(state.name, attempt.step).inc()
        if attempt.outcome is OutcomeWord.REFUSED and attempt.kind is Attempted.ACTION:
            self._refusals.labels(state.name, attempt.step, attempt.error or "none").inc()

    @quietly
    def ended(self, state: SagaState, *, seconds: float) -> None:
        self._sagas.labels(state.name, state.status.value).observe(seconds)

    @quietly
    def lease_lost(self) -> None:
        self._leases_lost.inc()

    # --- workers -----------------------------------------------------------------------------

    @quietly
    def task_ran(self, task: str, *, seconds: float, failed: bool) -> None:
        self._tasks.labels(task).observe(seconds)
        if failed:
            self._bugs.labels(task).inc()

    @quietly
    def reconciled(self, report: Report, left: Mapping[Disagreement, int], *, at: datetime) -> None:
        for kind in Disagreement:
            self._disagreements.labels(kind.value).set(left.get(kind, 0))
        self._mended.inc(report.mended)
        self._reconciled_at.set(at.timestamp())

    # --- outside services --------------------------------------------------------------------

    def outside_call(self, name: str) -> "TimedCall":
        return TimedCall(self, name)

    @quietly
    def call_ended(self, name: str, outcome: str, *, seconds: float) -> None:
        self._calls.labels(name, outcome).observe(seconds)

    @quietly
    def webhook_posted(self, answer: Answer, *, seconds: float) -> None:
        self._webhooks.labels(word_of(answer)).observe(seconds)

    # --- this process ------------------------------------------------------------------------

    @quietly
    def repeated(self, database: str) -> None:
        self._repeats.labels(database).inc()

    @quietly
    def log_fields_dropped(self, number: int) -> None:
        self._dropped.inc(number)

    @quietly
    def look_at(self, pools: Mapping[str, Sequence[Pool]]) -> None:
        for database, ours in pools.items():
            self._connections.labels(database).set(sum(pool.in_use() for pool in ours))
            self._most_connections.labels(database).set(sum(pool.most() for pool in ours))


def word_of(answer: Answer) -> str:
    return "delivered" if answer.error is None else "failed"


class TimedCall:
    """Around one outside call."""

    __slots__ = ("_began", "_metrics", "_name")

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._metrics = metrics
        self._name = name

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = ANSWERED if kind is None else WORD_OF.get(kind, CRASHED)
        self._metrics.call_ended(self._name, outcome, seconds=time.perf_counter() - self._began)


class TimedSender:
    """A WebhookSender whose posts are counted."""

    def __init__(self, sender: WebhookSender, metrics: Metrics) -> None:
        self._sender = sender
        self._metrics = metrics

    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        began = time.perf_counter()
        answer = self._sender.post(url, message, secrets=secrets, now=now)
        self._metrics.webhook_posted(answer, seconds=time.perf_counter() - began)
        return answer


def watch_pools(metrics: Metrics, pools: Callable[[], Iterable[tuple[str, Pool]]]) -> None:
    """Look at the pools of this process every few seconds, from a thread of its own."""

    def look() -> None:
        while True:
            found: dict[str, list[Pool]] = {}
            for name, pool in pools():
                found.setdefault(name, []).append(pool)
            metrics.look_at(found)
            time.sleep(POOLS_EVERY)

    threading.Thread(target=look, name="pools", daemon=True).start()
