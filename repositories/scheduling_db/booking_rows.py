"""A booking's row and the entity it stands for."""

from typing import Any

from sqlalchemy import Row, bindparam, select

from repositories.entities.bookings import Booking
from repositories.enums import BookingStatus, CommunicationType, Reason
from repositories.scheduling_db.tables import bookings

FIND = select(bookings).where(
    bookings.c.id == bindparam("booking_id"), bookings.c.organization_id == bindparam("of_organization")
)


def booking_of(row: Row[Any]) -> Booking:
    return Booking(
        id=row.id,
        organization_id=row.organization_id,
        user_id=row.user_id,
        care_provider_id=row.care_provider_id,
        slot_id=row.slot_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        communication_type=CommunicationType(row.communication_type),
        status=BookingStatus(row.status),
        meeting_id=row.meeting_id,
        reason=reason_of(row.reason),
        failed_step=row.failed_step,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        withdrawal_reason=row.withdrawal_reason,
        moving_saga_id=row.moving_saga_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def reason_of(number: int | None) -> Reason | None:
    return None if number is None else Reason(number)
