"""What keeps both databases right: compared, copied, purged, sealed."""

from datetime import timedelta

import bootstrap
from bootstrap.databases import Databases, open_databases
from bootstrap.outside_services import build_rooms, outside_services
from config import Settings
from repositories.audit_chain import Chain
from repositories.audit_outbox import SqlAuditOutbox
from repositories.enums import Kept
from repositories.idempotency import KEY_AGE
from repositories.psyter_db.audit_log import SqlAuditLog
from repositories.psyter_db.erasing import SqlPersonalData
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.psyter_db.provider_facts import SqlKnownFacts
from repositories.psyter_db.purging import psyter_forgets
from repositories.scheduling_db.erasing import SqlBookingTraces
from repositories.scheduling_db.facts import SqlSchedulingFacts
from repositories.scheduling_db.provider_facts import SqlCopiedFacts
from repositories.scheduling_db.purging import scheduling_forgets
from saga.audit import SealAudit
from saga.copy_facts import CopyFacts
from saga.protection import Guard
from saga.purge import Purge
from saga.reconcile import Reconcile
from saga.user_data import UserData


def reconciliation(settings: Settings) -> Reconcile:
    databases = open_databases(settings, threads=1)
    return build_reconcile(settings, databases, outside_services(settings, databases.scheduling).guard)


def build_reconcile(settings: Settings, databases: Databases, guard: Guard) -> Reconcile:
    return Reconcile(
        scheduling=SqlSchedulingFacts(databases.scheduling),
        psyter=SqlPsyterFacts(databases.psyter),
        rooms=build_rooms(settings, databases, guard),
        clock=bootstrap.utc_now,
    )


def build_copying(databases: Databases) -> CopyFacts:
    return CopyFacts(known=SqlKnownFacts(databases.psyter), copied=SqlCopiedFacts(databases.scheduling))


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
        clock=bootstrap.utc_now,
    )


def build_user_data(databases: Databases) -> UserData:
    return UserData(
        people=SqlPersonalData(databases.psyter),
        bookings=SqlBookingTraces(databases.scheduling),
        clock=bootstrap.utc_now,
    )


def build_seal_audit(settings: Settings) -> SealAudit:
    databases = open_databases(settings, threads=1)
    return SealAudit(
        outboxes=(SqlAuditOutbox(databases.scheduling), SqlAuditOutbox(databases.psyter)),
        log=build_audit_log(settings, databases),
        clock=bootstrap.utc_now,
    )


def build_audit_log(settings: Settings, databases: Databases) -> SqlAuditLog:
    return SqlAuditLog(databases.psyter, Chain(settings.audit_key))
