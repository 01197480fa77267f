"""Keeps what a search reads of slots in step with what is open and what is reserved (docs/decisions/0022).

Each free slot knows the start of its provider's free slot before it (`next_after`): from any instant between the two on
it is the next one. Whoever opens, blocks or removes slots, or reserves or releases their time, holds the provider's
calendar and then updates it, in the same transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    FromClause,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningDelete

from repositories.database import Database
from repositories.entities.availability import CalendarsSeen
from repositories.scheduling_db.cells import SECONDS
from repositories.scheduling_db.tables import provider_calendars, reserved_cells, slots
from repositories.store_errors import Repeatable

HOUR = 3600  # seconds
LONGEST_SLOT = 4 * HOUR
GAPS = tuple(HOUR * 2**power for power in range(11))  # the longest gap of each class; that of the last has no end


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))


NEVER = _number(-1)  # there is no free slot before this one
NOT_FREE = _number(-2)  # for comparing: NULL is equal to nothing
YES, NO = _number(1), _number(0)


def class_of(gap: ColumnElement[int]) -> ColumnElement[int]:
    classes = ((gap <= _number(longest), _number(place)) for place, longest in enumerate(GAPS))
    return case(*classes, else_=_number(len(GAPS)))


def is_reserved(slot: FromClause) -> Exists:
    """Whether a booking holds any of the slot's time."""
    return (
        select(reserved_cells.c.cell_start)
        .where(
            reserved_cells.c.care_provider_id == slot.c.care_provider_id,
            reserved_cells.c.cell_start >= slot.c.starts_cell,
            reserved_cells.c.cell_start < slot.c.ends_cell,
        )
        .exists()
    )


def as_they_are(*which: ColumnElement[bool]) -> FromClause:
    """What next_after and gap_class of these slots should be, judged by what is open and what is reserved.

    `which` are conditions on SLOT, and must leave out no slot of a provider between two that they let in."""
    judged = (
        select(
            SLOT.c.id,
            SLOT.c.care_provider_id,
            SLOT.c.starts_cell,
            case((and_(SLOT.c.is_open == true(), ~is_reserved(SLOT)), YES), else_=NO).label("is_free"),
        )
        .where(*which)
        .subquery("judged")
    )
    earlier = func.max(case((judged.c.is_free == YES, judged.c.starts_cell))).over(
        partition_by=judged.c.care_provider_id, order_by=(judged.c.starts_cell, judged.c.id), rows=(None, -1)
    )
    placed = select(judged, func.coalesce(earlier, NEVER).label("earlier")).subquery("placed")
    is_free = placed.c.is_free == YES
    return select(
        placed.c.id,
        case((is_free, placed.c.earlier), else_=null()).label("next_after"),
        case((is_free, class_of(placed.c.starts_cell - placed.c.earlier)), else_=null()).label("gap_class"),
    ).subquery("fresh")


def differs(fresh: FromClause) -> ColumnElement[bool]:
    return func.coalesce(slots.c.next_after, NOT_FREE) != func.coalesce(fresh.c.next_after, NOT_FREE)


def made_so(fresh: FromClause, *which: ColumnElement[bool]) -> Update:
    return (
        update(slots)
        .where(slots.c.id == fresh.c.id, differs(fresh), *which)
        .values(next_after=fresh.c.next_after, gap_class=fresh.c.gap_class)
    )


SLOT = slots.alias("slot")

# --- around a change -----------------------------------------------------------------------

OF_PROVIDER = slots.c.care_provider_id == bindparam("provider")
FREE_BEFORE = (
    select(func.max(slots.c.starts_cell))
    .where(OF_PROVIDER, slots.c.next_after.is_not(None), slots.c.starts_cell < bindparam("since"))
    .scalar_subquery()
)
FREE_AFTER = (
    select(func.min(slots.c.starts_cell))
    .where(OF_PROVIDER, slots.c.next_after.is_not(None), slots.c.starts_cell >= bindparam("until"))
    .scalar_subquery()
)
AROUND = as_they_are(
    SLOT.c.care_provider_id == bindparam("provider"),
    SLOT.c.starts_cell >= func.coalesce(FREE_BEFORE, bindparam("since")),
    SLOT.c.starts_cell <= func.coalesce(FREE_AFTER, bindparam("until")),
)
UPDATE_AROUND = made_so(AROUND, slots.c.starts_cell >= bindparam("since"))
HOLD = (
    update(provider_calendars)
    .where(provider_calendars.c.care_provider_id == bindparam("provider"))
    .values(changes=provider_calendars.c.changes + 1)
)
ADD_CALENDAR = insert(provider_calendars)
HELD_BY = select(reserved_cells.c.care_provider_id).where(reserved_cells.c.booking_id == bindparam("of_booking"))
HOLD_OF_BOOKING = (
    update(provider_calendars)
    .where(provider_calendars.c.care_provider_id.in_(HELD_BY))
    .values(changes=provider_calendars.c.changes + 1)
)


