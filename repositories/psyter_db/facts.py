"""What reconciliation reads of orders, ledger and balances."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, ScalarSelect, bindparam, case, func, or_, select

from repositories.database import Database, in_chunks
from repositories.entities.facts import OrderFact, Span
from repositories.enums import LedgerKind, OrderStatus
from repositories.psyter_db.tables import balance_ledger, orders, organization_balances


def _entered(kind: LedgerKind) -> ScalarSelect[Any]:
    return (
        select(func.coalesce(func.sum(balance_ledger.c.amount_minor), 0))
        .where(balance_ledger.c.order_id == orders.c.id, balance_ledger.c.kind == kind.value)
        .scalar_subquery()
    )


FACTS = select(
    orders.c.id,
    orders.c.booking_id,
    orders.c.status,
    orders.c.amount_minor,
    orders.c.is_charged_to_balance,
    orders.c.updated_at,
    _entered(LedgerKind.DEBIT).label("debited_minor"),
    _entered(LedgerKind.RESTORE).label("restored_minor"),
)
OF_BOOKINGS = FACTS.where(orders.c.booking_id.in_(bindparam("booking_ids", expanding=True)))
CHANGED = (
    FACTS.where(
        orders.c.updated_at >= bindparam("since"),
        orders.c.updated_at < bindparam("before"),
        or_(orders.c.updated_at > bindparam("since"), orders.c.id > bindparam("after_id")),
    )
    .order_by(orders.c.updated_at, orders.c.id)
    .limit(bindparam("most"))
)
_SIGNED = case(
    (balance_ledger.c.kind == LedgerKind.DEBIT.value, balance_ledger.c.amount_minor),
    else_=-balance_ledger.c.amount_minor,
)
TAKEN_OUT = (
    select(func.coalesce(func.sum(_SIGNED), 0))
    .where(balance_ledger.c.organization_id == organization_balances.c.organization_id)
    .scalar_subquery()
)
AGAINST_LEDGER = (
    select(organization_balances.c.organization_id)
    .where(
        organization_balances.c.organization_id > bindparam("after_id"),
        organization_balances.c.balance_minor != organization_balances.c.deposited_minor - TAKEN_OUT,
    )
    .order_by(organization_balances.c.organization_id)
    .limit(bindparam("most"))
)


class SqlPsyterFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]:
        found: list[OrderFact] = []
        with self._database.reading() as connection:
            for some in in_chunks(booking_ids):
                found += _facts(connection.execute(OF_BOOKINGS, {"booking_ids": some}))
        return found

    def changed_orders(self, span: Span, *, after: OrderFact | None, limit: int) -> Sequence[OrderFact]:
        values = {
            "since": span.since if after is None else after.updated_at,
            "before": span.before,
            "after_id": 0 if after is None else after.id,
            "most": limit,
        }
        with self._database.reading() as connection:
            return _facts(connection.execute(CHANGED, values))

    def balances_against_ledger(self, *, after: int | None, limit: int) -> Sequence[int]:
        with self._database.reading() as connection:
            return list(connection.execute(AGAINST_LEDGER, {"after_id": after or 0, "most": limit}).scalars())


def _facts(rows: Iterable[Row[Any]]) -> list[OrderFact]:
    return [
        OrderFact(
            id=row.id,
            booking_id=row.booking_id,
            status=OrderStatus(row.status),
            amount_minor=row.amount_minor,
            is_charged_to_balance=row.is_charged_to_balance,
            updated_at=row.updated_at,
            debited_minor=int(row.debited_minor),  # PostgreSQL's SUM is a numeric
            restored_minor=int(row.restored_minor),
        )
        for row in rows
    ]
