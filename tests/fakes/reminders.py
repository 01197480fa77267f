"""Reminders in memory: preferences, and what is due of FakeScheduling's bookings. Kept honest by tests/contract."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.pushes import NewPush
from repositories.entities.reminders import (
    ANNOUNCED,
    DEFAULT_MINUTES,
    PUSHED,
    BookingToRemind,
    Preference,
    PreferenceChange,
    Reminder,
    ReminderRecord,
    Someone,
    push_key,
)
from repositories.enums import BookingStatus, Recipient, ReminderOutcome
from tests.fakes.scheduling import FakeScheduling


@dataclass
class FakeReminderPreferences:
    default: tuple[int, ...] = DEFAULT_MINUTES
    kept: dict[Someone, tuple[int, ...]] = field(default_factory=dict)
    unapplied: dict[Someone, datetime] = field(default_factory=dict)

    def set(self, someone: Someone, minutes: Sequence[int], *, now: datetime) -> None:
        self.kept[someone] = tuple(sorted(set(minutes), reverse=True))
        self.unapplied[someone] = now

    def of(self, people: Collection[Someone]) -> Mapping[Someone, Preference]:
        return {
            someone: Preference(minutes=self.kept.get(someone, self.default), is_default=someone not in self.kept)
            for someone in people
        }

    def changes(self, *, limit: int) -> Sequence[PreferenceChange]:
        found = sorted((at, someone) for someone, at in self.unapplied.items())
        return [PreferenceChange(someone=someone, changed_at=at) for at, someone in found[:limit]]

    def applied(self, changes: Collection[PreferenceChange]) -> None:
        for change in changes:
            if self.unapplied.get(change.someone) == change.changed_at:
                del self.unapplied[change.someone]


@dataclass
class FakeReminders:
    scheduling: FakeScheduling
    kind: int
    kept: dict[tuple[int, Recipient, datetime, int], ReminderRecord] = field(default_factory=dict)

    def due(self, *, now: datetime, limit: int) -> Sequence[BookingToRemind]:
        due = sorted(
            (at, booking_id)
            for booking_id, at in self.scheduling.reminders_at.items()
            if at is not None and at <= now and self.scheduling.bookings[booking_id].status is BookingStatus.CONFIRMED
        )
        return [self._to_remind(booking_id, at) for at, booking_id in due[:limit]]

    def _to_remind(self, booking_id: int, since: datetime) -> BookingToRemind:
        booking = self.scheduling.bookings[booking_id]
        return BookingToRemind(
            booking_id=booking_id,
            user_id=booking.user_id,
            care_provider_id=booking.care_provider_id,
            starts_at=booking.starts_at,
            since=since,
        )

    def look_later(self, looks: Collection[tuple[BookingToRemind, datetime | None]]) -> None:
        for booking, next_at in looks:
            self._looked_at(booking, next_at)

    def _looked_at(self, booking: BookingToRemind, next_at: datetime | None) -> bool:
        kept = self.scheduling.bookings[booking.booking_id]
        is_same = (kept.status, kept.starts_at) == (BookingStatus.CONFIRMED, booking.starts_at)
        if not is_same or self.scheduling.reminders_at.get(booking.booking_id) != booking.since:
            return False
        self.scheduling.reminders_at[booking.booking_id] = next_at
        return True

    def remind(
        self, booking: BookingToRemind, reminders: Sequence[Reminder], *, next_at: datetime | None, now: datetime
    ) -> bool:
        if not self._looked_at(booking, next_at):
            return False
        for reminder in reminders:
            which = (booking.booking_id, reminder.recipient, booking.starts_at, reminder.minutes)
            if which not in self.kept:
                self._write(booking, reminder, now)
        return True

    def _write(self, booking: BookingToRemind, reminder: Reminder, now: datetime) -> None:
        which = (booking.booking_id, reminder.recipient, booking.starts_at, reminder.minutes)
        self.kept[which] = ReminderRecord(
            booking_id=booking.booking_id,
            recipient=reminder.recipient,
            starts_at=booking.starts_at,
            minutes=reminder.minutes,
            outcome=reminder.outcome,
            at=now,
        )
        if reminder.outcome is ReminderOutcome.SKIPPED:
            return
        if reminder.recipient is Recipient.USER:
            self.scheduling._tell(booking.booking_id, ANNOUNCED)
            return
        push = NewPush(
            key=push_key(booking.booking_id, booking.starts_at, reminder.minutes),
            kind=self.kind,
            care_provider_id=booking.care_provider_id,
            booking_id=booking.booking_id,
            happens_at=booking.starts_at,
            wants_status=BookingStatus.CONFIRMED,
            event=PUSHED,
            expires_at=reminder.expires_at,
        )
        self.scheduling.add_push(push, now, due_at=now)

    def look_again(self, someone: Someone, *, now: datetime) -> int:
        is_user = someone.recipient is Recipient.USER
        changed = 0
        for booking in self.scheduling.bookings.values():
            at = self.scheduling.reminders_at.get(booking.id)
            is_theirs = someone.id == (booking.user_id if is_user else booking.care_provider_id)
            if is_theirs and booking.status is BookingStatus.CONFIRMED and at is not None and at > now:
                self.scheduling.reminders_at[booking.id] = now
                changed += 1
        return changed

    def list_reminders(self, booking_id: int) -> Sequence[ReminderRecord]:
        found = [record for record in self.kept.values() if record.booking_id == booking_id]
        return sorted(found, key=lambda record: (record.at, record.recipient, record.minutes))
