"""What the business asks of outside services.

Provider errors:  ProviderError > ProviderRefused        a "no": asking again gives the same answer
                                > ProviderUnavailable    we do not know, or not now
                                > ProviderMisconfigured  our key or setting is wrong: an operator must mend it
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
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


@dataclass(frozen=True, kw_only=True)
class Room:
    meeting_id: str


@dataclass(frozen=True, kw_only=True)
class NewBookingPush:
    """What a care provider is told about a new booking."""

    booking_id: int  # the sender puts the public id on the wire
    care_provider_id: int
    meeting_id: str
    starts_at: datetime
    time_zone: str  # the provider's, IANA name
    client_name: str | None = field(repr=False)


class VideoRooms(Protocol):
    def open_room(self, key: str) -> Room:
        """The room with this customRoomId, made if new. Raises ProviderError."""
        ...

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        """Deactivate the room; without a meeting id, ask for it by key first. Raises ProviderError."""
        ...


class PushSender(Protocol):
    def send(self, push: NewBookingPush, *, key: str) -> None:
        """Tell the provider's Android and iOS devices; `key` collapses repeats. Raises ProviderError."""
        ...
