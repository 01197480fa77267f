"""Puts everything together: the only file that knows every class."""

import secrets
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import random
from typing import TypeVar

from celery import Celery
from celery.signals import worker_shutting_down
from flask import Flask
from structlog import get_logger

import celeryconfig
from api.app import create_app
from api.contract import Limit
from api.grants import Grants
from api.limiter import Limiter
from api.ops.services import OpsServices
from api.ops.sessions import Sessions
from api.pagination import Cursors
from api.participants import party_of
from api.routes import meeting_reports
from api.security.id_cipher import IdCipher, IdKind
from api.security.jwt_tokens import TokenIssuer
from api.security.key_ring import KeyRing
from api.security.opaque import new_refresh_token
from api.security.sealing import Sealer
from api.services import ApiServices, ExposedMetrics, Operations
from api.waiting import WaitingRoom
from config import Settings, SettingsWrong, read_settings
from integrations.fcm.client import FcmPushSender
from integrations.places import LocalPlaces, Places, shared_places
from integrations.ports import NotificationType
from integrations.quotas import open_quotas
from integrations.videosdk.calls import VideoSdkCalls
from integrations.videosdk.client import VideoSdkRooms
from integrations.videosdk.meetings import VideoSdkMeetings
from integrations.videosdk.settings import VideoSdkSettings, settings_from_group
from integrations.videosdk.webhooks import PinnedKey, VideoSdkKey, VideoSdkReports
from integrations.webhooks.addresses import Rules, problem_with
from integrations.webhooks.client import Patience, WebhookClient
from logs import start_logging
from repositories.audit_chain import Chain
from repositories.audit_outbox import SqlAuditOutbox
from repositories.database import Database, open_database, require_driver
from repositories.enums import Kept, Service, SettingGroup
from repositories.idempotency import KEY_AGE, KeyedChanges
from repositories.ports.errors import DriverMissing
from repositories.psyter_db.access_keys import SqlAccessKeys
from repositories.psyter_db.app_settings import SqlAppSettings
from repositories.psyter_db.assessments import SqlAssessments
from repositories.psyter_db.audit_log import SqlAuditLog
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.erasing import SqlPersonalData
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.psyter_db.favorites import SqlFavorites
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.managed_providers import SqlManagedProviders
from repositories.psyter_db.operators import SqlOperatorAccounts
from repositories.psyter_db.order_changes import SqlOrderChanges
from repositories.psyter_db.orders import SqlOrders
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.profiles import SqlProfiles
from repositories.psyter_db.provider_facts import SqlKnownFacts
from repositories.psyter_db.purging import psyter_forgets
from repositories.psyter_db.rate_limits import SqlRateLimits
from repositories.psyter_db.reminder_preferences import SqlReminderPreferences
from repositories.psyter_db.token_families import SqlTokenFamilies
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.availability import SqlAvailability
from repositories.scheduling_db.board import SqlBoards
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.erasing import SqlBookingTraces
from repositories.scheduling_db.event_feed import SqlEventFeed
from repositories.scheduling_db.facts import SqlSchedulingFacts
from repositories.scheduling_db.groups import SqlGroups
from repositories.scheduling_db.history import SqlBookingHistory
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.moves import SqlMoves
from repositories.scheduling_db.offers import SqlOffers
from repositories.scheduling_db.provider_facts import SqlCopiedFacts
from repositories.scheduling_db.purging import scheduling_forgets
from repositories.scheduling_db.pushes import SqlPushes
from repositories.scheduling_db.reminders import SqlReminders
from repositories.scheduling_db.saga_records import SqlSagaRecords
from repositories.scheduling_db.search import SqlSearch
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.slots import SqlSlots
from repositories.scheduling_db.vital_signs import SqlDeedsWaiting, SqlVitalSigns
from repositories.scheduling_db.webhook_endpoints import SqlWebhookEndpoints
from repositories.scheduling_db.webhook_queue import SqlWebhookQueue
from saga.accept_booking import AcceptBooking
from saga.accept_cancellation import AcceptCancellation
from saga.accept_group import AcceptGroup
from saga.accept_reschedule import AcceptReschedule
from saga.announce import Announce, TellingJournal
from saga.audit import SealAudit, VerifyAudit
from saga.book_session import BookSession
from saga.booked_meetings import BookedMeetings
from saga.breaker import BreakerSettings
from saga.cancel_booking import CancelBooking
from saga.catalogue import NAMES, catalogue
from saga.copy_facts import CopyFacts
from saga.definition import Saga
from saga.deliver_webhooks import DeliverWebhooks, Ring, SweepWebhooks
from saga.find_care_providers import FindCareProviders, ShowSchedule
from saga.guarded import GuardedMeetings, GuardedPush, GuardedRooms
from saga.line import Line
from saga.lookout import Lookout
from saga.manage_availability import ManageAvailability
from saga.meeting_reports import NoteReport, ReceiveReport, SweepReports
from saga.notify import Notify, PushOperator
from saga.operators import Operator
from saga.protection import Guard, Protection
from saga.purge import Purge
from saga.reconcile import Reconcile
from saga.reminders import Remind
from saga.reschedule_booking import RescheduleBooking
from saga.runner import Runner
from saga.send_pushes import SendPush, SweepPushes
from saga.service_operator import ServiceOperator
from saga.submit_assessment import SubmitAssessment
from saga.sweep import Nudge, Sweep
from saga.user_data import UserData
from saga.withdraw_group import WithdrawGroup
from watch.directory import DirectoryUnusable, default_directory
from watch.metrics import Metrics, open_metrics
from watch.process import ProcessWatch
from watch.scrape import Counted, Scrape, Standing
from watch.server import serve_metrics
from workers.audit_tasks import register_audit
from workers.celery_app import before_first_task, create_publisher, create_worker_app, when_worker_starts
from workers.meeting_tasks import register_meetings
from workers.nudges import Bell, CeleryNudge, by_celery, by_template, nudges_waiting, queue_lengths
from workers.purge_tasks import register_purge
from workers.push_tasks import register_pushes
from workers.reminder_tasks import register_reminders
from workers.saga_tasks import register_copying, register_reconciliation, register_sagas, register_sweep
from workers.watch import Watch, ask_broker
from workers.webhook_tasks import ANNOUNCE, DELIVER, register_announcing, register_webhooks

