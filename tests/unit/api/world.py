"""The API with small fakes behind it, and a partner who signs as the docs say."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from flask import Flask

from api.app import create_app
from api.contract import Limit
from api.grants import Grants
from api.limiter import Limiter
from api.ops.services import OpsServices
from api.ops.sessions import Sessions
from api.pagination import Cursors
from api.participants import party_of
from api.security.id_cipher import IdCipher, IdKind
from api.security.jwt_tokens import Claims, TokenIssuer
from api.security.key_ring import KeyRing
from api.security.opaque import digest_of, new_refresh_token
from api.security.scopes import SCOPES_OF, Scope
from api.security.sealing import Sealer
from api.services import ApiServices, Operations
from api.waiting import WaitingRoom
from integrations.quotas import OwnQuotas
from integrations.webhooks.addresses import Rules, problem_with
from repositories.audit_chain import Chain
from repositories.entities.access_keys import NewAccessKey, RefreshToken
from repositories.entities.board import BrokerSeen
from repositories.entities.bookings import Booking, BookingView, NewBooking, Withdrawn
from repositories.entities.idempotency import IdempotencyKey, KeyUse
from repositories.entities.organizations import Organization
from repositories.entities.sagas import Attempt, SagaState
from repositories.enums import (
    Attempted,
    BookingStatus,
    CommunicationType,
    OutcomeWord,
    Reason,
    Role,
    SagaStatus,
    Service,
)
from saga.accept_booking import Accepted, BookingRequest
from saga.accept_cancellation import CancellationRequest
from saga.accept_reschedule import RescheduleAccepted, RescheduleRequest
from saga.audit import VerifyAudit
from saga.booked_meetings import BookedMeetings
from saga.find_care_providers import FindCareProviders, ShowSchedule
from saga.manage_availability import ManageAvailability
from saga.meeting_reports import ReceiveReport
from saga.submit_assessment import SubmitAssessment
from saga.user_data import UserData
from tests.fakes.access import FakeAccess
from tests.fakes.assessments import FakeAssessments
from tests.fakes.audit import FakeAuditLog, FakeCommandReasons, FakeOutbox
from tests.fakes.availability import FakeAvailability
from tests.fakes.event_feed import FakeEventFeed
from tests.fakes.favorites import FakeFavorites
from tests.fakes.idempotency import FakeChanges
from tests.fakes.meeting_reports import FakeMeetingReports, FakeRoomReports
from tests.fakes.meetings import FakeMeetings
from tests.fakes.offers import FakeOffers
from tests.fakes.operators import FakeBoards, FakeOperatorAccounts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.psyter import FakePsyter
from tests.fakes.rate_limits import FakeRateLimits
from tests.fakes.reminders import FakeReminderPreferences
from tests.fakes.scheduling import FakeScheduling
from tests.fakes.user_data import FakeBookingTraces, FakePersonalData
from tests.fakes.webhooks import WebhooksOnDemand

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = "k" * 32
SHARED_API_KEY = "shared-مفتاح"
ACCESS_KEY, THEIR_KEY = "access-key", "their-key"
OURS, OTHERS = 1, 2
KEY_OF = {OURS: 1, OTHERS: 2}
GRACE = timedelta(minutes=1)
USER, PROVIDER, SLOT, BOOKING = 11, 42, 7, 5
BOOK = "/api/v1/sessionbooking/booksession"
CANCEL = "/api/v1/sessionbooking/cancelbooking"
STATUS = "/api/v1/sessionbooking/getbookingstatus"
TOKEN = "/api/v1/auth/token"
CIPHER, SEALER, CURSORS = IdCipher(KEY), Sealer(KEY), Cursors(KEY)


def signed(fields: Mapping[str, Any], key: str = SHARED_API_KEY) -> dict[str, Any]:
    """Signed by the rule of the docs, written anew: a fault in ours would not be repeated here."""
    written = {n: v if isinstance(v, str) else json.dumps(v) for n, v in leaves(fields).items() if v is not None}
    text = "&".join(f"{name}={written[name]}" for name in sorted(written))
    return {**fields, "secureHash": hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()}


def leaves(fields: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Nested fields by their path: `answers.0.answerText`."""
    if not isinstance(fields, Mapping | list):
        return {".".join(path): fields}
    inner = fields.items() if isinstance(fields, Mapping) else enumerate(fields)
    return {name: value for key, one in inner for name, value in leaves(one, (*path, str(key))).items()}


