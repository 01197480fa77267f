"""Reminders of sessions: who wants them how long before, and what became of each. Lead times are in minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.enums import Recipient, ReminderOutcome

MOST_REMINDERS = 5  # of one recipient, before one session
SHORTEST, LONGEST = 5, 20_160  # minutes before a session
DEFAULT_MINUTES = (1440, 60)
ANNOUNCED = "reminder_due"  # the event that asks the partner to remind its user
PUSHED = "reminder_sent"  # the event that a care provider's reminder has gone out


@dataclass(frozen=True, kw_only=True, order=True)
class Someone:
    recipient: Recipient
    id: int


@dataclass(frozen=True, kw_only=True)
class Preference:
    """When somebody wants to be reminded; without any of their own, the defaults."""

    minutes: tuple[int, ...]  # before the session, the longest first
    is_default: bool


@dataclass(frozen=True, kw_only=True)
class PreferenceChange:
    """A change that the bookings of that person do not know of yet."""

    someone: Someone
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class BookingToRemind:
    """A confirmed booking whose reminders are to be looked at."""

    booking_id: int
    user_id: int
    care_provider_id: int
    starts_at: datetime
    since: datetime  # reminders before this instant were looked at, or are from before it was booked

    @property
    def user(self) -> Someone:
        return Someone(recipient=Recipient.USER, id=self.user_id)

    @property
    def care_provider(self) -> Someone:
        return Someone(recipient=Recipient.CARE_PROVIDER, id=self.care_provider_id)


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """One that is due; each is written once."""

    recipient: Recipient
    minutes: int
    outcome: ReminderOutcome
    expires_at: datetime  # nobody need be reminded any more then

    def due_at(self, starts_at: datetime) -> datetime:
        return starts_at - timedelta(minutes=self.minutes)


@dataclass(frozen=True, kw_only=True)
class ReminderRecord:
    booking_id: int
    recipient: Recipient
    starts_at: datetime
    minutes: int
    outcome: ReminderOutcome
    at: datetime


def push_key(booking_id: int, starts_at: datetime, minutes: int) -> str:
    """The key of the push that is a care provider's reminder."""
    return f"reminder-{booking_id}-{int(starts_at.timestamp())}-{minutes}"