log = get_logger()

T = TypeVar("T")

MAX_WAIT = timedelta(seconds=20)
RECONCILED = timedelta(days=1)  # at least so far each regular run looks back: a paused worker may wake up late


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_saga_id() -> str:
    return uuid.uuid4().hex


def new_token() -> str:
    return secrets.token_hex(16)


def settings_or_exit() -> Settings:
    """The settings, or the lines that say what is missing on this machine, and exit code 1."""
    try:
        settings = read_settings()
        for url in (settings.psyter_db_url, settings.scheduling_db_url):
            require_driver(url)
    except (SettingsWrong, DriverMissing) as wrong:
        sys.exit(str(wrong))
    return settings


@dataclass(frozen=True, kw_only=True)
class Databases:
    psyter: Database
    scheduling: Database


def open_databases(settings: Settings, *, threads: int) -> Databases:
    timeout = settings.database_timeout
    return Databases(
        psyter=watch_of(settings).database(
            "psyter", open_database(settings.psyter_db_url, pool_size=threads, timeout=timeout)
        ),
        scheduling=open_scheduling(settings, threads=threads),
    )


def open_scheduling(settings: Settings, *, threads: int) -> Database:
    database = open_database(settings.scheduling_db_url, pool_size=threads, timeout=settings.database_timeout)
    return watch_of(settings).database("scheduling", database)


# --- Who watches -------------------------------------------------------------------------


