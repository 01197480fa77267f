"""For operators: the console, the commands and the metrics of the API's process."""

from functools import partial

from celery import Celery

import bootstrap
import celeryconfig
from api.ops.services import OpsServices
from api.ops.sessions import Sessions
from api.services import ExposedMetrics, Operations
from bootstrap.databases import Databases
from bootstrap.once import built_once
from bootstrap.outside_services import bounds, worker_places
from bootstrap.sagas import build_sagas
from bootstrap.upkeep import build_copying, build_purge, build_reconcile
from bootstrap.watching import metrics_directory
from config import Settings
from integrations.ports import NotificationType
from repositories.enums import Service
from repositories.psyter_db.access_keys import SqlAccessKeys
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.managed_providers import SqlManagedProviders
from repositories.psyter_db.operators import SqlOperatorAccounts
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.scheduling_db.board import SqlBoards
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.pushes import SqlPushes
from repositories.scheduling_db.reminders import SqlReminders
from repositories.scheduling_db.saga_records import SqlSagaRecords
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.vital_signs import SqlDeedsWaiting, SqlVitalSigns
from saga.catalogue import catalogue
from saga.notify import PushOperator
from saga.operators import Operator
from saga.protection import Guard
from saga.service_operator import ServiceOperator
from saga.sweep import Nudge
from watch.scrape import Counted, Scrape, Standing
from workers.nudges import queue_lengths
from workers.watch import Watch, ask_broker


def build_operations(settings: Settings, databases: Databases, *, nudge: Nudge, guard: Guard) -> Operations:
    sagas = catalogue(*build_sagas(settings, databases, guard))
    records = SqlSagaRecords(databases.scheduling)
    return Operations(
        records=records,
        operator=Operator(
            records=records, sagas=sagas, nudge=nudge, clock=bootstrap.utc_now, max_age=settings.saga_max_age
        ),
        reconcile=build_reconcile(settings, databases, guard),
        access_keys=SqlAccessKeys(databases.psyter),
        seals=SqlOrganizations(databases.psyter),
        calendars=SqlCalendars(databases.scheduling),
        managed_providers=SqlManagedProviders(databases.psyter),
        copy_facts=build_copying(databases),
        outside=ServiceOperator(services=SqlServices(databases.scheduling), clock=bootstrap.utc_now),
        reports=SqlMeetingReports(databases.scheduling),
        pushes=build_push_operator(databases, nudge),
        reminders=SqlReminders(databases.scheduling, kind=int(NotificationType.REMINDER_NOTIFICATION)),
        providers=SqlCareProviders(databases.psyter),
        purge=build_purge(settings, databases),
    )


def build_push_operator(databases: Databases, nudge: Nudge) -> PushOperator:
    return PushOperator(
        pushes=SqlPushes(databases.scheduling),
        providers=SqlCareProviders(databases.psyter),
        nudge=nudge,
        clock=bootstrap.utc_now,
        new_key=bootstrap.new_token,
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
            clock=bootstrap.utc_now,
        ),
        boards=SqlBoards(databases.scheduling),
        broker=Watch(lambda: ask_broker(publisher, (celeryconfig.SAGAS, celeryconfig.SWEEPS))),
        places=lambda: {
            Service(service): (most - places().free(service), most) for service, most in bounds(settings).items()
        },
    )


def exposed_metrics(settings: Settings, databases: Databases, publisher: Celery) -> ExposedMetrics | None:
    if settings.metrics_token is None:
        return None
    standing = Standing(
        vital_signs=SqlVitalSigns(databases.scheduling),
        deeds=SqlDeedsWaiting(databases.psyter),
        places_free=worker_places(settings).free,
        queues=partial(queue_lengths, publisher, celeryconfig.QUEUES),
        clock=bootstrap.utc_now,
    )
    return ExposedMetrics(scrape=Scrape(Counted(metrics_directory(settings)), standing), token=settings.metrics_token)
