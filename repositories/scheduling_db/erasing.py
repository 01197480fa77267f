"""One user's bookings: told as they are, and emptied of what people wrote in them. Whose they are stays, as an id."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from repositories.acting import about
from repositories.database import Database
from repositories.enums import BookingStatus
from repositories.ports.errors import UserHasBookings
from repositories.scheduling_db.tables import bookings

_OF_USER = (bookings.c.organization_id == bindparam("of_organization"), bookings.c.user_id == bindparam("of_user"))
LIST = (
    select(
        bookings.c.id,
        bookings.c.care_provider_id,
        bookings.c.starts_at,
        bookings.c.ends_at,
        bookings.c.status,
        bookings.c.meeting_id,
        bookings.c.withdrawn_at,
        bookings.c.withdrawn_by,
        bookings.c.withdrawal_reason,
        bookings.c.created_at,
    )
    .where(*_OF_USER)
    .order_by(bookings.c.id)
)
STILL_ON = (
    select(bookings.c.id)
    .where(
        *_OF_USER,
        or_(
            bookings.c.status == BookingStatus.PENDING,
            and_(bookings.c.status == BookingStatus.CONFIRMED, bookings.c.ends_at > bindparam("now")),
        ),
    )
    .order_by(bookings.c.id)
    .limit(1)
)
BLANK = update(bookings).where(*_OF_USER, bookings.c.withdrawal_reason.is_not(None)).values(withdrawal_reason=None)


class SqlBookingTraces:
    def __init__(self, database: Database) -> None:
        self._database = database

    def export(self, user_id: int, *, organization_id: int) -> list[Mapping[str, Any]]:
        which = {"of_user": user_id, "of_organization": organization_id}
        with self._database.reading() as connection:
            return [plain(row._mapping) for row in connection.execute(LIST, which)]

    def blank(self, user_id: int, *, organization_id: int, now: datetime) -> None:
        which = {"of_user": user_id, "of_organization": organization_id}

        def work(connection: Connection) -> None:
            if connection.execute(STILL_ON, which | {"now": now}).first() is not None:
                raise UserHasBookings
            connection.execute(BLANK, which)
            about("user", user_id, action="user.erase", organization_id=organization_id)

        self._database.write(work)


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """As JSON can have it: instants in UTC with a Z."""
    return {
        str(name): f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
        for name, value in row.items()
    }