@cache
def watch_of(settings: Settings) -> ProcessWatch:
    """The watch of this process, the same whoever asks. Metrics that cannot be kept stop nothing else."""
    return ProcessWatch(metrics_of(settings))


def metrics_of(settings: Settings) -> Metrics | None:
    if settings.metrics_token is None:
        return None
    try:
        return open_metrics(metrics_directory(settings))
    except DirectoryUnusable as error:
        log.error("metrics_unusable", error=type(error).__name__, directory=str(metrics_directory(settings)))
        return None


def metrics_directory(settings: Settings) -> Path:
    return settings.metrics_dir or default_directory(settings.scheduling_db_url)


def trace(settings: Settings, *, service: str) -> None:
    """Begin to trace what this process does, if a collector is named; without one, nothing of it is imported."""
    if settings.otlp_endpoint is not None:
        from watch.traces import open_traces

        watch_of(settings).traces = open_traces(settings.otlp_endpoint, service=service)


def exposed_metrics(settings: Settings, databases: Databases, publisher: Celery) -> ExposedMetrics | None:
    if settings.metrics_token is None:
        return None
    standing = Standing(
        vital_signs=SqlVitalSigns(databases.scheduling),
        deeds=SqlDeedsWaiting(databases.psyter),
        places_free=worker_places(settings).free,
        queues=partial(queue_lengths, publisher, celeryconfig.QUEUES),
        clock=utc_now,
    )
    return ExposedMetrics(scrape=Scrape(Counted(metrics_directory(settings)), standing), token=settings.metrics_token)


def serve_worker_metrics(settings: Settings) -> None:
    if settings.metrics_port is not None and settings.metrics_token is not None:
        scrape = Scrape(Counted(metrics_directory(settings)))
        serve_metrics(scrape, port=settings.metrics_port, token=settings.metrics_token)


# --- The API -----------------------------------------------------------------------------


def build_api(settings: Settings | None = None) -> Flask:
    settings = settings or settings_or_exit()
    start_logging(settings.log_level, dropped=lambda number: watch_of(settings).log_fields_dropped(number))
    trace(settings, service="tahoon-api")
    return create_app(api_services(settings), trusted_proxies=settings.trusted_proxies)


