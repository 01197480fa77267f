"""Reminders: preferences in PsyterDatabase, and what is due in SchedulingDatabase."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.reminders import (
    BookingToRemind,
    Preference,
    PreferenceChange,
    Reminder,
    ReminderRecord,
    Someone,
)


class ReminderPreferences(Protocol):
    def set(self, someone: Someone, minutes: Sequence[int], *, now: datetime) -> None:
        """From now on; none: no reminders."""
        ...

    def of(self, people: Collection[Someone]) -> Mapping[Someone, Preference]:
        """Of each of them."""
        ...

    def changes(self, *, limit: int) -> Sequence[PreferenceChange]:
        """Those that are not applied to bookings yet, the oldest first."""
        ...

    def applied(self, changes: Collection[PreferenceChange]) -> None:
        """They need not be told again, unless there was another change since."""
        ...


class Reminders(Protocol):
    def due(self, *, now: datetime, limit: int) -> Sequence[BookingToRemind]:
        """Confirmed bookings whose reminders are to be looked at, the most urgent first."""
        ...

    def look_later(self, looks: Collection[tuple[BookingToRemind, datetime | None]]) -> None:
        """Nothing is due before that instant (None: it is over); a booking that has changed since is left."""
        ...

    def remind(
        self, booking: BookingToRemind, reminders: Sequence[Reminder], *, next_at: datetime | None, now: datetime
    ) -> bool:
        """Write each reminder down, once, together with the event or the push that it is; and look again at `next_at`.

        The database decides: False, and nothing is written, if the booking is no longer confirmed, starts at another
        time, or was looked at by somebody else since it was read.
        """
        ...

    def look_again(self, someone: Someone, *, now: datetime) -> int:
        """Their coming sessions' reminders are to be looked at now; how many."""
        ...

    def list_reminders(self, booking_id: int) -> Sequence[ReminderRecord]: ...