def hold_calendar(connection: Connection, care_provider_id: int) -> None:
    """Until this transaction ends, nobody else changes what of this provider is free."""
    if not connection.execute(HOLD, {"provider": care_provider_id}).rowcount:
        try:
            connection.execute(ADD_CALENDAR, {"care_provider_id": care_provider_id})
        except IntegrityError as error:
            raise Repeatable("another transaction began this calendar first") from error


def update_calendar(connection: Connection, care_provider_id: int, first_cell: int, end_cell: int) -> None:
    """After a change within [first_cell, end_cell), in the transaction that made it. The calendar must be held."""
    values = {"provider": care_provider_id, "since": first_cell - LONGEST_SLOT, "until": end_cell}
    connection.execute(UPDATE_AROUND, values)


def cells_to_release(*which: ColumnElement[bool]) -> ReturningDelete[Any]:
    """The statement that gives back cells of the booking `of_booking`, and says which these were."""
    cell = reserved_cells.c
    of_booking = cell.booking_id == bindparam("of_booking")
    return delete(reserved_cells).where(of_booking, *which).returning(cell.care_provider_id, cell.cell_start)


RELEASE_ALL = cells_to_release()


def release_cells(connection: Connection, statement: ReturningDelete[Any], values: Mapping[str, Any]) -> int:
    """Give cells back by a statement of cells_to_release, and keep the calendar in step; returns how many."""
    connection.execute(HOLD_OF_BOOKING, values)
    result = connection.execute(statement, values)
    released = result.all() if result.returns_rows else []  # an ODBC driver may tell of no rows instead of none
    for provider in {row.care_provider_id for row in released}:
        cells = [row.cell_start for row in released if row.care_provider_id == provider]
        update_calendar(connection, provider, min(cells), max(cells) + SECONDS)
    return len(released)


# --- anew ----------------------------------------------------------------------------------

NEXT_PROVIDERS = (
    select(slots.c.care_provider_id)
    .where(slots.c.care_provider_id > bindparam("after"))
    .distinct()
    .order_by(slots.c.care_provider_id)
    .limit(bindparam("most"))
)
OF_THESE = SLOT.c.care_provider_id.in_(bindparam("providers", expanding=True))
THEIR_SLOTS = as_they_are(OF_THESE, SLOT.c.starts_cell.is_not(None))
UPDATE_ALL = made_so(THEIR_SLOTS)
WRONG = select(func.count()).select_from(slots).join(THEIR_SLOTS, THEIR_SLOTS.c.id == slots.c.id)
COUNT_WRONG = WRONG.where(differs(THEIR_SLOTS))
OPEN_WITHOUT_CELLS = select(SLOT.c.id, SLOT.c.starts_at, SLOT.c.ends_at).where(OF_THESE, SLOT.c.starts_cell.is_(None))
FILL_CELLS = (
    update(slots)
    .where(slots.c.id == bindparam("slot_id"))
    .values(starts_cell=bindparam("first"), ends_cell=bindparam("end"))
)


class SqlCalendars:
    """What a search reads of slots, looked at and made anew, some providers at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self, *, after: int, limit: int) -> CalendarsSeen:
        with self._database.reading(one_moment=True) as connection:
            if not (providers := _next_providers(connection, after, limit)):
                return CalendarsSeen(upto=None, wrong=0)
            wrong = connection.execute(COUNT_WRONG, {"providers": providers}).scalar_one()
            wrong += len(connection.execute(OPEN_WITHOUT_CELLS, {"providers": providers}).all())
        return CalendarsSeen(upto=providers[-1], wrong=wrong)

    def rebuild(self, *, after: int, limit: int) -> CalendarsSeen:
        seen = self.check(after=after, limit=limit)
        if not seen.wrong:  # nothing to be locked for
            return seen

        def work(connection: Connection) -> CalendarsSeen:
            if not (providers := _next_providers(connection, after, limit)):
                return CalendarsSeen(upto=None, wrong=0)
            for provider in providers:
                hold_calendar(connection, provider)
            _fill_cells(connection, providers)
            wrong = connection.execute(UPDATE_ALL, {"providers": providers}).rowcount
            return CalendarsSeen(upto=providers[-1], wrong=wrong)

        return self._database.write(work)


def _next_providers(connection: Connection, after: int, limit: int) -> list[int]:
    return list(connection.execute(NEXT_PROVIDERS, {"after": after, "most": limit}).scalars())


def _fill_cells(connection: Connection, providers: Sequence[int]) -> None:
    """Of slots that somebody else wrote to the table, without their cells."""
    rows = connection.execute(OPEN_WITHOUT_CELLS, {"providers": list(providers)}).all()
    cells: list[dict[str, Any]] = [
        {"slot_id": row.id, "first": int(row.starts_at.timestamp()), "end": int(row.ends_at.timestamp())}
        for row in rows
    ]
    if cells:
        connection.execute(FILL_CELLS, cells)