def api_services(settings: Settings) -> ApiServices:
    databases = open_databases(settings, threads=settings.api_threads)
    publisher = create_publisher(settings.redis_url, connections=settings.api_threads)
    bookings, organizations = SqlBookings(databases.scheduling), SqlOrganizations(databases.psyter)
    users, profiles, availability = (
        SqlUsers(databases.psyter),
        SqlProfiles(databases.psyter),
        SqlAvailability(databases.scheduling),
    )
    assessments, changes = SqlAssessments(databases.psyter), KeyedChanges(databases.psyter, PSYTER_KEYS)
    publish = by_template(publisher, settings.redis_url, patience=celeryconfig.PUBLISHER_PATIENCE)
    nudge = CeleryNudge(publish, pause=celeryconfig.PUBLISHER_PAUSE, nudged=watch_of(settings).nudged)
    guard = outside_services(settings, databases.scheduling).guard
    return ApiServices(
        accept_booking=AcceptBooking(
            slots=SqlSlots(databases.scheduling),
            bookings=bookings,
            users=users,
            nudge=nudge,
            clock=utc_now,
            new_saga_id=new_saga_id,
            max_age=settings.saga_max_age,
        ),
        accept_cancellation=AcceptCancellation(
            bookings=bookings,
            organizations=organizations,
            nudge=nudge,
            clock=utc_now,
            new_saga_id=new_saga_id,
        ),
        accept_reschedule=AcceptReschedule(
            bookings=bookings,
            moves=SqlMoves(databases.scheduling),
            slots=SqlSlots(databases.scheduling),
            organizations=organizations,
            nudge=nudge,
            clock=utc_now,
            new_saga_id=new_saga_id,
            max_age=settings.saga_max_age,
        ),
        accept_group=AcceptGroup(
            slots=SqlSlots(databases.scheduling),
            groups=SqlGroups(databases.scheduling),
            users=SqlUsers(databases.psyter),
            nudge=nudge,
            clock=utc_now,
            new_saga_id=new_saga_id,
            max_age=settings.saga_max_age,
        ),
        booked_meetings=BookedMeetings(bookings=bookings, meetings=build_meetings(settings, databases, guard)),
        bookings=bookings,
        booking_history=SqlBookingHistory(databases.scheduling),
        event_feed=SqlEventFeed(databases.scheduling),
        users=users,
        assessments=assessments,
        submit_assessment=SubmitAssessment(assessments=assessments, users=users, changes=changes, clock=utc_now),
        favorites=SqlFavorites(databases.psyter),
        user_data=build_user_data(databases),
        reminder_preferences=reminder_preferences(settings, databases),
        organizations=organizations,
        profiles=profiles,
        availability=availability,
        receive_report=ReceiveReport(
            reports=build_reports(settings, databases),
            inbox=SqlMeetingReports(databases.scheduling),
            party_of=party_of(IdCipher(settings.id_key)),
            nudge=nudge,
            clock=utc_now,
        ),
        meeting_facts=SqlMeetingReports(databases.scheduling),
        find_care_providers=FindCareProviders(
            search=SqlSearch(databases.scheduling),
            availability=availability,
            profiles=profiles,
            users=users,
            clock=utc_now,
        ),
        show_schedule=ShowSchedule(availability=availability, profiles=profiles, users=users, clock=utc_now),
        manage_availability=ManageAvailability(
            managed=SqlManagedProviders(databases.psyter), offers=SqlOffers(databases.scheduling), clock=utc_now
        ),
        webhooks=SqlWebhookEndpoints(databases.scheduling),
        problem_with_webhook_url=partial(problem_with, rules=webhook_rules(settings)),
        webhook_overlap=settings.webhook_overlap,
        changes=changes,
        id_cipher=IdCipher(settings.id_key),
        cursors=Cursors(settings.id_key),
        sealer=Sealer(settings.seal_key, *settings.seal_keys_accepted),
        grants=build_grants(settings, databases),
        clock=utc_now,
        limiter=build_limiter(settings, databases),
        audit_outbox=SqlAuditOutbox(databases.psyter),
        audit_log=build_audit_log(settings, databases),
        verify_audit=VerifyAudit(log=build_audit_log(settings, databases), chain=Chain(settings.audit_key)),
        max_wait=MAX_WAIT,
        waiting_room=WaitingRoom(places=max(1, settings.api_threads // 2)),
        readiness=readiness(databases, publisher),
        ops=build_ops(settings, databases, publisher),
        watch=watch_of(settings),
        metrics=exposed_metrics(settings, databases, publisher),
        operations=built_once(lambda: build_operations(settings, databases, nudge=nudge, guard=guard)),
    )


def build_grants(settings: Settings, databases: Databases) -> Grants:
    return Grants(
        access_keys=SqlAccessKeys(databases.psyter),
        families=SqlTokenFamilies(databases.psyter),
        issuer=TokenIssuer(
            keys=KeyRing(settings.jwt_key, settings.jwt_keys_accepted),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            lifetime=settings.token_lifetime,
        ),
        refresh_lifetime=settings.refresh_lifetime,
        refresh_grace=settings.refresh_grace,
        clock=utc_now,
        new_token_id=lambda: uuid.uuid4().hex,
        new_refresh_token=new_refresh_token,
    )


def build_audit_log(settings: Settings, databases: Databases) -> SqlAuditLog:
    return SqlAuditLog(databases.psyter, Chain(settings.audit_key))


def build_limiter(settings: Settings, databases: Databases) -> Limiter:
    return Limiter(
        quotas=open_quotas(settings.redis_url),
        per_minute={
            Limit.TOKEN: settings.rate_limit_token,
            Limit.BOOKING: settings.rate_limit_booking,
            Limit.SEARCH: settings.rate_limit_search,
            Limit.POLLING: settings.rate_limit_polling,
            Limit.REPORT: settings.rate_limit_report,
            Limit.OTHER: settings.rate_limit,
            Limit.SIGN_IN: settings.rate_limit_sign_in,
        },
        rate_limits=SqlRateLimits(databases.psyter),
    )


def build_operations(settings: Settings, databases: Databases, *, nudge: Nudge, guard: Guard) -> Operations:
    sagas = catalogue(*build_sagas(settings, databases, guard))
    records = SqlSagaRecords(databases.scheduling)
    return Operations(
        records=records,
        operator=Operator(records=records, sagas=sagas, nudge=nudge, clock=utc_now, max_age=settings.saga_max_age),
        reconcile=build_reconcile(settings, databases, guard),
        access_keys=SqlAccessKeys(databases.psyter),
        seals=SqlOrganizations(databases.psyter),
        calendars=SqlCalendars(databases.scheduling),
        managed_providers=SqlManagedProviders(databases.psyter),
        copy_facts=build_copying(databases),
        outside=ServiceOperator(services=SqlServices(databases.scheduling), clock=utc_now),
        reports=SqlMeetingReports(databases.scheduling),
        pushes=build_push_operator(databases, nudge),
        reminders=SqlReminders(databases.scheduling, kind=int(NotificationType.REMINDER_NOTIFICATION)),
        providers=SqlCareProviders(databases.psyter),
        purge=build_purge(settings, databases),
    )


def build_ops(settings: Settings, databases: Databases, publisher: Celery) -> OpsServices:
    accounts = SqlOperatorAccounts(databases.psyter)
    places = built_once(lambda: worker_places(settings))
    return OpsServices(
        accounts=accounts,
        sessions=Sessions(
            accounts=accounts,
            key=settings.ops_key,
            idle=settings.ops_idle,
            lifetime=settings.ops_lifetime,
            is_secure=not settings.sandbox,
            clock=utc_now,
        ),
        boards=SqlBoards(databases.scheduling),
        broker=Watch(lambda: ask_broker(publisher, (celeryconfig.SAGAS, celeryconfig.SWEEPS))),
        places=lambda: {
            Service(service): (most - places().free(service), most) for service, most in bounds(settings).items()
        },
    )


def build_user_data(databases: Databases) -> UserData:
    return UserData(
        people=SqlPersonalData(databases.psyter), bookings=SqlBookingTraces(databases.scheduling), clock=utc_now
    )


def build_purge(settings: Settings, databases: Databases) -> Purge:
    of_keys = KEY_AGE + timedelta(hours=1)
    return Purge(
        databases=(scheduling_forgets(databases.scheduling), psyter_forgets(databases.psyter)),
        ages={
            Kept.SAGAS: settings.keep_sagas,
            Kept.PUSHES: settings.keep_sagas,
            Kept.EVENTS: settings.keep_events,
            Kept.DELIVERIES: settings.keep_events,
            Kept.REPORTS: settings.keep_reports,
            Kept.REFRESH_TOKENS: settings.keep_tokens,
            Kept.TOKEN_FAMILIES: settings.keep_tokens,
            Kept.SCHEDULING_KEYS: of_keys,
            Kept.PSYTER_KEYS: of_keys,
        },
        clock=utc_now,
    )


def build_copying(databases: Databases) -> CopyFacts:
    return CopyFacts(known=SqlKnownFacts(databases.psyter), copied=SqlCopiedFacts(databases.scheduling))


def build_reconcile(settings: Settings, databases: Databases, guard: Guard) -> Reconcile:
    return Reconcile(
        scheduling=SqlSchedulingFacts(databases.scheduling),
        psyter=SqlPsyterFacts(databases.psyter),
        rooms=build_rooms(settings, databases, guard),
        clock=utc_now,
    )


def readiness(databases: Databases, publisher: Celery) -> Callable[[], Mapping[str, bool]]:
    def of_each() -> Mapping[str, bool]:
        return {
            "psyterDatabase": databases.psyter.is_reachable(),
            "schedulingDatabase": databases.scheduling.is_reachable(),
            "redis": is_broker_reachable(publisher),
        }

    return of_each


def is_broker_reachable(app: Celery) -> bool:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=0, timeout=1)
    except Exception:
        return False
    return True


# --- The worker --------------------------------------------------------------------------


def build_worker_app() -> Celery:
    """The app of a worker and of beat. What a worker needs is built in the process that runs its tasks."""
    settings = settings_or_exit()
    start_logging(settings.log_level, dropped=lambda number: watch_of(settings).log_fields_dropped(number))
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
        reconciled=lambda report, left: watch_of(settings).reconciled(report, left, at=utc_now()),
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


def built_once(build: Callable[[], T]) -> Callable[[], T]:
    """`build`, called at most once per process, however many threads ask at the same time."""
    lock = threading.Lock()
    built: list[T] = []

    def the_one() -> T:
        if not built:
            with lock:
                if not built:
                    built.append(build())
        return built[0]

    return the_one


def build_seal_audit(settings: Settings) -> SealAudit:
    databases = open_databases(settings, threads=1)
    return SealAudit(
        outboxes=(SqlAuditOutbox(databases.scheduling), SqlAuditOutbox(databases.psyter)),
        log=build_audit_log(settings, databases),
        clock=utc_now,
    )


def build_note_report(settings: Settings, *, nudge: Nudge) -> NoteReport:
    scheduling = open_database(
        settings.scheduling_db_url, pool_size=settings.worker_threads, timeout=settings.database_timeout
    )
    notify = Notify(pushes=SqlPushes(scheduling), nudge=nudge, clock=utc_now)
    return NoteReport(
        inbox=SqlMeetingReports(scheduling),
        tell_provider=lambda booking_id, *, key: notify(booking_id, NotificationType.OTHER_PARTY_JOINED, key=key),
        clock=utc_now,
        new_token=new_token,
        lease=settings.lease,
    )


def build_sweep_reports(settings: Settings, *, nudge: Nudge) -> SweepReports:
    scheduling = open_scheduling(settings, threads=1)
    return SweepReports(inbox=SqlMeetingReports(scheduling), nudge=nudge, clock=utc_now)


def reconciliation(settings: Settings) -> Reconcile:
    databases = open_databases(settings, threads=1)
    return build_reconcile(settings, databases, outside_services(settings, databases.scheduling).guard)


def build_sweep(settings: Settings, *, nudge: Nudge, nudge_freed: Nudge, waiting: Callable[[], int]) -> Sweep:
    scheduling = open_scheduling(settings, threads=1)
    line = build_line(scheduling, outside_services(settings, scheduling, places=worker_places(settings)), nudge_freed)
    return Sweep(journal=SqlJournal(scheduling), nudge=nudge, waiting=waiting, let_go=line.let_all_go, clock=utc_now)


def build_announce(settings: Settings, *, ring: Ring) -> Announce:
    scheduling = open_databases(settings, threads=1).scheduling
    return Announce(announcer=SqlAnnouncer(scheduling), queue=SqlWebhookQueue(scheduling), ring=ring, clock=utc_now)


def build_webhook_sweep(settings: Settings, *, ring: Ring) -> SweepWebhooks:
    return SweepWebhooks(
        queue=SqlWebhookQueue(open_databases(settings, threads=1).scheduling), ring=ring, clock=utc_now
    )


def build_deliveries(settings: Settings, *, ring: Ring, is_stopping: Callable[[], bool]) -> DeliverWebhooks:
    scheduling = open_databases(settings, threads=settings.webhook_threads).scheduling
    return DeliverWebhooks(
        queue=SqlWebhookQueue(scheduling),
        sender=watch_of(settings).sender(build_webhook_client(settings)),
        unseal=Sealer(settings.seal_key, *settings.seal_keys_accepted).unseal,
        ids=PublicIds(IdCipher(settings.id_key)),
        ring=ring,
        clock=utc_now,
        jitter=random,
        new_token=new_token,
        lease=settings.webhook_lease,
        slots=settings.webhook_slots,
        threads=threading.BoundedSemaphore(settings.webhook_threads),
        disable_after=settings.webhook_disable_after,
        pace=settings.retry_pace,
        is_stopping=is_stopping,
    )


def build_webhook_client(settings: Settings) -> WebhookClient:
    return WebhookClient(
        rules=webhook_rules(settings),
        patience=Patience(
            connect=settings.webhook_timeout / 3,
            read=settings.webhook_timeout * 2 / 3,
            whole=settings.webhook_timeout,
        ),
        connections=settings.webhook_slots,
        certificates=settings.webhook_certificates,
    )


def webhook_rules(settings: Settings) -> Rules:
    return Rules(ports=frozenset(settings.webhook_ports), insecure=settings.webhook_insecure)


@dataclass(frozen=True)
class PublicIds:
    """Ids as webhooks carry them."""

    cipher: IdCipher

    def of_booking(self, booking_id: int) -> str:
        return self.cipher.encrypt(IdKind.BOOKING, booking_id)

    def of_event(self, event_id: int) -> str:
        return self.cipher.encrypt(IdKind.EVENT, event_id)

    def of_delivery(self, delivery_id: int) -> str:
        return self.cipher.encrypt(IdKind.WEBHOOK_DELIVERY, delivery_id)


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
        clock=utc_now,
        jitter=random,
        new_token=new_token,
        lease=settings.lease,
        pace=settings.retry_pace,
        is_stopping=is_stopping,
        watch=watch_of(settings),
    )


