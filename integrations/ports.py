"""What the business asks of outside services.

Provider errors:  ProviderError > ProviderRefused        a "no": asking again gives the same answer
                                > ProviderUnavailable    we do not know, or not now
                                > ProviderMisconfigured  our key or setting is wrong: an operator must mend it
                                > ProviderHeld           we did not ask: BreakerOpen | ServicePaused | NoPlaceFree
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Protocol


class ProviderError(Exception):
    """An outside service did not do what was asked."""


class ProviderRefused(ProviderError):
    """The outside service says no."""


class ProviderUnavailable(ProviderError):
    """The outside service did not answer, or asked to try again later."""

    def __init__(self, message: str, *, may_have_happened: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened
        self.retry_after = retry_after


class ProviderMisconfigured(ProviderError):
    """The outside service does not accept our credentials, or a setting of it is missing."""


class ProviderHeld(ProviderError):
    """The outside service was not asked, to protect it or us."""


class BreakerOpen(ProviderHeld):
    """It failed too often in a row, or asked not to be called: it is asked again in a while."""


class ServicePaused(ProviderHeld):
    """An operator paused it."""


class NoPlaceFree(ProviderHeld):
    """As many calls of it are under way as may be at one time."""


@dataclass(frozen=True, kw_only=True)
class Room:
    meeting_id: str


class NotificationType(IntEnum):
    """What a provider's apps are told about; the numbers of the .NET API."""

    PROFILE_UPDATE = 1
    NEW_BOOKING = 2
    PAYSLIP_GENERATED = 3
    HOMEWORK_ASSIGNED = 4
    RESERVE_SLOT = 5
    REFERRAL = 6
    CANCEL_REFUND_BOOKING = 7
    PSYTER_SUPPORT_NOTIFICATION = 8
    SCHFS_EXPIRY = 9
    REFUND_BY_ADMIN = 10
    COMMON_NOTIFICATION = 11
    REMINDER_NOTIFICATION = 12
    OTHER_PARTY_JOINED = 13
    PROVIDER_SIGNED_CONTRACT = 14
    NEW_MESSAGE = 15
    ACCOUNT_DELETED = 16

    @property
    def known_as(self) -> str:
        """The inventory's name."""
        return _ODD_NAMES.get(self.name) or self.name.title().replace("_", "")


_ODD_NAMES = {"HOMEWORK_ASSIGNED": "HomeWorkAssigned", "SCHFS_EXPIRY": "SCHFSExpiry"}


class Tells(StrEnum):
    """What a type of notification cannot be told without."""

    ITSELF = "nothing"
    SESSION = "a booking"
    DAY = "a day"


_TOLD_BY = {
    NotificationType.NEW_BOOKING: Tells.SESSION,
    NotificationType.RESERVE_SLOT: Tells.SESSION,
    NotificationType.CANCEL_REFUND_BOOKING: Tells.SESSION,
    NotificationType.SCHFS_EXPIRY: Tells.DAY,
    NotificationType.REFUND_BY_ADMIN: Tells.SESSION,
    NotificationType.REMINDER_NOTIFICATION: Tells.SESSION,
    NotificationType.OTHER_PARTY_JOINED: Tells.SESSION,
}


def told_by(kind: NotificationType) -> Tells:
    return _TOLD_BY.get(kind, Tells.ITSELF)


class Platform(StrEnum):
    """Whose devices: each platform has a topic of its own."""

    ANDROID = "android"
    IOS = "ios"


BOTH = tuple(Platform)


@dataclass(frozen=True, kw_only=True)
class Push:
    """What a care provider is told."""

    kind: NotificationType
    care_provider_id: int
    time_zone: str  # the provider's, IANA name
    booking_id: int | None = None  # the sender puts the public id on the wire
    meeting_id: str | None = None
    happens_at: datetime | None = None  # what it tells of: when the session starts, or what expires
    client_name: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None  # nobody need be told any more then; None: a day after it is sent


class VideoRooms(Protocol):
    def open_room(self, key: str) -> Room:
        """The room with this customRoomId, made if new. Raises ProviderError."""
        ...

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        """Deactivate the room; without a meeting id, ask for it by key first. Raises ProviderError."""
        ...

    def find_open_room(self, key: str) -> str | None:
        """The meeting id of the room with this key, or this meeting id, unless it is closed or was never made."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One recording of a meeting; without a url it is still being processed."""

    id: str
    session_id: str | None
    created_at: datetime | None
    url: str | None = field(repr=False)
    type: str | None
    size_bytes: int | None
    seconds: int | None
    resolution: str | None
    format: str | None


class VideoMeetings(Protocol):
    def is_open(self, meeting_id: str) -> bool:
        """Whether the meeting exists and can be joined. Raises ProviderError."""
        ...

    def recordings(self, meeting_id: str) -> tuple[Recording, ...]:
        """Every recording of the meeting. Raises ProviderError."""
        ...


class SignatureWrong(Exception):
    """This webhook is not signed by the video service."""


class ReportMalformed(Exception):
    """This webhook does not say what it is about."""


@dataclass(frozen=True, kw_only=True)
class RoomReport:
    """What the video service reports of a room, on its own accord."""

    kind: str  # in its own words: participant-joined
    meeting_id: str
    session_id: str
    participant_id: str | None = field(default=None, repr=False)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    file: str | None = field(default=None, repr=False)  # where a recording lies: what tells it from others


class RoomReports(Protocol):
    def read(self, body: bytes, *, signature: str | None) -> RoomReport:
        """What this webhook reports. Raises SignatureWrong, ReportMalformed, and ProviderError if the key that
        verifies it cannot be had just now."""
        ...


class PushSender(Protocol):
    def send(self, push: Push, *, key: str, platforms: Sequence[Platform] = BOTH) -> None:
        """Tell the provider's devices of these platforms; `key` collapses repeats. Raises ProviderError."""
        ...
