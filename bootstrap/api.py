"""The API's process: what its routes and commands are given."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from celery import Celery
from flask import Flask

import bootstrap
import celeryconfig
from api.app import create_app
from api.contract import Limit
from api.grants import Grants
from api.limiter import Limiter
from api.pagination import Cursors
from api.participants import party_of
from api.security.id_cipher import IdCipher
from api.security.jwt_tokens import TokenIssuer
from api.security.key_ring import KeyRing
from api.security.opaque import new_refresh_token
from api.security.sealing import Sealer
from api.services import ApiServices
from api.waiting import WaitingRoom
from bootstrap.databases import Databases, open_databases
from bootstrap.notices import reminder_preferences
from bootstrap.once import built_once
from bootstrap.operators import build_operations, build_ops, exposed_metrics
from bootstrap.outside_services import build_meetings, build_reports, outside_services
from bootstrap.settings import settings_or_exit
from bootstrap.upkeep import build_audit_log, build_user_data
from bootstrap.watching import trace, watch_of
from bootstrap.webhooks import webhook_rules
from config import Settings
from integrations.quotas import open_quotas
from integrations.webhooks.addresses import problem_with
from repositories.audit_chain import Chain
from repositories.audit_outbox import SqlAuditOutbox
from repositories.idempotency import KeyedChanges
from repositories.psyter_db.access_keys import SqlAccessKeys
from repositories.psyter_db.assessments import SqlAssessments
from repositories.psyter_db.command_reasons import SqlCommandReasons
from repositories.psyter_db.favorites import SqlFavorites
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.managed_providers import SqlManagedProviders
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.profiles import SqlProfiles
from repositories.psyter_db.rate_limits import SqlRateLimits
from repositories.psyter_db.token_families import SqlTokenFamilies
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db.availability import SqlAvailability
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.event_feed import SqlEventFeed
from repositories.scheduling_db.groups import SqlGroups
from repositories.scheduling_db.history import SqlBookingHistory
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.moves import SqlMoves
from repositories.scheduling_db.offers import SqlOffers
from repositories.scheduling_db.search import SqlSearch
from repositories.scheduling_db.slots import SqlSlots
from repositories.scheduling_db.webhook_endpoints import SqlWebhookEndpoints
from saga.accept_booking import AcceptBooking
from saga.accept_cancellation import AcceptCancellation
from saga.accept_group import AcceptGroup
from saga.accept_reschedule import AcceptReschedule
from saga.audit import VerifyAudit
from saga.booked_meetings import BookedMeetings
from saga.find_care_providers import FindCareProviders, ShowSchedule
from saga.manage_availability import ManageAvailability
from saga.meeting_reports import ReceiveReport
from saga.submit_assessment import SubmitAssessment
from workers.celery_app import create_publisher
from workers.nudges import CeleryNudge, by_template

MAX_WAIT = timedelta(seconds=20)


def build_api(settings: Settings | None = None) -> Flask:
    settings = settings or settings_or_exit()
    bootstrap.start_logging(settings.log_level, dropped=lambda number: watch_of(settings).log_fields_dropped(number))
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
            clock=bootstrap.utc_now,
            new_saga_id=bootstrap.new_saga_id,
            max_age=settings.saga_max_age,
        ),
        accept_cancellation=AcceptCancellation(
            bookings=bookings,
            organizations=organizations,
            nudge=nudge,
            clock=bootstrap.utc_now,
            new_saga_id=bootstrap.new_saga_id,
        ),
        accept_reschedule=AcceptReschedule(
            bookings=bookings,
            moves=SqlMoves(databases.scheduling),
            slots=SqlSlots(databases.scheduling),
            organizations=organizations,
            nudge=nudge,
            clock=bootstrap.utc_now,
            new_saga_id=bootstrap.new_saga_id,
            max_age=settings.saga_max_age,
        ),
        accept_group=AcceptGroup(
            slots=SqlSlots(databases.scheduling),
            groups=SqlGroups(databases.scheduling),
            users=users,
            nudge=nudge,
            clock=bootstrap.utc_now,
            new_saga_id=bootstrap.new_saga_id,
            max_age=settings.saga_max_age,
        ),
        booked_meetings=BookedMeetings(bookings=bookings, meetings=build_meetings(settings, databases, guard)),
        bookings=bookings,
        booking_history=SqlBookingHistory(databases.scheduling),
        event_feed=SqlEventFeed(databases.scheduling),
        users=users,
        assessments=assessments,
        submit_assessment=SubmitAssessment(
            assessments=assessments, users=users, changes=changes, clock=bootstrap.utc_now
        ),
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
            clock=bootstrap.utc_now,
        ),
        meeting_facts=SqlMeetingReports(databases.scheduling),
        find_care_providers=FindCareProviders(
            search=SqlSearch(databases.scheduling),
            availability=availability,
            profiles=profiles,
            users=users,
            clock=bootstrap.utc_now,
        ),
        show_schedule=ShowSchedule(availability=availability, profiles=profiles, users=users, clock=bootstrap.utc_now),
        manage_availability=ManageAvailability(
            managed=SqlManagedProviders(databases.psyter),
            offers=SqlOffers(databases.scheduling),
            clock=bootstrap.utc_now,
        ),
        webhooks=SqlWebhookEndpoints(databases.scheduling),
        problem_with_webhook_url=partial(problem_with, rules=webhook_rules(settings)),
        webhook_overlap=settings.webhook_overlap,
        changes=changes,
        id_cipher=IdCipher(settings.id_key),
        cursors=Cursors(settings.id_key),
        sealer=Sealer(settings.seal_key, *settings.seal_keys_accepted),
        grants=build_grants(settings, databases),
        clock=bootstrap.utc_now,
        limiter=build_limiter(settings, databases),
        audit_outbox=SqlAuditOutbox(databases.psyter),
        command_reasons=SqlCommandReasons(databases.psyter),
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
        clock=bootstrap.utc_now,
        new_token_id=lambda: uuid.uuid4().hex,
        new_refresh_token=new_refresh_token,
    )


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
