"""What reconciliation reads of orders, ledger and balances."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, case, func, select

from repositories.database import Database
from repositories.entities.facts import BalanceFact, OrderFact
from repositories.enums import LedgerKind, OrderStatus
from repositories.psyter_db.tables import balance_ledger, orders, organization_balances

CHUNK = 500  # ids in one statement


def _entered(kind: LedgerKind) -> ScalarSelect[Any]:
    return (
        select(func.coalesce(func.sum(balance_ledger.c.amount_minor), 0))
        .where(balance_ledger.c.order_id == orders.c.id, balance_ledger.c.kind == kind.value)
        .scalar_subquery()
    )


ORDERS = select(
    orders.c.booking_id,
    orders.c.status,
    orders.c.amount_minor,
    orders.c.is_charged_to_balance,
    _entered(LedgerKind.DEBIT).label("debited_minor"),
    _entered(LedgerKind.RESTORE).label("restored_minor"),
).where(orders.c.booking_id.in_(bindparam("booking_ids", expanding=True)))
TAKEN_OUT = (
    select(
        func.coalesce(
            func.sum(
                case(
                    (balance_ledger.c.kind == LedgerKind.DEBIT.value, balance_ledger.c.amount_minor),
                    else_=-balance_ledger.c.amount_minor,
                )
            ),
            0,
        )
    )
    .where(balance_ledger.c.organization_id == organization_balances.c.organization_id)
    .scalar_subquery()
)
BALANCES = select(
    organization_balances.c.organization_id,
    organization_balances.c.balance_minor,
    (organization_balances.c.deposited_minor - TAKEN_OUT).label("expected_minor"),
)


class SqlPsyterFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]:
        found: list[OrderFact] = []
        with self._database.reading() as connection:
            for start in range(0, len(booking_ids), CHUNK):
                rows = connection.execute(ORDERS, {"booking_ids": list(booking_ids[start : start + CHUNK])})
                found += [OrderFact(**{**row, "status": OrderStatus(row["status"])}) for row in rows.mappings()]
        return found

    def balances(self) -> Sequence[BalanceFact]:
        with self._database.reading() as connection:
            return [BalanceFact(**row) for row in connection.execute(BALANCES).mappings()]