def build_sagas(settings: Settings, databases: Databases, guard: Guard) -> tuple[Saga, ...]:
    orders = SqlOrders(databases.psyter)
    rooms = build_rooms(settings, databases, guard)
    providers = SqlCareProviders(databases.psyter)
    push = build_push(settings, guard)
    return (
        BookSession(
            slots=SqlSlots(databases.scheduling),
            orders=orders,
            rooms=rooms,
            providers=providers,
            users=SqlUsers(databases.psyter),
            push=push,
            clock=utc_now,
        ),
        CancelBooking(orders=orders, rooms=rooms, providers=providers, push=push, clock=utc_now),
        WithdrawGroup(
            groups=SqlGroups(databases.scheduling), bookings=SqlBookings(databases.scheduling), clock=utc_now
        ),
        RescheduleBooking(
            slots=SqlSlots(databases.scheduling),
            orders=SqlOrderChanges(databases.psyter),
            providers=providers,
            push=push,
            clock=utc_now,
        ),
    )


def build_push(settings: Settings, guard: Guard) -> GuardedPush:
    cipher = IdCipher(settings.id_key)
    sender = FcmPushSender(
        endpoint=settings.fcm_endpoint,
        service_account_file=settings.fcm_service_account_file,
        timeout=settings.fcm_timeout,
        public_booking_id=lambda booking_id: cipher.encrypt(IdKind.BOOKING, booking_id),
        clock=utc_now,
        connections=settings.worker_threads,
        watch=watch_of(settings),
    )
    return GuardedPush(sender, guard)


