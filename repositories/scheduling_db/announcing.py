"""Announces events: gives them their place in the order of all (docs/decisions/0027-events-and-webhooks.md).

An id is given before its transaction commits, so a reader who remembers the last id that it saw would miss the event
of a slow transaction. A position is given after, by one announcer at a time, to what is committed by then.
"""

from sqlalchemy import Connection, bindparam, select, update

from repositories.database import Database
from repositories.scheduling_db.tables import booking_events, event_feed, webhook_endpoints

IS_THERE_ANY = select(booking_events.c.id).where(booking_events.c.position.is_(None)).limit(1)
TAKE_TURNS = (  # takes the row's lock on every engine, and changes nothing
    update(event_feed).where(event_feed.c.id == 1).values(last_position=event_feed.c.last_position)
)
LAST = select(event_feed.c.last_position).where(event_feed.c.id == 1)
UNANNOUNCED = (  # ids of one booking's events rise with their sequence: whoever writes one holds the booking's row
    select(booking_events.c.id, booking_events.c.organization_id)
    .where(booking_events.c.position.is_(None))
    .order_by(booking_events.c.id)
    .limit(bindparam("most"))
)
PLACE = (
    update(booking_events)
    .where(booking_events.c.id == bindparam("event"), booking_events.c.position.is_(None))
    .values(position=bindparam("place"))
)
LEAVE_BEHIND = (
    update(webhook_endpoints)
    .where(webhook_endpoints.c.organization_id.in_(bindparam("organizations", expanding=True)))
    .values(is_behind=bindparam("yes"))
)
MOVE_ON = update(event_feed).where(event_feed.c.id == 1).values(last_position=bindparam("last"))


class SqlAnnouncer:
    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, *, limit: int) -> int:
        with self._database.reading() as connection:
            if connection.execute(IS_THERE_ANY).first() is None:
                return 0
        return self._database.write(lambda connection: _announce(connection, limit))


def _announce(connection: Connection, limit: int) -> int:
    connection.execute(TAKE_TURNS)
    last = connection.execute(LAST).scalar_one()
    events = connection.execute(UNANNOUNCED, {"most": limit}).all()
    if events:
        connection.execute(PLACE, [{"event": event.id, "place": place} for place, event in enumerate(events, last + 1)])
        organizations = sorted({event.organization_id for event in events})
        connection.execute(LEAVE_BEHIND, {"organizations": organizations, "yes": True})
        connection.execute(MOVE_ON, {"last": last + len(events)})
    return len(events)
