"""What must hold in the world once every saga has ended: the databases, the ledger and VideoSDK agree."""

from collections import Counter
from typing import Any

from sqlalchemy import Table, select

from demo.data import CHARITY
from demo.stack import Stack
from demo.town import Town
from repositories.entities.moves import MOVED_BY
from repositories.enums import BookingStatus, LedgerKind, OrderStatus, SagaStatus
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.cells import cells_of
from saga.withdraw_group import NAME as WITHDRAW_GROUP


def check_promises(town: Town, stack: Stack, *, initial_balance: int) -> None:
    bookings = rows(town, scheduling.bookings)
    confirmed = {row.id for row in bookings if row.status == BookingStatus.CONFIRMED}
    assert all(row.status != BookingStatus.PENDING for row in bookings)
    told = {(row.booking_id, row.kind) for row in rows(town, scheduling.booking_events)}
    was_confirmed = {booking for booking, kind in told if kind == "confirmed"}
    assert all((row.reason is None) == (row.id in was_confirmed) for row in bookings)
    assert all((row.withdrawn_at is None) == (row.status != BookingStatus.CANCELLED) for row in bookings)
    assert all(
        saga.status == (SagaStatus.DONE if saga.booking_id in was_confirmed else SagaStatus.UNDONE)
        for saga in rows(town, scheduling.sagas)
        if saga.name not in {MOVED_BY, WITHDRAW_GROUP} and saga.status != SagaStatus.RESOLVED
    )
    assert all(row.moving_saga_id is None for row in bookings)
    held = {(row.booking_id, row.cell_start) for row in rows(town, scheduling.reserved_cells)}
    own = {(row.id, cell) for row in bookings if row.id in confirmed for cell in cells_of(row.starts_at, row.ends_at)}
    assert held == own
    orders = rows(town, psyter.orders)
    assert {order.booking_id for order in orders if order.status == OrderStatus.OPEN} == confirmed
    meetings = [row.meeting_id for row in bookings if row.id in confirmed]
    assert stack.open_rooms() == set(meetings)
    assert len(set(meetings)) == len(meetings)
    check_ledger(town, orders, initial_balance)
    check_timelines(town, was_confirmed)


def check_ledger(town: Town, orders: list[Any], initial_balance: int) -> None:
    (balance,) = rows(town, psyter.organization_balances)
    ledger = rows(town, psyter.balance_ledger)
    sign = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
    assert balance.organization_id == CHARITY
    assert balance.balance_minor == initial_balance + sum(sign[entry.kind] * entry.amount_minor for entry in ledger)
    assert balance.balance_minor >= 0
    assert balance.deposited_minor == initial_balance
    taken = Counter[int]()
    for entry in ledger:
        taken[entry.order_id] -= sign[entry.kind] * entry.amount_minor
    for order in orders:
        is_paid = order.is_charged_to_balance and order.status == OrderStatus.OPEN
        assert taken[order.id] == (order.amount_minor if is_paid else 0)


def check_timelines(town: Town, confirmed: set[int]) -> None:
    told = Counter(
        row.booking_id
        for row in rows(town, scheduling.saga_attempts)
        if (row.step, row.outcome) == ("confirm_booking", "done")
    )
    assert told == dict.fromkeys(confirmed, 1)
    events = Counter((row.booking_id, row.kind) for row in rows(town, scheduling.booking_events))
    assert all(number == 1 for (_, kind), number in events.items() if kind != "rescheduled")
    assert {booking for booking, kind in events if kind == "confirmed"} == confirmed


def rows(town: Town, table: Table) -> list[Any]:
    database = town.psyter if table.metadata is psyter.metadata else town.scheduling
    with database.reading() as connection:
        return list(connection.execute(select(table)))