def build_send_push(settings: Settings) -> SendPush:
    databases = open_databases(settings, threads=settings.worker_threads)
    outside = outside_services(settings, databases.scheduling, places=worker_places(settings))
    return SendPush(
        pushes=SqlPushes(databases.scheduling),
        providers=SqlCareProviders(databases.psyter),
        users=SqlUsers(databases.psyter),
        push=build_push(settings, outside.guard),
        clock=utc_now,
        jitter=random,
        new_token=new_token,
        lease=settings.lease,
        pace=settings.retry_pace,
    )


def build_sweep_pushes(settings: Settings, *, nudge: Nudge) -> SweepPushes:
    scheduling = open_database(settings.scheduling_db_url, pool_size=1, timeout=settings.database_timeout)
    return SweepPushes(pushes=SqlPushes(scheduling), nudge=nudge, clock=utc_now)


def build_remind(settings: Settings) -> Remind:
    databases = open_databases(settings, threads=1)
    return Remind(
        preferences=reminder_preferences(settings, databases),
        reminders=SqlReminders(databases.scheduling, kind=int(NotificationType.REMINDER_NOTIFICATION)),
        clock=utc_now,
        latest=settings.reminder_latest,
    )


def reminder_preferences(settings: Settings, databases: Databases) -> SqlReminderPreferences:
    return SqlReminderPreferences(databases.psyter, default=settings.reminders)


