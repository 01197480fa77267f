"""The Celery apps: one for the API, that publishes only, and one for workers and beat."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Protocol

import structlog
from celery import Celery, Task
from celery.concurrency import get_implementation
from celery.concurrency.thread import TaskPool as Threads
from celery.signals import worker_init, worker_process_init

import celeryconfig

log = structlog.get_logger()


class TaskFailed(Exception):
    """A bug; its type is in the message, and where it happened in our log."""


class TaskWatch(Protocol):
    def task_ran(self, task: str, *, seconds: float, failed: bool) -> None:
        """Raises nothing."""
        ...


class PrivateTask(Task):  # type: ignore[type-arg]
    """A task whose bugs are told without their text: Celery would write it to its log, to Redis and to Flower."""

    watch: ClassVar[Callable[[], TaskWatch] | None] = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        began, failed = time.perf_counter(), False
        try:
            return self.run(*args, **kwargs)
        except Exception as error:
            failed = True
            log.exception("task_failed", task=self.name, error=type(error).__name__)
            raise TaskFailed(type(error).__name__) from None
        finally:
            if (watch := type(self).watch) is not None:
                watch().task_ran(str(self.name), seconds=time.perf_counter() - began, failed=failed)


def create_publisher(redis_url: str, *, connections: int) -> Celery:
    """An app whose publishing gives up quickly: a lost nudge is found by the sweep."""
    app = _create(redis_url)
    app.conf.update(
        broker_transport_options=celeryconfig.PUBLISHER_TRANSPORT_OPTIONS,
        broker_pool_limit=connections,
        task_publish_retry=False,
    )
    return app


def create_worker_app(
    redis_url: str,
    *,
    threads: int,
    sweep_every: timedelta,
    reconcile_every: timedelta,
    copy_facts_every: timedelta,
    reminders_every: timedelta,
    seal_audit_every: timedelta,
    purge_every: timedelta,
    watch: Callable[[], TaskWatch] | None = None,
) -> Celery:
    """`watch` is asked for when the first task has run, in the process that ran it."""
    watched = type("WatchedTask", (PrivateTask,), {"watch": None if watch is None else staticmethod(watch)})
    app = _create(redis_url, task_cls=watched)
    app.conf.update(
        worker_concurrency=threads,
        worker_pool="threads",
        beat_schedule={
            "sweep": {
                "task": "sweep",
                "schedule": sweep_every,
                "options": {"expires": max(5.0, 3 * sweep_every.total_seconds())},  # none pile up while no worker runs
            },
            "sweep_webhooks": {
                "task": "sweep_webhooks",
                "schedule": sweep_every,
                "options": {"expires": max(5.0, 3 * sweep_every.total_seconds())},
            },
            "announce": {
                "task": "announce",
                "schedule": sweep_every,
                "options": {"expires": max(5.0, 3 * sweep_every.total_seconds())},
            },
            "sweep_meetings": {
                "task": "sweep_meetings",
                "schedule": sweep_every,
                "options": {"expires": max(5.0, 3 * sweep_every.total_seconds())},
            },
            "remind": {
                "task": "remind",
                "schedule": reminders_every,
                "options": {"expires": max(5.0, 3 * reminders_every.total_seconds())},
            },
            "sweep_pushes": {
                "task": "sweep_pushes",
                "schedule": sweep_every,
                "options": {"expires": max(5.0, 3 * sweep_every.total_seconds())},
            },
            "seal_audit": {
                "task": "seal_audit",
                "schedule": seal_audit_every,
                "options": {"expires": max(5.0, 3 * seal_audit_every.total_seconds())},
            },
            "reconcile": {
                "task": "reconcile",
                "schedule": reconcile_every,
                "options": {"expires": reconcile_every.total_seconds()},
            },
            "purge": {
                "task": "purge",
                "schedule": purge_every,
                "options": {"expires": purge_every.total_seconds()},
            },
            "copy_facts": {
                "task": "copy_facts",
                "schedule": copy_facts_every,
                "options": {"expires": copy_facts_every.total_seconds()},
            },
        },
    )
    return app


def before_first_task(prepare: Callable[[], object]) -> None:
    """Call `prepare` once in each process that runs tasks, before its first: the worker's own, or its children."""

    def in_the_worker(sender: Any, **_: Any) -> None:
        if get_implementation(sender.pool_cls) is Threads:  # a prefork parent must open nothing that its children share
            prepare()

    worker_init.connect(in_the_worker, weak=False)
    worker_process_init.connect(lambda **_: prepare(), weak=False)


def when_worker_starts(work: Callable[[], object]) -> None:
    """Call `work` once in the process that a worker is started as, whose children run its tasks, if it has any."""
    worker_init.connect(lambda **_: work(), weak=False)


def _create(redis_url: str, **parts: Any) -> Celery:
    app = Celery("tahoon", broker=redis_url, set_as_current=False, **parts)
    app.config_from_object(celeryconfig)
    return app
