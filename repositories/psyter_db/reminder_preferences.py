"""When users and care providers want to be reminded. A change also says that their bookings do not know of it yet."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from repositories.acting import about
from repositories.database import Database, in_chunks
from repositories.entities.reminders import DEFAULT_MINUTES, Preference, PreferenceChange, Someone
from repositories.enums import Recipient
from repositories.psyter_db.tables import reminder_preferences as kept

_IS_THEIRS = (kept.c.recipient == bindparam("whose"), kept.c.recipient_id == bindparam("who"))
CHANGE = (
    update(kept)
    .where(*_IS_THEIRS)
    .values(minutes=bindparam("given"), changed_at=bindparam("now"), unapplied_since=bindparam("now"))
)
ADD = insert(kept)
OF = select(kept.c.recipient_id, kept.c.minutes).where(
    kept.c.recipient == bindparam("whose"), kept.c.recipient_id.in_(bindparam("ids", expanding=True))
)
CHANGES = (
    select(kept.c.recipient, kept.c.recipient_id, kept.c.unapplied_since)
    .where(kept.c.unapplied_since.is_not(None))
    .order_by(kept.c.unapplied_since, kept.c.recipient, kept.c.recipient_id)
    .limit(bindparam("most"))
)
APPLIED = update(kept).where(*_IS_THEIRS, kept.c.unapplied_since == bindparam("seen")).values(unapplied_since=None)


class SqlReminderPreferences:
    def __init__(self, database: Database, *, default: Sequence[int] = DEFAULT_MINUTES) -> None:
        self._database = database
        self._default = Preference(minutes=tuple(default), is_default=True)

    def set(self, someone: Someone, minutes: Sequence[int], *, now: datetime) -> None:
        given = " ".join(map(str, sorted(set(minutes), reverse=True)))
        which = {"whose": someone.recipient.value, "who": someone.id}

        def work(connection: Connection) -> None:
            if not connection.execute(CHANGE, which | {"given": given, "now": now}).rowcount:
                row = {"recipient": someone.recipient.value, "recipient_id": someone.id, "minutes": given}
                connection.execute(ADD, row | {"changed_at": now, "unapplied_since": now})
            about(someone.recipient.value, someone.id)

        try:
            self._database.write(work)
        except IntegrityError:  # another added the row a moment earlier
            self._database.write(work)

    def of(self, people: Collection[Someone]) -> Mapping[Someone, Preference]:
        found = dict.fromkeys(people, self._default)
        with self._database.reading() as connection:
            for recipient in Recipient:
                ids = sorted({someone.id for someone in people if someone.recipient is recipient})
                for some in in_chunks(ids):
                    for row in connection.execute(OF, {"whose": recipient.value, "ids": some}):
                        minutes = tuple(map(int, row.minutes.split()))
                        someone = Someone(recipient=recipient, id=row.recipient_id)
                        found[someone] = Preference(minutes=minutes, is_default=False)
        return found

    def changes(self, *, limit: int) -> Sequence[PreferenceChange]:
        with self._database.reading() as connection:
            return [
                PreferenceChange(
                    someone=Someone(recipient=Recipient(row.recipient), id=row.recipient_id),
                    changed_at=row.unapplied_since,
                )
                for row in connection.execute(CHANGES, {"most": limit})
            ]

    def applied(self, changes: Collection[PreferenceChange]) -> None:
        values = [
            {"whose": change.someone.recipient.value, "who": change.someone.id, "seen": change.changed_at}
            for change in changes
        ]
        if values:
            self._database.write(lambda connection: connection.execute(APPLIED, values))
