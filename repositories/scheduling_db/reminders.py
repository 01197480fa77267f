"""Reminders: when those of a booking are to be looked at stands in its own row, and each that was due in a ledger.

`bookings.reminders_at` is set by the UPDATE that confirms or moves a booking, and emptied by the one that cancels it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from repositories.database import Database
from repositories.entities.pushes import NewPush
from repositories.entities.reminders import (
    ANNOUNCED,
    PUSHED,
    BookingToRemind,
    Reminder,
    ReminderRecord,
    Someone,
    push_key,
)
from repositories.enums import BookingStatus, Recipient, ReminderOutcome
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.push_rows import add_push
from repositories.scheduling_db.tables import bookings, reminders

DUE = (
    select(
        bookings.c.id,
        bookings.c.user_id,
        bookings.c.care_provider_id,
        bookings.c.starts_at,
        bookings.c.reminders_at,
    )
    .where(bookings.c.reminders_at <= bindparam("now"), bookings.c.status == BookingStatus.CONFIRMED)
    .order_by(bookings.c.reminders_at, bookings.c.id)
    .limit(bindparam("most"))
)
LOOKED_AT = (
    update(bookings)
    .where(
        bookings.c.id == bindparam("booking_id"),
        bookings.c.status == BookingStatus.CONFIRMED,
        bookings.c.starts_at == bindparam("starts"),
        bookings.c.reminders_at == bindparam("since"),
    )
    .values(reminders_at=bindparam("next_at"))
)
_TO_COME = (bookings.c.reminders_at > bindparam("now"), bookings.c.status == BookingStatus.CONFIRMED)
LOOK_AGAIN_OF_USER = (
    update(bookings).where(bookings.c.user_id == bindparam("whose"), *_TO_COME).values(reminders_at=bindparam("now"))
)
LOOK_AGAIN_OF_PROVIDER = (
    update(bookings)
    .where(bookings.c.care_provider_id == bindparam("whose"), *_TO_COME)
    .values(reminders_at=bindparam("now"))
)
KNOWN = select(reminders.c.recipient, reminders.c.minutes).where(
    reminders.c.booking_id == bindparam("booking_id"), reminders.c.starts_at == bindparam("starts")
)
NOTE = insert(reminders)
LIST = (
    select(reminders)
    .where(reminders.c.booking_id == bindparam("booking_id"))
    .order_by(reminders.c.at, reminders.c.recipient, reminders.c.minutes)
)


class SqlReminders:
    """`kind` is the number of the push that reminds a care provider."""

    def __init__(self, database: Database, *, kind: int) -> None:
        self._database = database
        self._kind = kind

    def due(self, *, now: datetime, limit: int) -> Sequence[BookingToRemind]:
        with self._database.reading() as connection:
            return [
                BookingToRemind(
                    booking_id=row.id,
                    user_id=row.user_id,
                    care_provider_id=row.care_provider_id,
                    starts_at=row.starts_at,
                    since=row.reminders_at,
                )
                for row in connection.execute(DUE, {"now": now, "most": limit})
            ]

    def look_later(self, looks: Collection[tuple[BookingToRemind, datetime | None]]) -> None:
        values = [_values(booking, next_at) for booking, next_at in looks]
        if values:
            self._database.write(lambda connection: connection.execute(LOOKED_AT, values))

    def remind(
        self, booking: BookingToRemind, reminders: Sequence[Reminder], *, next_at: datetime | None, now: datetime
    ) -> bool:
        def work(connection: Connection) -> bool:
            if connection.execute(LOOKED_AT, _values(booking, next_at)).rowcount == 0:  # first: it also takes the row
                return False
            which = {"booking_id": booking.booking_id, "starts": booking.starts_at}
            known = {(row.recipient, row.minutes) for row in connection.execute(KNOWN, which)}
            for reminder in reminders:
                if (reminder.recipient.value, reminder.minutes) not in known:
                    self._write(connection, booking, reminder, now)
            return True

        return self._database.write(work)

    def _write(self, connection: Connection, booking: BookingToRemind, reminder: Reminder, now: datetime) -> None:
        connection.execute(
            NOTE,
            {
                "booking_id": booking.booking_id,
                "recipient": reminder.recipient.value,
                "starts_at": booking.starts_at,
                "minutes": reminder.minutes,
                "outcome": reminder.outcome.value,
                "at": now,
            },
        )
        if reminder.outcome is ReminderOutcome.SKIPPED:
            return
        if reminder.recipient is Recipient.USER:
            append_event(connection, booking.booking_id, ANNOUNCED, now)
        else:
            add_push(connection, self._push(booking, reminder), now)

    def _push(self, booking: BookingToRemind, reminder: Reminder) -> NewPush:
        return NewPush(
            key=push_key(booking.booking_id, booking.starts_at, reminder.minutes),
            kind=self._kind,
            care_provider_id=booking.care_provider_id,
            booking_id=booking.booking_id,
            happens_at=booking.starts_at,
            wants_status=BookingStatus.CONFIRMED,
            event=PUSHED,
            expires_at=reminder.expires_at,
        )

    def look_again(self, someone: Someone, *, now: datetime) -> int:
        statement = LOOK_AGAIN_OF_USER if someone.recipient is Recipient.USER else LOOK_AGAIN_OF_PROVIDER
        values = {"whose": someone.id, "now": now}
        return self._database.write(lambda connection: connection.execute(statement, values).rowcount)

    def list_reminders(self, booking_id: int) -> Sequence[ReminderRecord]:
        with self._database.reading() as connection:
            return [
                ReminderRecord(
                    booking_id=row.booking_id,
                    recipient=Recipient(row.recipient),
                    starts_at=row.starts_at,
                    minutes=row.minutes,
                    outcome=ReminderOutcome(row.outcome),
                    at=row.at,
                )
                for row in connection.execute(LIST, {"booking_id": booking_id})
            ]


def _values(booking: BookingToRemind, next_at: datetime | None) -> dict[str, object]:
    return {
        "booking_id": booking.booking_id,
        "starts": booking.starts_at,
        "since": booking.since,
        "next_at": next_at,
    }
