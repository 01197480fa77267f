"""Of which request a row of a booking comes, so that what workers do about it is found by that request's id."""

from typing import Any

from sqlalchemy import ColumnElement, Label, select

from repositories.scheduling_db.tables import sagas


def request_of(booking_id: ColumnElement[Any], by: ColumnElement[Any]) -> Label[Any]:
    """`request_id`: of the booking's last saga that had begun by then. A part of the statement that reads the row."""
    saga = sagas.alias("asked")
    return (
        select(saga.c.request_id)
        .where(saga.c.booking_id == booking_id, saga.c.created_at <= by)
        .order_by(saga.c.created_at.desc())
        .limit(1)
        .scalar_subquery()
        .label("request_id")
    )
