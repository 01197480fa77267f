"""Bookings that a partner looks back on, the newest session first.

However many bookings there are, a page reads a few rows: for each status that is asked for, one short range of an index
that begins with the equalities and ends with the order (ix_bookings_history, ix_bookings_history_of_user).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select, union_all

from repositories.database import Database
from repositories.entities.bookings import Booking, HistoryFilter, HistoryPlace
from repositories.scheduling_db.booking_rows import booking_of
from repositories.scheduling_db.tables import bookings

_start, _id = bookings.c.starts_at, bookings.c.id
_FROM_THE_TOP = ((_start < bindparam("starts_before"),),)
_GOING_ON = (  # two ranges, for no engine reads `older, or of the same instant and a smaller id` as one
    (_start == bindparam("after_start"), _id < bindparam("after_id")),
    (_start < bindparam("after_start"),),
)


@cache
def page_statement(*, statuses: int, of_user: bool, goes_on: bool) -> Select[Any]:
    """One page: of so many statuses, of one user or of the whole organization, from the top or from a place on."""
    parts = _GOING_ON if goes_on else _FROM_THE_TOP
    ranges = [_range(number, of_user, bounds) for number in range(statuses) for bounds in parts]
    found = union_all(*(select(one.subquery()) for one in ranges)).subquery()
    page = select(found.c.id).order_by(found.c.starts_at.desc(), found.c.id.desc()).limit(bindparam("most")).subquery()
    return select(bookings).join(page, page.c.id == _id).order_by(_start.desc(), _id.desc())


def _range(number: int, of_user: bool, bounds: tuple[ColumnElement[bool], ...]) -> Select[Any]:
    equal = [
        bookings.c.organization_id == bindparam("of_organization"),
        bookings.c.status == bindparam(f"status_{number}"),
        *([bookings.c.user_id == bindparam("of_user")] if of_user else []),
    ]
    return (
        select(_id, _start)
        .where(*equal, _start >= bindparam("starts_from"), *bounds)
        .order_by(_start.desc(), _id.desc())
        .limit(bindparam("most"))
    )


class SqlBookingHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list_bookings(self, wanted: HistoryFilter, *, after: HistoryPlace | None, limit: int) -> Sequence[Booking]:
        statement = page_statement(
            statuses=len(wanted.statuses), of_user=wanted.user_id is not None, goes_on=after is not None
        )
        with self._database.reading() as connection:
            return [booking_of(row) for row in connection.execute(statement, _values(wanted, after, limit))]


def _values(wanted: HistoryFilter, after: HistoryPlace | None, limit: int) -> dict[str, Any]:
    return {
        "of_organization": wanted.organization_id,
        "of_user": wanted.user_id,
        "starts_from": wanted.starts_from,
        "starts_before": wanted.starts_before,
        "after_start": after.starts_at if after else None,
        "after_id": after.booking_id if after else None,
        "most": limit,
        **{f"status_{number}": status for number, status in enumerate(wanted.statuses)},
    }
