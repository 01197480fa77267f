"""What the routes need, typed by what they ask of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, cast

from flask import current_app

from api.grants import Grants
from api.limiter import Limiter
from api.ops.services import OpsServices
from api.pagination import Cursors
from api.security.id_cipher import IdCipher
from api.security.sealing import Sealer
from api.waiting import WaitingRoom
from repositories.entities.bookings import Booking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.access_keys import AccessKeys
from repositories.ports.assessments import Assessments
from repositories.ports.audit import AuditLog, AuditOutbox, CommandReasons
from repositories.ports.availability import Availability, Calendars
from repositories.ports.bookings import BookingHistory, Bookings
from repositories.ports.care_providers import CareProviders, Profiles
from repositories.ports.events import EventFeed
from repositories.ports.favorites import Favorites
from repositories.ports.idempotency import IdempotencyKeys
from repositories.ports.managed_providers import ManagedProviderList
from repositories.ports.meetings import MeetingFacts, ReportRecords
from repositories.ports.organizations import Organizations, Seals
from repositories.ports.reminders import ReminderPreferences, Reminders
from repositories.ports.sagas import SagaRecords
from repositories.ports.users import Users
from repositories.ports.webhooks import WebhookEndpoints
from saga.accept_booking import Accepted, BookingRequest
from saga.accept_cancellation import CancellationRequest
from saga.accept_reschedule import RescheduleAccepted, RescheduleRequest
from saga.audit import VerifyAudit
from saga.booked_meetings import BookedMeetings
from saga.find_care_providers import Schedule, ScheduleRequest, SearchRequest, SearchResult
from saga.manage_availability import ManageAvailability
from saga.meeting_reports import ReceiveReport
from saga.notify import PushOperator
from saga.operators import Operator
from saga.purge import Purge
from saga.reconcile import Finding, Report
from saga.service_operator import ServiceOperator
from saga.submit_assessment import AssessmentRequest
from saga.user_data import UserData

EXTENSION = "tahoon"


class AcceptsGroup(Protocol):
    def __call__(
        self, requests: Sequence[BookingRequest], *, organization_id: int, idempotency: IdempotencyKey | None
    ) -> tuple[Accepted, ...]: ...


class Reconciles(Protocol):
    def __call__(self, *, window: timedelta, tell: Callable[[Finding], None], mend: bool = True) -> Report: ...


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What operators use."""

    records: SagaRecords
    operator: Operator
    reconcile: Reconciles
    access_keys: AccessKeys
    seals: Seals
    calendars: Calendars
    managed_providers: ManagedProviderList
    copy_facts: Callable[[], int]
    outside: ServiceOperator
    reports: ReportRecords
    pushes: PushOperator
    reminders: Reminders
    providers: CareProviders
    purge: Purge


class RequestWatch(Protocol):
    def request_answered(
        self, *, method: str, route: str | None, status: int, reason: str | None, seconds: float
    ) -> None:
        """Raises nothing."""
        ...


class Unwatched:
    """Nobody watches."""

    def request_answered(
        self, *, method: str, route: str | None, status: int, reason: str | None, seconds: float
    ) -> None: ...


UNWATCHED = Unwatched()


@dataclass(frozen=True, kw_only=True)
class ExposedMetrics:
    scrape: Callable[[], bytes]  # Prometheus's text
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    accept_booking: Callable[[BookingRequest], Accepted]
    accept_cancellation: Callable[[CancellationRequest], Booking]
    accept_reschedule: Callable[[RescheduleRequest], RescheduleAccepted]
    accept_group: AcceptsGroup
    booked_meetings: BookedMeetings
    bookings: Bookings
    booking_history: BookingHistory
    event_feed: EventFeed
    users: Users
    assessments: Assessments
    submit_assessment: Callable[[AssessmentRequest], Change]
    favorites: Favorites
    user_data: UserData
    reminder_preferences: ReminderPreferences
    organizations: Organizations
    profiles: Profiles
    availability: Availability
    find_care_providers: Callable[[SearchRequest], SearchResult]
    show_schedule: Callable[[ScheduleRequest], Schedule]
    manage_availability: ManageAvailability
    receive_report: ReceiveReport
    meeting_facts: MeetingFacts
    webhooks: WebhookEndpoints
    problem_with_webhook_url: Callable[[str], str | None]  # what a partner is told, in English
    webhook_overlap: timedelta  # of the secrets of an endpoint, at a rotation
    changes: IdempotencyKeys  # of PsyterDatabase
    id_cipher: IdCipher
    cursors: Cursors
    sealer: Sealer
    grants: Grants
    clock: Callable[[], datetime]
    limiter: Limiter
    audit_outbox: AuditOutbox  # of PsyterDatabase
    command_reasons: CommandReasons
    audit_log: AuditLog
    verify_audit: VerifyAudit
    max_wait: timedelta
    waiting_room: WaitingRoom
    readiness: Callable[[], Mapping[str, bool]]
    ops: OpsServices  # the console
    watch: RequestWatch = UNWATCHED
    metrics: ExposedMetrics | None = None  # None: not served
    operations: Callable[[], Operations]  # built when it is first asked for: an API process needs none of it


def services() -> ApiServices:
    """The services of the app that answers this request."""
    return cast(ApiServices, current_app.extensions[EXTENSION])
