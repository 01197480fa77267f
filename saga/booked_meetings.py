"""What an organization may know of its bookings' meetings: whether they can be joined, and what was recorded.

Errors:  BookingNotFound | MeetingsUnavailable (whatever VideoSDK answered: a partner can only ask again)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from integrations.ports import ProviderError, Recording, VideoMeetings
from repositories.entities.bookings import Booking
from repositories.enums import BookingStatus
from repositories.ports.bookings import Bookings
from saga.accept_cancellation import BookingNotFound

T = TypeVar("T")


class MeetingsUnavailable(Exception):
    """The video service did not answer. Ask again later."""


@dataclass(frozen=True, kw_only=True)
class BookedMeetings:
    bookings: Bookings
    meetings: VideoMeetings

    def recordings(self, booking_id: int, *, organization_id: int) -> tuple[Recording, ...]:
        """All recordings of the booking's meeting, also when it was cancelled since; none without a meeting."""
        meeting_id = self._booking(booking_id, organization_id).meeting_id
        return () if meeting_id is None else _asked(lambda: self.meetings.recordings(meeting_id))

    def validate(self, booking_id: int, *, organization_id: int) -> tuple[Booking, bool]:
        """The booking, and whether its meeting can be joined: it is confirmed, and VideoSDK has its room open."""
        booking = self._booking(booking_id, organization_id)
        meeting_id = booking.meeting_id
        if meeting_id is None or booking.status is not BookingStatus.CONFIRMED:
            return booking, False
        return booking, _asked(lambda: self.meetings.is_open(meeting_id))

    def _booking(self, booking_id: int, organization_id: int) -> Booking:
        booking = self.bookings.find_booking(booking_id, organization_id=organization_id)
        if booking is None:
            raise BookingNotFound("bookingId")
        return booking


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except ProviderError as error:
        raise MeetingsUnavailable from error
