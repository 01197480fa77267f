"""What care providers offer, and what of it is free."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select

from repositories.database import Database
from repositories.entities.availability import OfferedSlot, OwnBooking, SlotDuration, WorkingHours
from repositories.enums import BookingStatus
from repositories.scheduling_db.cells import cell_from
from repositories.scheduling_db.tables import bookings, provider_hours, slot_durations, slots

MOST_DURATIONS = 100
MOST_LINES = 2_000  # slots, hours or bookings of one provider in one answer

DURATIONS = select(slot_durations).order_by(slot_durations.c.minutes).limit(MOST_DURATIONS)
SLOT = slots.alias("slot")
OFFERED = select(SLOT.c.id, SLOT.c.care_provider_id, SLOT.c.starts_at, SLOT.c.ends_at, SLOT.c.slot_duration_id)
IN_ORDER = (SLOT.c.care_provider_id, SLOT.c.starts_cell, SLOT.c.id)
FREE_FROM = (
    OFFERED.join(slots, slots.c.care_provider_id == SLOT.c.care_provider_id)
    .where(
        slots.c.id.in_(bindparam("slot_ids", expanding=True)),
        SLOT.c.next_after.is_not(None),
        SLOT.c.starts_cell >= slots.c.starts_cell,
        SLOT.c.starts_cell < slots.c.starts_cell + bindparam("within"),
    )
    .order_by(*IN_ORDER)
)
FREE_OF = (
    OFFERED.where(
        SLOT.c.care_provider_id == bindparam("provider"),
        SLOT.c.next_after.is_not(None),
        SLOT.c.starts_cell >= bindparam("since"),
        SLOT.c.starts_cell < bindparam("before"),
    )
    .order_by(*IN_ORDER)
    .limit(MOST_LINES)
)
HOURS_OF = (
    select(provider_hours.c.id, provider_hours.c.starts_at, provider_hours.c.ends_at)
    .where(
        provider_hours.c.care_provider_id == bindparam("provider"),
        provider_hours.c.starts_at < bindparam("before"),
        provider_hours.c.starts_at > bindparam("earliest"),
        provider_hours.c.ends_at > bindparam("since"),
    )
    .order_by(provider_hours.c.starts_at, provider_hours.c.id)
    .limit(MOST_LINES)
)
BOOKINGS_OF = (
    select(bookings.c.id, bookings.c.slot_id, bookings.c.starts_at, bookings.c.ends_at, bookings.c.status)
    .where(
        bookings.c.organization_id == bindparam("of_organization"),
        bookings.c.user_id == bindparam("of_user"),
        bookings.c.care_provider_id == bindparam("provider"),
        bookings.c.status.in_((BookingStatus.PENDING, BookingStatus.CONFIRMED)),
        bookings.c.starts_at >= bindparam("since"),
        bookings.c.starts_at < bindparam("before"),
    )
    .order_by(bookings.c.starts_at, bookings.c.id)
    .limit(MOST_LINES)
)
LONGEST_HOURS = timedelta(days=1)


class SqlAvailability:
    def __init__(self, database: Database) -> None:
        self._database = database

    def slot_durations(self) -> Sequence[SlotDuration]:
        rows = self._rows(DURATIONS, {})
        return [SlotDuration(id=row.id, length=timedelta(minutes=row.minutes)) for row in rows]

    def free_slots_from(self, slot_ids: Collection[int], *, within: timedelta) -> Sequence[OfferedSlot]:
        values = {"slot_ids": list(slot_ids), "within": int(within.total_seconds())}
        return [OfferedSlot(**row._mapping) for row in self._rows(FREE_FROM, values)]

    def free_slots_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[OfferedSlot]:
        values = {"provider": care_provider_id, "since": cell_from(since), "before": cell_from(before)}
        return [OfferedSlot(**row._mapping) for row in self._rows(FREE_OF, values)]

    def hours_of(self, care_provider_id: int, *, since: datetime, before: datetime) -> Sequence[WorkingHours]:
        values = {
            "provider": care_provider_id,
            "since": since,
            "before": before,
            "earliest": since - LONGEST_HOURS,
        }
        return [WorkingHours(**row._mapping) for row in self._rows(HOURS_OF, values)]

    def bookings_of(
        self, care_provider_id: int, *, organization_id: int, user_id: int, since: datetime, before: datetime
    ) -> Sequence[OwnBooking]:
        values = {
            "provider": care_provider_id,
            "of_organization": organization_id,
            "of_user": user_id,
            "since": since,
            "before": before,
        }
        rows = self._rows(BOOKINGS_OF, values)
        return [OwnBooking(**{**row._mapping, "status": BookingStatus(row.status)}) for row in rows]

    def _rows(self, statement: Any, values: dict[str, Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(statement, values).all()