def build_push_operator(databases: Databases, nudge: Nudge) -> PushOperator:
    return PushOperator(
        pushes=SqlPushes(databases.scheduling),
        providers=SqlCareProviders(databases.psyter),
        nudge=nudge,
        clock=utc_now,
        new_key=new_token,
    )


def build_rooms(settings: Settings, databases: Databases, guard: Guard) -> GuardedRooms:
    calls = videosdk_calls(settings, databases, connections=settings.worker_threads)
    base = settings.public_url
    rooms = VideoSdkRooms(calls, webhook_url=None if base is None else f"{base.rstrip('/')}{meeting_reports.PATH}")
    return GuardedRooms(rooms, guard)


def build_reports(settings: Settings, databases: Databases) -> VideoSdkReports:
    if settings.videosdk_public_key is not None:
        return VideoSdkReports(PinnedKey(settings.videosdk_public_key))
    return VideoSdkReports(VideoSdkKey(videosdk_calls(settings, databases, connections=1), clock=utc_now))


def build_meetings(settings: Settings, databases: Databases, guard: Guard) -> GuardedMeetings:
    meetings = VideoSdkMeetings(videosdk_calls(settings, databases, connections=settings.api_threads))
    return GuardedMeetings(meetings, guard)


def videosdk_calls(settings: Settings, databases: Databases, *, connections: int) -> VideoSdkCalls:
    app_settings = SqlAppSettings(databases.psyter)

    def videosdk_settings() -> VideoSdkSettings:
        return settings_from_group(app_settings.group(SettingGroup.VIDEO_SDK), endpoint=settings.videosdk_api_endpoint)

    return VideoSdkCalls(
        settings=videosdk_settings,
        timeout=settings.videosdk_timeout,
        clock=utc_now,
        connections=connections,
        watch=watch_of(settings),
    )


