"""Reminds users and care providers of their sessions, so many minutes before, by the clock that runs everywhere.

    a preference changed -> the person's coming bookings are looked at again
    a booking to look at -> what is due is told, what is too late is written down as skipped; then the next instant

Of several that are due at once for one person only the last is told. A reminder from before the session was booked or
moved is none. It does not matter who runs this, or how many do: the database decides (repositories/ports/reminders.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from repositories.entities.reminders import BookingToRemind, Preference, Reminder, Someone
from repositories.enums import Recipient, ReminderOutcome
from repositories.ports.reminders import ReminderPreferences, Reminders

log = structlog.get_logger()

PAGE = 200  # bookings at a time
MOST_CHANGES = 1000  # of preferences, applied by one run
MOST_PAGES = 50  # in one run
SETTLED = timedelta(minutes=2)  # after a change, no look that began before it is still under way


@dataclass(frozen=True, kw_only=True)
class Remind:
    """One look at what is due. Harmless when several run."""

    preferences: ReminderPreferences
    reminders: Reminders
    clock: Callable[[], datetime]
    latest: timedelta  # how long after its time a reminder is still told

    def __call__(self) -> int:
        """How many reminders were told."""
        self._apply_changes()
        return sum(self._look_at(page) for page in self._pages())

    def _apply_changes(self) -> None:
        changes = self.preferences.changes(limit=MOST_CHANGES)
        for change in changes:
            self.reminders.look_again(change.someone, now=self.clock())
        self.preferences.applied([change for change in changes if change.changed_at <= self.clock() - SETTLED])

    def _pages(self) -> Iterator[Sequence[BookingToRemind]]:
        for _ in range(MOST_PAGES):
            page = self.reminders.due(now=self.clock(), limit=PAGE)
            yield page
            if len(page) < PAGE:
                return

    def _look_at(self, page: Sequence[BookingToRemind]) -> int:
        wanted = self.preferences.of({someone for booking in page for someone in (booking.user, booking.care_provider)})
        quiet: list[tuple[BookingToRemind, datetime | None]] = []
        told = 0
        for booking in page:
            now = self.clock()
            found = due_reminders(booking, wanted, now=now, latest=self.latest)
            next_at = next_look(booking, wanted, now=now)
            if not found:
                quiet.append((booking, next_at))
            elif self.reminders.remind(booking, found, next_at=next_at, now=now):
                told += self._tell(booking, found)
        self.reminders.look_later(quiet)
        return told

    def _tell(self, booking: BookingToRemind, found: Sequence[Reminder]) -> int:
        for reminder in found:
            log.info(
                "reminder",
                booking_id=booking.booking_id,
                recipient=reminder.recipient.value,
                minutes=reminder.minutes,
                outcome=reminder.outcome.value,
            )
        return sum(reminder.outcome is ReminderOutcome.TOLD for reminder in found)


def due_reminders(
    booking: BookingToRemind, wanted: Mapping[Someone, Preference], *, now: datetime, latest: timedelta
) -> tuple[Reminder, ...]:
    """What has come due since the booking was looked at last, and what becomes of it."""
    return tuple(
        reminder
        for someone in (booking.care_provider, booking.user)
        for reminder in _due_of(booking, someone.recipient, wanted[someone].minutes, now=now, latest=latest)
    )


def _due_of(
    booking: BookingToRemind, recipient: Recipient, minutes: Sequence[int], *, now: datetime, latest: timedelta
) -> Iterator[Reminder]:
    due = [lead for lead in minutes if booking.since <= instant_of(booking, lead) <= now]
    for lead in sorted(due, reverse=True):
        expires_at = min(instant_of(booking, lead) + latest, booking.starts_at)
        is_told = lead == min(due) and now < expires_at
        yield Reminder(
            recipient=recipient,
            minutes=lead,
            outcome=ReminderOutcome.TOLD if is_told else ReminderOutcome.SKIPPED,
            expires_at=expires_at,
        )


def next_look(booking: BookingToRemind, wanted: Mapping[Someone, Preference], *, now: datetime) -> datetime | None:
    """When the next reminder is due, or the session starts; None once it has."""
    everyones = [lead for someone in (booking.user, booking.care_provider) for lead in wanted[someone].minutes]
    instants = [booking.starts_at, *(instant_of(booking, lead) for lead in everyones)]
    return min((at for at in instants if at > now), default=None)


def instant_of(booking: BookingToRemind, minutes: int) -> datetime:
    """So many minutes that pass before the session, whatever clocks on walls do meanwhile."""
    return booking.starts_at - timedelta(minutes=minutes)
