"""The worker's process, and beat's: which tasks there are, and who does their work."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from celery import Celery
from celery.signals import worker_shutting_down

import bootstrap
import celeryconfig
from bootstrap.databases import open_databases, open_scheduling
from bootstrap.notices import build_note_report, build_remind, build_send_push, build_sweep_pushes, build_sweep_reports
from bootstrap.once import built_once
from bootstrap.outside_services import build_line, outside_services, worker_places
from bootstrap.sagas import build_sagas
from bootstrap.settings import settings_or_exit
from bootstrap.upkeep import build_copying, build_purge, build_seal_audit, reconciliation
from bootstrap.watching import serve_worker_metrics, trace, watch_of
from bootstrap.webhooks import build_announce, build_deliveries, build_webhook_sweep
from config import Settings
from integrations.fcm.client import FcmPushSender
from repositories.scheduling_db.journal import SqlJournal
from saga.announce import TellingJournal
from saga.catalogue import NAMES, catalogue
from saga.runner import Runner
from saga.sweep import Nudge, Sweep
from workers.audit_tasks import register_audit
from workers.celery_app import before_first_task, create_worker_app, when_worker_starts
from workers.meeting_tasks import register_meetings
from workers.nudges import Bell, CeleryNudge, by_celery, nudges_waiting
from workers.purge_tasks import register_purge
from workers.push_tasks import register_pushes
from workers.reminder_tasks import register_reminders
from workers.saga_tasks import register_copying, register_reconciliation, register_sagas, register_sweep
from workers.webhook_tasks import ANNOUNCE, DELIVER, register_announcing, register_webhooks

RECONCILED = timedelta(days=1)  # at least so far each regular run looks back: a paused worker may wake up late


def build_worker_app() -> Celery:
    """The app of a worker and of beat. What a worker needs is built in the process that runs its tasks."""
    settings = settings_or_exit()
    bootstrap.start_logging(settings.log_level, dropped=lambda number: watch_of(settings).log_fields_dropped(number))
    app = create_worker_app(
        settings.redis_url,
        threads=settings.worker_threads,
        sweep_every=settings.sweep_every,
        reconcile_every=settings.reconcile_every,
        copy_facts_every=settings.copy_facts_every,
        reminders_every=settings.reminders_every,
        seal_audit_every=settings.seal_audit_every,
        purge_every=settings.purge_every,
        watch=lambda: watch_of(settings),
    )
    when_worker_starts(lambda: serve_worker_metrics(settings))
    stopping = threading.Event()
    worker_shutting_down.connect(lambda **_: stopping.set(), weak=False)

    def nudged(is_published: bool) -> None:
        watch_of(settings).nudged(is_published)

    nudge = CeleryNudge(by_celery(app), pause=celeryconfig.PUBLISHER_PAUSE, nudged=nudged)
    nudge_freed = CeleryNudge(
        by_celery(app, queue=celeryconfig.FREED), pause=celeryconfig.PUBLISHER_PAUSE, nudged=nudged
    )
    tell = Bell(lambda: nudge.ring(ANNOUNCE), pause=celeryconfig.BELL_PAUSE)
    runner = built_once(lambda: build_runner(settings, nudge=nudge_freed, tell=tell, is_stopping=stopping.is_set))
    before_first_task(lambda: trace(settings, service="tahoon-worker"))
    before_first_task(lambda: (runner(), FcmPushSender.prepare()))
    register_sagas(app, NAMES, runner)
    waiting = partial(nudges_waiting, app, celeryconfig.SAGAS)
    sweep = built_once(lambda: build_sweep(settings, nudge=nudge, nudge_freed=nudge_freed, waiting=waiting))
    register_sweep(app, sweep)
    window = max(RECONCILED, 2 * settings.reconcile_every)
    register_reconciliation(
        app,
        built_once(lambda: reconciliation(settings)),
        window=window,
        reconciled=lambda report, left: watch_of(settings).reconciled(report, left, at=bootstrap.utc_now()),
    )
    register_copying(app, built_once(lambda: build_copying(open_databases(settings, threads=1))))
    register_purge(app, built_once(lambda: build_purge(settings, open_databases(settings, threads=1))))
    ring = partial(nudge.ring, DELIVER)
    register_announcing(app, built_once(lambda: build_announce(settings, ring=ring)))
    register_webhooks(
        app,
        built_once(lambda: build_deliveries(settings, ring=ring, is_stopping=stopping.is_set)),
        built_once(lambda: build_webhook_sweep(settings, ring=ring)),
    )
    register_audit(app, built_once(lambda: build_seal_audit(settings)))
    register_meetings(
        app,
        built_once(lambda: build_note_report(settings, nudge=nudge)),
        built_once(lambda: build_sweep_reports(settings, nudge=nudge)),
    )
    register_pushes(
        app,
        built_once(lambda: build_send_push(settings)),
        built_once(lambda: build_sweep_pushes(settings, nudge=nudge)),
    )
    register_reminders(app, built_once(lambda: build_remind(settings)))
    return app


def build_runner(
    settings: Settings, *, nudge: Nudge, tell: Callable[[], object], is_stopping: Callable[[], bool]
) -> Runner:
    """`nudge` rings for those whose turn has come in a service's line."""
    databases = open_databases(settings, threads=settings.worker_threads)
    outside = outside_services(settings, databases.scheduling, places=worker_places(settings))
    return Runner(
        sagas=catalogue(*build_sagas(settings, databases, outside.guard)),
        journal=TellingJournal(journal=SqlJournal(databases.scheduling), tell=tell),
        line=build_line(databases.scheduling, outside, nudge),
        clock=bootstrap.utc_now,
        jitter=bootstrap.random,
        new_token=bootstrap.new_token,
        lease=settings.lease,
        pace=settings.retry_pace,
        is_stopping=is_stopping,
        watch=watch_of(settings),
    )


def build_sweep(settings: Settings, *, nudge: Nudge, nudge_freed: Nudge, waiting: Callable[[], int]) -> Sweep:
    scheduling = open_scheduling(settings, threads=1)
    line = build_line(scheduling, outside_services(settings, scheduling, places=worker_places(settings)), nudge_freed)
    return Sweep(
        journal=SqlJournal(scheduling), nudge=nudge, waiting=waiting, let_go=line.let_all_go, clock=bootstrap.utc_now
    )
