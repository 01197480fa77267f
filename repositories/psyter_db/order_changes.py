"""What a move to another time makes of an order's amount, and of the balance that it was paid from."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, false, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from repositories.database import Database
from repositories.entities.moves import AmountChange
from repositories.entities.orders import price_of
from repositories.enums import LedgerKind, OrderStatus
from repositories.ports.errors import BalanceOut, OrderVoided
from repositories.psyter_db.orders import DEBIT, ENTER, RESTORE
from repositories.psyter_db.tables import care_providers, order_changes, orders

FIND = select(order_changes).where(order_changes.c.change_key == bindparam("key"))
TERMS = (
    select(
        orders.c.id,
        orders.c.organization_id,
        orders.c.amount_minor,
        orders.c.is_charged_to_balance,
        orders.c.status,
        care_providers.c.hourly_rate_minor,
    )
    .join_from(orders, care_providers, care_providers.c.id == orders.c.care_provider_id)
    .where(orders.c.booking_id == bindparam("of_booking"))
)
NOTE = insert(order_changes)
SET_AMOUNT = (
    update(orders)
    .where(
        orders.c.booking_id == bindparam("of_booking"),
        orders.c.status == OrderStatus.OPEN,
        orders.c.amount_minor == bindparam("from_amount"),
    )
    .values(amount_minor=bindparam("to_amount"), updated_at=bindparam("now"))
)
REVERT = (
    update(order_changes)
    .where(order_changes.c.change_key == bindparam("key"), order_changes.c.is_reverted == false())
    .values(is_reverted=true())
)
REVERTED = "-reverted"


class SqlOrderChanges:
    def __init__(self, database: Database) -> None:
        self._database = database

    def change_amount(self, booking_id: int, *, change_key: str, duration: timedelta, now: datetime) -> AmountChange:
        def work(connection: Connection) -> AmountChange:
            terms = connection.execute(TERMS, {"of_booking": booking_id}).mappings().one()
            change = AmountChange(
                before_minor=terms["amount_minor"],
                after_minor=price_of(duration, hourly_rate_minor=terms["hourly_rate_minor"]),
            )
            _note(connection, booking_id, change_key, change, is_reverted=False, now=now)
            if not _set_amount(connection, booking_id, change.before_minor, change.after_minor, now):
                raise OrderVoided
            _settle(connection, terms, change.after_minor - change.before_minor, change_key, now)
            return change

        try:
            return self._database.write(work)
        except IntegrityError:
            return self._made_before(change_key)

    def revert_change_if_present(self, booking_id: int, *, change_key: str, now: datetime) -> None:
        try:
            self._database.write(lambda connection: _revert(connection, booking_id, change_key, now))
        except IntegrityError:  # the change came between: now there is one to revert
            self._database.write(lambda connection: _revert(connection, booking_id, change_key, now))

    def _made_before(self, change_key: str) -> AmountChange:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"key": change_key}).one()
        if row.is_reverted:
            raise OrderVoided
        return AmountChange(before_minor=row.before_minor, after_minor=row.after_minor)


def _revert(connection: Connection, booking_id: int, change_key: str, now: datetime) -> None:
    was_in_force = connection.execute(REVERT, {"key": change_key}).rowcount
    row = connection.execute(FIND, {"key": change_key}).one_or_none()
    if row is None:
        nothing = AmountChange(before_minor=0, after_minor=0)
        _note(connection, booking_id, change_key, nothing, is_reverted=True, now=now)
    elif was_in_force and _set_amount(connection, booking_id, row.after_minor, row.before_minor, now):
        terms = connection.execute(TERMS, {"of_booking": booking_id}).mappings().one()
        _settle(connection, terms, row.before_minor - row.after_minor, change_key + REVERTED, now)


def _note(
    connection: Connection, booking_id: int, change_key: str, change: AmountChange, *, is_reverted: bool, now: datetime
) -> None:
    values = {
        "change_key": change_key,
        "booking_id": booking_id,
        "before_minor": change.before_minor,
        "after_minor": change.after_minor,
        "is_reverted": is_reverted,
        "created_at": now,
    }
    connection.execute(NOTE, values)


def _set_amount(connection: Connection, booking_id: int, before: int, after: int, now: datetime) -> bool:
    """False if the order is void: whoever voided it gave all of it back."""
    values = {"of_booking": booking_id, "from_amount": before, "to_amount": after, "now": now}
    return connection.execute(SET_AMOUNT, values).rowcount > 0


def _settle(connection: Connection, terms: RowMapping, more: int, entry_key: str, now: datetime) -> None:
    """Take `more` from the charity's balance, or give it back if it is less than nothing."""
    if not terms["is_charged_to_balance"] or more == 0:
        return
    values = {"of_organization": terms["organization_id"], "amount": abs(more)}
    if connection.execute(DEBIT if more > 0 else RESTORE, values).rowcount == 0:
        raise BalanceOut
    entry = {
        "organization_id": terms["organization_id"],
        "order_id": terms["id"],
        "kind": LedgerKind.DEBIT if more > 0 else LedgerKind.RESTORE,
        "amount_minor": abs(more),
        "change_key": entry_key,
        "created_at": now,
    }
    connection.execute(ENTER, entry)
