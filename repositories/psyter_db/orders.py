"""Orders and the balance they are paid from: one order per booking, one ledger entry per order and kind."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from repositories.database import Database
from repositories.entities.orders import Order, price_of
from repositories.enums import LedgerKind, OrderStatus
from repositories.ports.errors import BalanceOut, OrderVoided
from repositories.psyter_db.tables import balance_ledger, care_providers, orders, organization_balances, organizations

FIND = select(orders).where(orders.c.booking_id == bindparam("of_booking"))
TERMS = (
    select(organizations.c.is_charity, care_providers.c.hourly_rate_minor)
    .join_from(organizations, care_providers, care_providers.c.id == bindparam("of_provider"))
    .where(organizations.c.id == bindparam("of_organization"))
)
ADD = insert(orders)
ENTER = insert(balance_ledger)
DEBIT = (
    update(organization_balances)
    .where(
        organization_balances.c.organization_id == bindparam("of_organization"),
        organization_balances.c.balance_minor >= bindparam("amount"),
    )
    .values(balance_minor=organization_balances.c.balance_minor - bindparam("amount"))
)
RESTORE = (
    update(organization_balances)
    .where(organization_balances.c.organization_id == bindparam("of_organization"))
    .values(balance_minor=organization_balances.c.balance_minor + bindparam("amount"))
)
VOID = (
    update(orders)
    .where(orders.c.booking_id == bindparam("of_booking"), orders.c.status == OrderStatus.OPEN)
    .values(status=OrderStatus.VOID, updated_at=bindparam("now"))
)


class SqlOrders:
    def __init__(self, database: Database) -> None:
        self._database = database

    def save_order(
        self,
        *,
        booking_id: int,
        organization_id: int,
        user_id: int,
        care_provider_id: int,
        duration: timedelta,
        now: datetime,
    ) -> Order:
        def work(connection: Connection) -> Order:
            terms = connection.execute(
                TERMS, {"of_organization": organization_id, "of_provider": care_provider_id}
            ).one()
            values = {
                "booking_id": booking_id,
                "organization_id": organization_id,
                "user_id": user_id,
                "care_provider_id": care_provider_id,
                "status": OrderStatus.OPEN,
                "amount_minor": price_of(duration, hourly_rate_minor=terms.hourly_rate_minor),
                "is_charged_to_balance": terms.is_charity,
            }
            order = _add_order(connection, values, now)
            if order.is_charged_to_balance:
                _debit(connection, organization_id, order, now)
            return order

        try:
            return self._database.write(work)
        except IntegrityError:
            return self._saved_before(booking_id)

    def void_order_if_present(self, booking_id: int, *, now: datetime) -> None:
        try:
            self._database.write(lambda connection: _void(connection, booking_id, now))
        except IntegrityError:  # a save came between: now there is an order to void
            self._database.write(lambda connection: _void(connection, booking_id, now))

    def _saved_before(self, booking_id: int) -> Order:
        with self._database.reading() as connection:
            order = _order_of(connection.execute(FIND, {"of_booking": booking_id}).one())
        if order.status is OrderStatus.VOID:
            raise OrderVoided
        return order


def _add_order(connection: Connection, values: dict[str, Any], now: datetime) -> Order:
    key = connection.execute(ADD, {**values, "created_at": now, "updated_at": now}).inserted_primary_key
    return Order(
        id=int(key[0]),  # type: ignore[index]
        booking_id=values["booking_id"],
        status=values["status"],
        amount_minor=values["amount_minor"],
        is_charged_to_balance=values["is_charged_to_balance"],
    )


def _debit(connection: Connection, organization_id: int, order: Order, now: datetime) -> None:
    values = {"of_organization": organization_id, "amount": order.amount_minor}
    if connection.execute(DEBIT, values).rowcount == 0:
        raise BalanceOut
    _enter(connection, organization_id, order, LedgerKind.DEBIT, now)


def _void(connection: Connection, booking_id: int, now: datetime) -> None:
    was_open = connection.execute(VOID, {"of_booking": booking_id, "now": now}).rowcount
    row = connection.execute(FIND, {"of_booking": booking_id}).one_or_none()
    if row is None:
        _keep_out_a_late_save(connection, booking_id, now)
    elif was_open and row.is_charged_to_balance:
        connection.execute(RESTORE, {"of_organization": row.organization_id, "amount": row.amount_minor})
        _enter(connection, row.organization_id, _order_of(row), LedgerKind.RESTORE, now)


def _keep_out_a_late_save(connection: Connection, booking_id: int, now: datetime) -> None:
    values = {
        "booking_id": booking_id,
        "status": OrderStatus.VOID,
        "amount_minor": 0,
        "is_charged_to_balance": False,
    }
    _add_order(connection, values, now)


def _enter(connection: Connection, organization_id: int, order: Order, kind: LedgerKind, now: datetime) -> None:
    connection.execute(
        ENTER,
        {
            "organization_id": organization_id,
            "order_id": order.id,
            "kind": kind,
            "amount_minor": order.amount_minor,
            "change_key": "",
            "created_at": now,
        },
    )


def _order_of(row: Row[Any]) -> Order:
    return Order(
        id=row.id,
        booking_id=row.booking_id,
        status=OrderStatus(row.status),
        amount_minor=row.amount_minor,
        is_charged_to_balance=row.is_charged_to_balance,
    )
