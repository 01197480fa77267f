"""Numbers and words that are kept in the databases and shown on the wire."""

from enum import IntEnum, StrEnum


class BookingStatus(IntEnum):
    CONFIRMED = 1
    CANCELLED = 3
    PENDING = 6
    FAILED = 8


class Reason(IntEnum):
    """Why a request or a booking was refused. Below 1000: the numbers of the .NET API."""

    EMPTY_PARAMETER = 1
    RECORD_ALREADY_EXIST = 4
    NOT_ALLOWED = 16
    USER_NOT_FOUND = 18
    CHARITY_ORGANIZATION_BALANCE_OUT = 50

    INVALID_PARAMETER = 1000
    MALFORMED_BODY = 1001
    INVALID_SECURE_HASH = 1002
    UNAUTHENTICATED = 1003
    FORBIDDEN = 1004
    NOT_FOUND = 1005
    METHOD_NOT_ALLOWED = 1006
    UNSUPPORTED_MEDIA_TYPE = 1007
    BODY_TOO_LARGE = 1008
    UNSAFE_TEXT = 1009
    SLOT_IN_PAST = 1010
    SLOT_CONTRADICTED = 1011
    IDEMPOTENCY_KEY_REUSED = 1012
    IDEMPOTENCY_KEY_IN_FLIGHT = 1013
    MEETING_REFUSED = 1014
    SERVICE_UNAVAILABLE = 1015
    DEADLINE_PASSED = 1016
    BOOKING_WITHDRAWN = 1017
    INTERNAL_ERROR = 1018
    CANCELLATION_TOO_LATE = 1019
    UNDONE_BY_OPERATOR = 1020
    TOO_MANY_REQUESTS = 1030
    BODY_TOO_COMPLEX = 1031
    HEADERS_TOO_LARGE = 1032
    URL_TOO_LONG = 1033

    TOKEN_REVOKED = 1040
    REFRESH_TOKEN_REUSED = 1041

    ASSESSMENT_OUTDATED = 1050
    FAVORITES_FULL = 1051

    AVAILABILITY_OVERLAPS = 1060
    OUTSIDE_HOURS = 1061

    NOT_CONFIRMED = 1070
    RESCHEDULE_IN_FLIGHT = 1071

    USER_HAS_BOOKINGS = 1100

    WEBHOOK_SIGNATURE_WRONG = 1095
    WEBHOOK_ENDPOINTS_FULL = 1080
    WEBHOOK_ENDPOINT_NOT_ACTIVE = 1081
    REPLAY_TOO_LONG = 1082

    EVENTS_FORGOTTEN = 1083


class SagaStatus(StrEnum):
    RUNNING = "running"
    UNDOING = "undoing"
    DONE = "done"
    UNDONE = "undone"
    STUCK = "stuck"
    RESOLVED = "resolved"  # closed by an operator who mended by hand


OPEN_STATUSES = (SagaStatus.RUNNING, SagaStatus.UNDOING, SagaStatus.STUCK)
ENDED_STATUSES = (SagaStatus.DONE, SagaStatus.UNDONE, SagaStatus.RESOLVED)


class Attempted(StrEnum):
    """Which half of a step an attempt ran."""

    ACTION = "action"
    UNDO = "undo"


class OutcomeWord(StrEnum):
    """What came of one attempt of a step, as the timeline shows it."""

    DONE = "done"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    BUG = "bug"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    POISON = "poison"
    HELD = "held"  # the service is not asked now: the saga waits in its line
    SKIPPED = "skipped"


class Service(StrEnum):
    """An outside service, protected by a breaker and by a bound on the calls at one time."""

    VIDEOSDK = "videosdk"
    FCM = "fcm"


class Trouble(StrEnum):
    """Why a service's breaker is open."""

    FAILING = "failing"  # so many failures in a row
    LIMITED = "limited"  # it asked not to be called for a while
    MISCONFIGURED = "misconfigured"  # it refuses our key


