"""Bookings that are made all or none: accepted in one transaction, found again by their group."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, and_, bindparam, or_, select

from repositories.database import Database
from repositories.entities.bookings import NewBooking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus
from repositories.idempotency import KeyedChanges
from repositories.scheduling_db.bookings import add_booking
from repositories.scheduling_db.idempotency import SCHEDULING_KEYS
from repositories.scheduling_db.tables import bookings

LIVE_OF_GROUP = (
    select(bookings.c.id)
    .where(
        bookings.c.group_id == bindparam("of_group"),
        bookings.c.organization_id == bindparam("of_organization"),
        or_(
            bookings.c.status == BookingStatus.CONFIRMED,
            and_(bookings.c.status == BookingStatus.PENDING, bookings.c.withdrawn_at.is_(None)),
        ),
    )
    .order_by(bookings.c.id)
)


class SqlGroups:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, SCHEDULING_KEYS)

    def accept_group(
        self,
        bookings: Sequence[NewBooking],
        *,
        start: Callable[[int, int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            ids: list[int] = []
            for place, booking in enumerate(bookings):
                booking_id = add_booking(
                    connection, booking, start=partial(start, place), now=now, nudged_until=nudged_until
                )
                ids += (booking_id, booking.user_id)
            return ids

        return self._changes.make(work, key=idempotency, organization_id=bookings[0].organization_id, now=now)

    def find_group(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self._changes.find_change(key, organization_id=organization_id, now=now)

    def live_bookings(self, group_id: str, *, organization_id: int) -> Sequence[int]:
        which = {"of_group": group_id, "of_organization": organization_id}
        with self._database.reading() as connection:
            return list(connection.execute(LIVE_OF_GROUP, which).scalars())