def guest_body(**changes: Any) -> dict[str, Any]:
    return {
        "careProviderId": CIPHER.encrypt(IdKind.CARE_PROVIDER, PROVIDER),
        "slotDate": "2026-01-06",
        "slotStartTime": "10:00:00",
        "slotEndTime": "11:00",
        "applicationMultiSlotId": CIPHER.encrypt(IdKind.APPLICATION_MULTI_SLOT, SLOT),
        "catCommunicationTypeId": 1,
        "isBookingFromMobile": False,
        "bookingPlatformId": 3,
        "referenceId": "REF-1",
        "name": "سارة O'Brien",
        "dob": "1990-05-15",
        "genderType": 0,
        **changes,
    }


def cancel_body(**changes: Any) -> dict[str, Any]:
    return {
        "bookingId": CIPHER.encrypt(IdKind.BOOKING, BOOKING),
        "userId": CIPHER.encrypt(IdKind.USER, USER),
        "careProviderId": CIPHER.encrypt(IdKind.CARE_PROVIDER, PROVIDER),
        **changes,
    }


def without(name: str) -> dict[str, Any]:
    return {n: v for n, v in guest_body().items() if n != name}


def two_organizations() -> FakeAccess:
    """Each with an access key for everything that a role can bring."""
    access = FakeAccess()
    for number, key in ((OURS, ACCESS_KEY), (OTHERS, THEIR_KEY)):
        access.organizations[number] = Organization(
            id=number, name=f"Number {number}", is_charity=False, sealed_shared_api_key=SEALER.seal(SHARED_API_KEY)
        )
        added = access.add_key(new_key(key, organization_id=number), now=NOW)
        assert added == KEY_OF[number]
    return access


def new_key(key: str, *, organization_id: int = OURS, role: Role = Role.FULL_ACCESS, **changes: Any) -> NewAccessKey:
    wanted = {"label": "", "extra_scopes": frozenset[str](), "expires_at": None, **changes}
    return NewAccessKey(organization_id=organization_id, key_digest=digest_of(key), role=role, **wanted)