class EventKind(StrEnum):
    """What partners are told of a booking; each is told as `booking.<kind>`."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # while it was pending: it will end cancelled
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"
    REMINDER_DUE = "reminder_due"  # the user's: the partner reminds its user
    REMINDER_SENT = "reminder_sent"  # the care provider's: a push has gone out
    RECORDING_READY = "recording_ready"


class ReportStatus(StrEnum):
    """Where a webhook of the video service stands."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"  # of a room that no booking has, or of a kind that says nothing to us
    PARKED = "parked"  # its worker died too often: an operator decides


class MeetingFactKind(StrEnum):
    """What can happen in a booking's meeting."""

    SESSION_STARTED = "session_started"
    SESSION_ENDED = "session_ended"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    RECORDING_READY = "recording_ready"


class EndpointState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by its owner
    DISABLED = "disabled"  # by us: see DisabledBecause
    DELETED = "deleted"


class DisabledBecause(StrEnum):
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # for days, without one delivery


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class PushState(StrEnum):
    """How a push fares."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Recipient(StrEnum):
    """Who is reminded of a session."""

    USER = "user"
    CARE_PROVIDER = "care_provider"


class ReminderOutcome(StrEnum):
    """What became of a reminder that was due."""

    TOLD = "told"  # the user's to the partner, by an event; the care provider's to be sent, by a push
    SKIPPED = "skipped"  # too late, or a later one took its place


class DeedOutcome(StrEnum):
    """What came of a request or command, or later of a booking, as the audit log has it."""

    ACCEPTED = "accepted"  # its change is committed
    ANSWERED = "answered"  # nothing changed: a read, or a repeat
    REFUSED = "refused"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"  # before it was confirmed
    MOVED = "moved"
    KEPT = "kept"  # it could not be moved, and keeps its time


class GenderType(IntEnum):
    FEMALE = 0
    MALE = 1


class QuestionType(IntEnum):
    TEXT = 1
    CHOICE = 2


class CommunicationType(IntEnum):
    VIDEO = 1
    AUDIO = 2
    TEXT = 3


class BookingPlatform(IntEnum):
    MOBILE = 1
    WEB = 2
    API = 3


class ProviderLevel(IntEnum):
    JUNIOR = 1
    SENIOR = 2
    CONSULTANT = 3


class QualificationKind(StrEnum):
    """What a care provider can show: a licence, a degree, a certificate."""

    CREDENTIAL = "credential"
    EDUCATION = "education"
    CERTIFICATION = "certification"


class OrderStatus(StrEnum):
    OPEN = "open"
    VOID = "void"


class LedgerKind(StrEnum):
    DEBIT = "debit"
    RESTORE = "restore"


class Role(StrEnum):
    READ_ONLY = "ReadOnly"
    FULL_ACCESS = "FullAccess"


class OperatorRole(StrEnum):
    """What somebody may do in the console."""

    VIEWER = "viewer"  # looks
    OPERATOR = "operator"  # looks, and steps in


class FamilyEnd(StrEnum):
    """Why a family of tokens ended before its time."""

    REVOKED = "revoked"
    REUSED = "reused"


class SettingGroup(IntEnum):
    """CatAppConfigSetting groups."""

    SMTP = 1
    PSYTER = 2
    FTP = 4
    SMART_ROUTING_PAYMENT = 5
    PSYTER_MEDIA_API = 11
    TURN_SERVER_DETAIL = 14
    FAILED_TRANSACTION_INTIMATION_USERS = 16
    SMS_GATEWAY_SETTINGS = 18
    GOOGLE_LOGIN_SETTINGS = 19
    GOOGLE_RECAPTCHA_SETTINGS = 20
    DELETE_USER_ACCOUNT_SETTINGS = 22
    VIDEO_SDK = 25


class Kept(StrEnum):
    """What is kept for a while and then forgotten (docs/decisions/0036-retention.md)."""

    SAGAS = "sagas"  # of one booking, all of them, and their attempts
    PUSHES = "pushes"
    DELIVERIES = "deliveries"  # of webhooks, and their attempts
    EVENTS = "events"
    REPORTS = "reports"  # of VideoSDK: its inbox, not what became of it
    SCHEDULING_KEYS = "scheduling_keys"  # Idempotency-Keys
    PSYTER_KEYS = "psyter_keys"
    REFRESH_TOKENS = "refresh_tokens"
    TOKEN_FAMILIES = "token_families"  # noqa: S105