# --- Outside services --------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How a process asks outside services, and what it knows of them."""

    guard: Protection
    lookout: Lookout
    places: Places


def outside_services(settings: Settings, scheduling: Database, *, places: Places | None = None) -> Outside:
    """`places`: those that workers share; without, this process has its own."""
    services = SqlServices(scheduling)
    lookout = Lookout(services, clock=utc_now)
    places = places or LocalPlaces(bounds(settings))
    guard = Protection(
        services=services,
        lookout=lookout,
        places=places,
        settings=BreakerSettings(failures=settings.breaker_failures, open_for=settings.breaker_open_for),
        longest_call=settings.lease,
        clock=utc_now,
        new_token=new_token,
    )
    return Outside(guard=guard, lookout=lookout, places=places)


def build_line(scheduling: Database, outside: Outside, nudge: Nudge) -> Line:
    return Line(
        journal=SqlJournal(scheduling), lookout=outside.lookout, places=outside.places, nudge=nudge, clock=utc_now
    )


def worker_places(settings: Settings) -> Places:
    return shared_places(settings.redis_url, bounds=bounds(settings), longest_call=settings.lease)


def bounds(settings: Settings) -> Mapping[str, int]:
    return {Service.VIDEOSDK: settings.videosdk_places, Service.FCM: settings.fcm_places}