@dataclass
class World:
    """What stands behind the API, and what it was asked."""

    asked: list[BookingRequest] = field(default_factory=list)
    refusal: Exception | None = None
    is_replay: bool = False
    cancelled: list[CancellationRequest] = field(default_factory=list)
    group_key: IdempotencyKey | None = None
    moved: list[RescheduleRequest] = field(default_factory=list)
    view: BookingView | None = None
    looks: int = 0
    at_look: Callable[[int], None] = lambda _number: None
    up: dict[str, bool] = field(default_factory=lambda: {"psyterDatabase": True, "redis": True})
    slept: float = 0.0
    places: int = 2
    meetings: FakeMeetings = field(default_factory=FakeMeetings)
    sealer: Sealer = SEALER
    changes: FakeChanges = field(default_factory=FakeChanges)
    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    availability: FakeAvailability = field(default_factory=FakeAvailability)
    managed: set[tuple[int, int]] = field(default_factory=set)  # (organization, care provider)
    people: FakePsyter = field(default_factory=FakePsyter)  # the users
    now: datetime = NOW
    access: FakeAccess = field(default_factory=two_organizations)
    per_minute: dict[str, int] = field(default_factory=lambda: {kind.value: 1_000_000 for kind in Limit})
    rate_limits: FakeRateLimits = field(default_factory=FakeRateLimits)
    seconds: float = 0.0
    trusted_proxies: int = 0
    reminder_preferences: FakeReminderPreferences = field(default_factory=FakeReminderPreferences)
    scheduling: FakeScheduling = field(default_factory=FakeScheduling)
    feed: FakeEventFeed = field(default_factory=FakeEventFeed)
    reports: FakeRoomReports = field(default_factory=FakeRoomReports)
    inbox: FakeMeetingReports = field(default_factory=FakeMeetingReports)
    nudged: list[tuple[str, str]] = field(default_factory=list)
    webhooks: Any = field(default_factory=WebhooksOnDemand)
    audit_outbox: FakeOutbox = field(default_factory=FakeOutbox)
    accounts: FakeOperatorAccounts = field(default_factory=FakeOperatorAccounts)
    boards: FakeBoards = field(default_factory=FakeBoards)
    broker: BrokerSeen = field(default_factory=lambda: BrokerSeen(queues={"sagas": 0}, workers=[]))
    is_secure: bool = True
    command_reasons: FakeCommandReasons = field(init=False)
    audit_log: FakeAuditLog = field(default_factory=lambda: FakeAuditLog(Chain(KEY)))

    def __post_init__(self) -> None:
        self.command_reasons = FakeCommandReasons(self.audit_outbox)
        self.people.keyed = self.changes
        self.assessments = FakeAssessments(changes=self.changes)
        self.favorites = FakeFavorites(self.people, changes=self.changes)
        self.personal_data = FakePersonalData(self.people, self.changes)
        self.booking_traces = FakeBookingTraces()

    # --- the services ------------------------------------------------------------------------

    def accept_booking(self, request: BookingRequest) -> Accepted:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal
        return Accepted(booking_id=BOOKING, user_id=USER, is_replay=self.is_replay)

    def accept_cancellation(self, request: CancellationRequest) -> Booking:
        self.cancelled.append(request)
        if self.refusal is not None:
            raise self.refusal
        assert self.view is not None
        return self.view.booking

    def accept_group(
        self, requests: Sequence[BookingRequest], *, organization_id: int, idempotency: IdempotencyKey | None
    ) -> tuple[Accepted, ...]:
        assert organization_id == OURS
        self.asked += requests
        self.group_key = idempotency
        if self.refusal is not None:
            raise self.refusal
        return tuple(
            Accepted(booking_id=BOOKING + place, user_id=USER, is_replay=self.is_replay)
            for place in range(len(requests))
        )

    def accept_reschedule(self, request: RescheduleRequest) -> RescheduleAccepted:
        self.moved.append(request)
        if self.refusal is not None:
            raise self.refusal
        assert self.view is not None
        return RescheduleAccepted(booking=self.view.booking, is_replay=self.is_replay)

    def withdraw(self, *_args: Any, **_named: Any) -> Withdrawn | None:
        raise NotImplementedError

    def find_view(self, booking_id: int, *, organization_id: int) -> BookingView | None:
        self.looks += 1
        self.at_look(self.looks)
        booking = self.view.booking if self.view else None
        is_theirs = booking and (booking.id, booking.organization_id) == (booking_id, organization_id)
        return self.view if is_theirs else None

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None:
        view = self.find_view(booking_id, organization_id=organization_id)
        return None if view is None else view.booking

    def find_key_use(self, organization_id: int, key: str, *, now: datetime) -> KeyUse | None:
        raise NotImplementedError

    def accept(
        self,
        booking: NewBooking,
        *,
        start: Callable[[int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> int:
        raise NotImplementedError

    def find_organization(self, organization_id: int) -> Organization | None:
        return self.organization if organization_id == OURS else None

    def is_reachable(self) -> bool:
        return True

    def operations(self) -> Operations:
        raise NotImplementedError

    @property
    def organization(self) -> Organization:
        return self.access.organizations[OURS]

    def nudge(self, name: str, about: str) -> bool:
        self.nudged.append((name, about))
        return True

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def problem_with_webhook_url(self, url: str) -> str | None:
        return problem_with(url, Rules(ports=frozenset({443})), resolve=lambda *_: ["93.184.216.34"])

    # --- the app -----------------------------------------------------------------------------

    @cached_property
    def tokens(self) -> TokenIssuer:
        return TokenIssuer(keys=KeyRing(KEY), issuer="psyter.com", audience="psyter_client", lifetime=timedelta(days=1))

    @cached_property
    def offers(self) -> FakeOffers:
        return FakeOffers(availability=self.availability, managed=self.managed)

    @cached_property
    def grants(self) -> Grants:
        return Grants(
            access_keys=self.access,
            families=self.access,
            issuer=self.tokens,
            refresh_lifetime=timedelta(days=30),
            refresh_grace=GRACE,
            clock=lambda: self.now,
            new_token_id=lambda: uuid.uuid4().hex,
            new_refresh_token=new_refresh_token,
        )

    @cached_property
    def limiter(self) -> Limiter:
        return Limiter(
            quotas=OwnQuotas(clock=lambda: self.seconds),
            per_minute=self.per_minute,
            rate_limits=self.rate_limits,
            monotonic=lambda: self.seconds,
        )

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(
            accounts=self.accounts,
            key=KEY,
            idle=timedelta(minutes=30),
            lifetime=timedelta(hours=12),
            is_secure=self.is_secure,
            clock=lambda: self.now,
        )

    @cached_property
    def app(self) -> Flask:
        return create_app(
            ApiServices(
                accept_booking=self.accept_booking,
                accept_cancellation=self.accept_cancellation,
                accept_group=self.accept_group,
                accept_reschedule=self.accept_reschedule,
                booked_meetings=BookedMeetings(bookings=self, meetings=self.meetings),
                bookings=self,
                organizations=self,
                profiles=self.profiles,
                availability=self.availability,
                find_care_providers=FindCareProviders(
                    search=self.availability,
                    availability=self.availability,
                    profiles=self.profiles,
                    users=self.people,
                    clock=lambda: self.now,
                ),
                manage_availability=ManageAvailability(managed=self.offers, offers=self.offers, clock=lambda: self.now),
                show_schedule=ShowSchedule(
                    availability=self.availability,
                    profiles=self.profiles,
                    users=self.people,
                    clock=lambda: self.now,
                ),
                booking_history=self.scheduling,
                event_feed=self.feed,
                users=self.people,
                assessments=self.assessments,
                submit_assessment=SubmitAssessment(
                    assessments=self.assessments, users=self.people, changes=self.changes, clock=lambda: self.now
                ),
                favorites=self.favorites,
                user_data=UserData(people=self.personal_data, bookings=self.booking_traces, clock=lambda: self.now),
                reminder_preferences=self.reminder_preferences,
                receive_report=ReceiveReport(
                    reports=self.reports,
                    inbox=self.inbox,
                    party_of=party_of(CIPHER),
                    nudge=self.nudge,
                    clock=lambda: self.now,
                ),
                meeting_facts=self.inbox,
                webhooks=self.webhooks,
                problem_with_webhook_url=self.problem_with_webhook_url,
                webhook_overlap=timedelta(days=1),
                changes=self.changes,
                id_cipher=CIPHER,
                cursors=CURSORS,
                sealer=self.sealer,
                grants=self.grants,
                clock=lambda: self.now,
                limiter=self.limiter,
                audit_outbox=self.audit_outbox,
                command_reasons=self.command_reasons,
                audit_log=self.audit_log,
                verify_audit=VerifyAudit(log=self.audit_log, chain=Chain(KEY)),
                max_wait=timedelta(seconds=20),
                waiting_room=WaitingRoom(places=self.places, monotonic=lambda: self.slept, sleep=self.sleep),
                readiness=lambda: self.up,
                ops=OpsServices(
                    accounts=self.accounts,
                    sessions=self.sessions,
                    boards=self.boards,
                    broker=lambda: self.broker,
                    places=lambda: dict.fromkeys(Service, (1, 12)),
                ),
                operations=self.operations,
            ),
            trusted_proxies=self.trusted_proxies,
        )

    @property
    def client(self) -> Any:
        return self.app.test_client()

    # --- a partner ---------------------------------------------------------------------------

    def token(
        self,
        *,
        role: Role = Role.FULL_ACCESS,
        scopes: Collection[Scope] | None = None,
        organization_id: int = OURS,
        sealed: str | None = None,
    ) -> str:
        """An access token with these scopes, or with all that the role brings."""
        family_id = self.access.start_family(
            access_key_id=KEY_OF[organization_id],
            scope="",
            refresh_token=RefreshToken(digest=new_refresh_token(), expires_at=self.now),
            now=self.now,
        )
        claims = Claims(
            token_id="t1",
            family_id=family_id,
            organization_id=organization_id,
            access_key_id=KEY_OF[organization_id],
            role=role,
            scopes=SCOPES_OF[role] if scopes is None else frozenset(scopes),
            sealed_shared_api_key=sealed or SEALER.seal(SHARED_API_KEY),
        )
        return self.tokens.issue(claims, now=self.now)

    def bearer(self, **claims: Any) -> dict[str, Any]:
        return {"Authorization": f"Bearer {self.token(**claims)}"}

    def book(self, body: Any = None, *, path: str = BOOK, **headers: str) -> Any:
        """Send this body, signed; text and bytes are sent as they are."""
        raw = body if isinstance(body, str | bytes) else json.dumps(signed(guest_body() if body is None else body))
        given = {"Content-Type": "application/json", **self.bearer()}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=raw, headers=given | named)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.book(body, path=path, **headers)

    def get(self, path: str, query: Mapping[str, Any] | None = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, query_string=query, headers=self.bearer() | named)

    def cancel(self, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        return self.book(cancel_body() if body is None else body, path=CANCEL, **headers)

    def book_raw(self, body: Mapping[str, Any], **headers: str) -> Any:
        """Send this body as it is, with the signature it has."""
        return self.book(json.dumps(body), **headers)

    def status(self, booking_id: str | None = None, *, organization_id: int = OURS, **headers: str) -> Any:
        public_id = CIPHER.encrypt(IdKind.BOOKING, BOOKING) if booking_id is None else booking_id
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = self.bearer(organization_id=organization_id)
        return self.client.get(f"{STATUS}/{public_id}", headers=bearer | named)


def view_of(status: BookingStatus = BookingStatus.PENDING, **changes: Any) -> BookingView:
    reason = changes.pop("reason", None)
    failed_step = changes.pop("failed_step", None)
    booking = Booking(
        id=BOOKING,
        organization_id=OURS,
        user_id=USER,
        care_provider_id=PROVIDER,
        slot_id=SLOT,
        starts_at=NOW + timedelta(days=1),
        ends_at=NOW + timedelta(days=1, hours=1),
        communication_type=CommunicationType.VIDEO,
        status=status,
        meeting_id="abcd-efgh-ijkl" if status is BookingStatus.CONFIRMED else None,
        reason=reason,
        failed_step=failed_step,
        created_at=NOW,
        updated_at=NOW,
    )
    view = BookingView(
        booking=booking,
        saga_status=SagaStatus.RUNNING,
        step="create_meeting",
        due_at=None,
        reason=reason,
        failed_step=failed_step,
        timeline=(
            Attempt(
                step="check_slot",
                kind=Attempted.ACTION,
                number=1,
                outcome=OutcomeWord.DONE,
                error=None,
                started_at=NOW,
                duration=timedelta(milliseconds=3),
            ),
        ),
    )
    return replace(view, **changes)


CONFIRMED = view_of(BookingStatus.CONFIRMED)
FAILED = view_of(BookingStatus.FAILED, reason=Reason.RECORD_ALREADY_EXIST, failed_step="schedule_booking")


def fields_named(answer: Any) -> set[str]:
    return {problem["field"] for problem in answer.json["errors"]}
