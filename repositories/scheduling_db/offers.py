"""Hours and slots that organizations open, block and remove, under the calendar of the care provider."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, case, delete, insert, select, true, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.availability import WorkingHours
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.offers import Chosen, Offer, OfferState, Period, SlotState
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import (
    HoursOverlap,
    HoursUnknown,
    OutsideHours,
    SlotLengthUnknown,
    SlotOverlaps,
    SlotUnknown,
)
from repositories.scheduling_db.availability import LONGEST_HOURS
from repositories.scheduling_db.calendars import LONGEST_SLOT, hold_calendar, is_reserved, update_calendar
from repositories.scheduling_db.idempotency import SCHEDULING_KEYS
from repositories.scheduling_db.tables import bookings, provider_hours, slot_durations, slots

SLOT_IDS: BindParameter[int] = bindparam("slot_ids", expanding=True)
HOURS_IDS: BindParameter[int] = bindparam("hours_ids", expanding=True)
OWN_SLOTS, OWN_HOURS = (table.c.care_provider_id == bindparam("provider") for table in (slots, provider_hours))

DURATIONS = select(slot_durations.c.minutes, slot_durations.c.id)
HOURS_AROUND = select(provider_hours).where(
    OWN_HOURS,
    provider_hours.c.starts_at > bindparam("earliest"),
    provider_hours.c.starts_at < bindparam("before"),
)
SLOTS_AROUND = select(slots).where(
    OWN_SLOTS, slots.c.starts_cell > bindparam("earliest"), slots.c.starts_cell < bindparam("before")
)
ADD_HOURS, ADD_SLOT = insert(provider_hours), insert(slots)
OPEN = update(slots).where(slots.c.id == bindparam("slot_id")).values(is_open=True)
BLOCK = update(slots).where(slots.c.id.in_(SLOT_IDS)).values(is_open=False)
IS_KNOWN_BY_A_BOOKING = select(bookings.c.id).where(bookings.c.slot_id == slots.c.id).exists()
FREE_OF_BOOKINGS = select(slots.c.id).where(slots.c.id.in_(SLOT_IDS), ~IS_KNOWN_BY_A_BOOKING)
REMOVE_SLOTS = delete(slots).where(slots.c.id.in_(SLOT_IDS))
REMOVE_HOURS = delete(provider_hours).where(provider_hours.c.id.in_(HOURS_IDS))
IS_BOOKED = is_reserved(slots)
SLOTS = (
    select(
        *(slots.c[name] for name in ("id", "starts_at", "ends_at", "starts_cell", "ends_cell")),
        case((slots.c.is_open == true(), 1), else_=0).label("is_open"),
        case((IS_BOOKED, 1), else_=0).label("is_booked"),
    )
    .where(OWN_SLOTS, slots.c.id.in_(SLOT_IDS))
    .order_by(slots.c.starts_cell, slots.c.id)
)
HOURS = (
    select(provider_hours.c.id, provider_hours.c.starts_at, provider_hours.c.ends_at)
    .where(OWN_HOURS, provider_hours.c.id.in_(HOURS_IDS))
    .order_by(provider_hours.c.starts_at, provider_hours.c.id)
)
STARTING_IN = select(slots.c.id).where(
    OWN_SLOTS, slots.c.starts_cell >= bindparam("since"), slots.c.starts_cell < bindparam("before")
)


class SqlOffers:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, SCHEDULING_KEYS)

    def open(self, offer: Offer, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            about("care_provider", offer.care_provider_id)
            hold_calendar(connection, offer.care_provider_id)
            hours = _open_hours(connection, offer)
            return (*_open_slots(connection, offer), *hours)

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)

    def block(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            rows = _chosen_slots(connection, chosen)
            if rows:
                connection.execute(BLOCK, {"slot_ids": [row.id for row in rows]})
                _update_around(connection, chosen.care_provider_id, rows)
            return [row.id for row in rows]

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)

    def remove(self, chosen: Chosen, *, key: IdempotencyKey | None, organization_id: int, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            rows = _chosen_slots(connection, chosen)
            which = {"slot_ids": [row.id for row in rows]}
            if rows:
                free = list(connection.execute(FREE_OF_BOOKINGS, which).scalars())
                connection.execute(BLOCK, which)
                connection.execute(REMOVE_SLOTS, {"slot_ids": free})
                _update_around(connection, chosen.care_provider_id, rows)
            connection.execute(REMOVE_HOURS, {"hours_ids": list(chosen.hours_ids)})
            return [row.id for row in rows]

        return self._changes.make(work, key=key, organization_id=organization_id, now=now)

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self._changes.find_change(key, organization_id=organization_id, now=now)

    def state(self, care_provider_id: int, *, slot_ids: Collection[int], hours_ids: Collection[int]) -> OfferState:
        which = {"provider": care_provider_id, "slot_ids": list(slot_ids), "hours_ids": list(hours_ids)}
        with self._database.reading() as connection:
            slot_rows, hours_rows = connection.execute(SLOTS, which).all(), connection.execute(HOURS, which).all()
        return OfferState(
            slots=tuple(
                SlotState(
                    id=row.id,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    is_open=bool(row.is_open),
                    is_booked=bool(row.is_booked),
                )
                for row in slot_rows
            ),
            hours=tuple(WorkingHours(**row._mapping) for row in hours_rows),
        )


# --- opening -----------------------------------------------------------------------------


def _open_hours(connection: Connection, offer: Offer) -> list[int]:
    """The ids of the hours. Raises HoursOverlap."""
    known = _hours_around(connection, offer.care_provider_id, offer.hours)
    ids = []
    for place, wanted in enumerate(offer.hours):
        same = [number for number, period in known if period == wanted]
        if not same and any(period.overlaps(wanted) for _, period in known):
            raise HoursOverlap(f"hoursList.{place}")
        ids.append(same[0] if same else _add_hours(connection, offer.care_provider_id, wanted))
    return ids


def _open_slots(connection: Connection, offer: Offer) -> list[int]:
    """The ids of the slots. Raises SlotLengthUnknown, SlotOverlaps, OutsideHours."""
    if not offer.slots:
        return []
    provider = offer.care_provider_id
    durations = {row.minutes: row.id for row in connection.execute(DURATIONS)}
    hours = [period for _, period in _hours_around(connection, provider, offer.slots)]
    known = _slots_around(connection, provider, offer.slots)
    ids = []
    for place, wanted in enumerate(offer.slots):
        duration = durations.get((wanted.ends_at - wanted.starts_at) // timedelta(minutes=1))
        if duration is None:
            raise SlotLengthUnknown(f"slotsList.{place}")
        if not _is_within(wanted, hours):
            raise OutsideHours(f"slotsList.{place}")
        ids.append(_open_slot(connection, provider, wanted, known=known, duration=duration, place=place))
    first, last = min(one.starts_at for one in offer.slots), max(one.ends_at for one in offer.slots)
    update_calendar(connection, provider, int(first.timestamp()), int(last.timestamp()))
    return ids


def _open_slot(
    connection: Connection,
    provider: int,
    wanted: Period,
    *,
    known: Sequence[tuple[int, Period]],
    duration: int,
    place: int,
) -> int:
    for number, period in known:
        if period == wanted:
            connection.execute(OPEN, {"slot_id": number})
            return number
    if any(period.overlaps(wanted) for _, period in known):
        raise SlotOverlaps(f"slotsList.{place}")
    values = {"care_provider_id": provider, "slot_duration_id": duration, "is_open": True, **vars(wanted)}
    return int(connection.execute(ADD_SLOT, values).inserted_primary_key[0])  # type: ignore[index]


def _add_hours(connection: Connection, provider: int, wanted: Period) -> int:
    values = {"care_provider_id": provider, **vars(wanted)}
    return int(connection.execute(ADD_HOURS, values).inserted_primary_key[0])  # type: ignore[index]


def _hours_around(connection: Connection, provider: int, periods: Sequence[Period]) -> list[tuple[int, Period]]:
    if not periods:
        return []
    earliest = min(period.starts_at for period in periods) - LONGEST_HOURS
    values = {"provider": provider, "earliest": earliest, "before": max(period.ends_at for period in periods)}
    return [_known(row) for row in connection.execute(HOURS_AROUND, values)]


def _slots_around(connection: Connection, provider: int, periods: Sequence[Period]) -> list[tuple[int, Period]]:
    earliest = int(min(period.starts_at for period in periods).timestamp()) - LONGEST_SLOT
    before = int(max(period.ends_at for period in periods).timestamp())
    values = {"provider": provider, "earliest": earliest, "before": before}
    return [_known(row) for row in connection.execute(SLOTS_AROUND, values)]


def _known(row: Row[Any]) -> tuple[int, Period]:
    return row.id, Period(starts_at=row.starts_at, ends_at=row.ends_at)


def _is_within(wanted: Period, hours: Sequence[Period]) -> bool:
    """Whether hours cover it whole, one after the other."""
    covered = wanted.starts_at
    for period in sorted(hours, key=lambda period: period.starts_at):
        if period.starts_at <= covered:
            covered = max(covered, period.ends_at)
    return covered >= wanted.ends_at


# --- blocking and removing ---------------------------------------------------------------


def _chosen_slots(connection: Connection, chosen: Chosen) -> Sequence[Row[Any]]:
    """The slots, with the calendar held. Raises SlotUnknown, HoursUnknown."""
    provider = {"provider": chosen.care_provider_id}
    about("care_provider", chosen.care_provider_id)
    hold_calendar(connection, chosen.care_provider_id)
    known_slots = connection.execute(SLOTS, {**provider, "slot_ids": list(chosen.slot_ids)}).all()
    known_hours = connection.execute(HOURS, {**provider, "hours_ids": list(chosen.hours_ids)}).all()
    for place, one in enumerate(chosen.slot_ids):
        if one not in {row.id for row in known_slots}:
            raise SlotUnknown(f"applicationMultiSlotIds.{place}")
    for place, one in enumerate(chosen.hours_ids):
        if one not in {row.id for row in known_hours}:
            raise HoursUnknown(f"slotAvailabilityIds.{place}")
    ids = set(chosen.slot_ids)
    for hours in known_hours:
        span = {"since": int(hours.starts_at.timestamp()), "before": int(hours.ends_at.timestamp())}
        ids |= set(connection.execute(STARTING_IN, {**provider, **span}).scalars())
    return list(connection.execute(SLOTS, {**provider, "slot_ids": sorted(ids)}))


def _update_around(connection: Connection, provider: int, rows: Sequence[Row[Any]]) -> None:
    update_calendar(connection, provider, min(row.starts_cell for row in rows), max(row.ends_cell for row in rows))
