"""What SchedulingDatabase forgets, and what must hold before it does.

A booking's sagas go together, so that the first of them is always the one that booked it, and only when the session is
over, nothing of it has moved since, and nothing is running, stuck or moving. Its events go only then, too: the next one
takes its number from those before it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, func, or_, select, update

from repositories.database import Database
from repositories.enums import BookingStatus, DeliveryState, EndpointState, Kept, PushState, ReportStatus
from repositories.purging import ByAge, ByKey, Rule, SqlForgets
from repositories.scheduling_db.facts import ENDED
from repositories.scheduling_db.tables import (
    booking_events,
    bookings,
    idempotency_keys,
    meeting_reports,
    pushes,
    reminders,
    saga_attempts,
    sagas,
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
)

BEFORE: BindParameter[Any] = bindparam("before")
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
MOST: BindParameter[Any] = bindparam("most")

unfinished = sagas.alias("unfinished_saga")
IS_UNFINISHED = (
    select(unfinished.c.id)
    .where(unfinished.c.booking_id == bookings.c.id, ~unfinished.c.status.in_(ENDED))
    .correlate(bookings)
    .exists()
)
IS_OVER = and_(
    bookings.c.status != BookingStatus.PENDING,
    bookings.c.ends_at < BEFORE,
    bookings.c.moving_saga_id.is_(None),
    ~IS_UNFINISHED,
)
recent = sagas.alias("recent_saga")
HAS_MOVED_SINCE = (
    select(recent.c.id).where(recent.c.booking_id == bookings.c.id, recent.c.updated_at >= BEFORE).exists()
)
HAS_OLD_SAGAS = (sagas.c.status.in_(ENDED), sagas.c.updated_at < BEFORE, IS_OVER, ~HAS_MOVED_SINCE)
_SAGAS = sagas.join(bookings, bookings.c.id == sagas.c.booking_id)
TOLD_BOOKINGS = (
    select(sagas.c.booking_id).select_from(_SAGAS).where(*HAS_OLD_SAGAS).order_by(sagas.c.updated_at).limit(MOST)
)
COUNT_BOOKINGS = select(func.count(sagas.c.booking_id.distinct())).select_from(_SAGAS).where(*HAS_OLD_SAGAS)
DROP_ATTEMPTS = delete(saga_attempts).where(saga_attempts.c.booking_id.in_(KEYS))
DROP_REMINDERS = delete(reminders).where(reminders.c.booking_id.in_(KEYS))  # that were sent or left out
DROP_SAGAS = delete(sagas).where(sagas.c.booking_id.in_(KEYS))

IS_OF_AN_OPEN_SAGA = (
    select(sagas.c.id).where(sagas.c.booking_id == pushes.c.booking_id, ~sagas.c.status.in_(ENDED)).exists()
)
PUSH_HAS_ENDED = pushes.c.state.in_([PushState.SENT.value, PushState.FAILED.value])
IS_OLD_PUSH = (  # its key keeps a step from telling twice, as long as there is such a step
    PUSH_HAS_ENDED,
    pushes.c.updated_at < BEFORE,
    pushes.c.expires_at < BEFORE,
    ~IS_OF_AN_OPEN_SAGA,
)
OLD_PUSHES = select(pushes.c.id).where(*IS_OLD_PUSH).order_by(pushes.c.updated_at).limit(MOST)
COUNT_PUSHES = select(func.count()).select_from(pushes).where(*IS_OLD_PUSH)
DROP_PUSHES = delete(pushes).where(pushes.c.id.in_(KEYS), PUSH_HAS_ENDED)  # not one that was sent again since

DELIVERY_HAS_ENDED = webhook_deliveries.c.state.in_([DeliveryState.DELIVERED.value, DeliveryState.GIVEN_UP.value])
IS_OLD_DELIVERY = (
    webhook_deliveries.c.ended_at < BEFORE,
    DELIVERY_HAS_ENDED,
)
OLD_DELIVERIES = (
    select(webhook_deliveries.c.id).where(*IS_OLD_DELIVERY).order_by(webhook_deliveries.c.ended_at).limit(MOST)
)
COUNT_DELIVERIES = select(func.count()).select_from(webhook_deliveries).where(*IS_OLD_DELIVERY)
STILL_ENDED = select(webhook_deliveries.c.id).where(webhook_deliveries.c.id.in_(KEYS), DELIVERY_HAS_ENDED)
DROP_DELIVERY_ATTEMPTS = delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(STILL_ENDED))
DROP_DELIVERIES = delete(webhook_deliveries).where(webhook_deliveries.c.id.in_(KEYS), DELIVERY_HAS_ENDED)

OF_ITS_ORGANIZATION = webhook_endpoints.c.organization_id == booking_events.c.organization_id
IS_BEING_DELIVERED = (
    select(webhook_deliveries.c.id)
    .join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id)
    .where(OF_ITS_ORGANIZATION, webhook_deliveries.c.event_id == booking_events.c.id)
    .exists()
)
WILL_BE_DELIVERED = (  # also later: a paused endpoint gets what happened meanwhile
    select(webhook_endpoints.c.id)
    .where(
        OF_ITS_ORGANIZATION,
        webhook_endpoints.c.state.in_([EndpointState.ACTIVE.value, EndpointState.PAUSED.value]),
        webhook_endpoints.c.position < booking_events.c.position,
    )
    .exists()
)
_IS_OF_A_BOOKING_THAT_IS_OVER = select(bookings.c.id).where(bookings.c.id == booking_events.c.booking_id, IS_OVER)
IS_OLD_EVENT = (
    booking_events.c.occurred_at < BEFORE,
    booking_events.c.position.is_not(None),
    _IS_OF_A_BOOKING_THAT_IS_OVER.exists(),
    ~IS_BEING_DELIVERED,
    ~WILL_BE_DELIVERED,
)
OLD_EVENTS = (
    select(booking_events.c.id, booking_events.c.booking_id, booking_events.c.position)
    .where(*IS_OLD_EVENT)
    .order_by(booking_events.c.occurred_at, booking_events.c.id)
    .limit(MOST)
)
COUNT_EVENTS = select(func.count()).select_from(booking_events).where(*IS_OLD_EVENT)
DROP_EVENTS = delete(booking_events).where(booking_events.c.id.in_(KEYS))
NOTE_FORGOTTEN = (
    update(bookings)
    .where(
        bookings.c.id == bindparam("of_booking"),
        or_(bookings.c.forgotten_position.is_(None), bookings.c.forgotten_position < bindparam("upto")),
    )
    .values(forgotten_position=bindparam("upto"))
)

IS_OLD_REPORT = (
    meeting_reports.c.last_received_at < BEFORE,
    meeting_reports.c.status.in_([ReportStatus.DONE.value, ReportStatus.IGNORED.value]),
)
OLD_REPORTS = (
    select(meeting_reports.c.id).where(*IS_OLD_REPORT).order_by(meeting_reports.c.last_received_at).limit(MOST)
)
COUNT_REPORTS = select(func.count()).select_from(meeting_reports).where(*IS_OLD_REPORT)
DROP_REPORTS = delete(meeting_reports).where(meeting_reports.c.id.in_(KEYS))

OLD_KEYS = ByAge(idempotency_keys, "created_at")


class Events(ByKey):
    """Leaves a note of how far a booking's events are forgotten: the feed leads nobody past them unawares."""

    def forget(self, connection: Connection, before: datetime, limit: int) -> int:
        old = connection.execute(self.find, {"before": before, "most": limit}).all()
        upto = dict(sorted((event.booking_id, event.position) for event in old))  # of each booking the last
        if upto:
            notes = [{"of_booking": booking_id, "upto": position} for booking_id, position in upto.items()]
            connection.execute(NOTE_FORGOTTEN, notes)  # the booking before its events, as everywhere
        self.drop(connection, [event.id for event in old])
        return len(old)


RULES: dict[Kept, Rule] = {
    Kept.DELIVERIES: ByKey(OLD_DELIVERIES, COUNT_DELIVERIES, (DROP_DELIVERY_ATTEMPTS, DROP_DELIVERIES)),
    Kept.EVENTS: Events(OLD_EVENTS, COUNT_EVENTS, (DROP_EVENTS,)),
    Kept.PUSHES: ByKey(OLD_PUSHES, COUNT_PUSHES, (DROP_PUSHES,)),
    Kept.SAGAS: ByKey(TOLD_BOOKINGS, COUNT_BOOKINGS, (DROP_ATTEMPTS, DROP_REMINDERS, DROP_SAGAS)),
    Kept.REPORTS: ByKey(OLD_REPORTS, COUNT_REPORTS, (DROP_REPORTS,)),
    Kept.SCHEDULING_KEYS: OLD_KEYS,
}


def scheduling_forgets(database: Database) -> SqlForgets:
    return SqlForgets(database, RULES)
