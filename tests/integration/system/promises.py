"""What must hold in the world once every saga has ended: databases, ledger, timelines and VideoSDK agree.

A `Story` is all that is kept of one booking; each promise is a function that looks at it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Table, select

from bootstrap import Databases, build_sagas, outside_services
from demo.data import CHARITY
from demo.stack import Stack
from demo.town import Town
from repositories.database import Database
from repositories.entities.moves import MOVED_BY
from repositories.enums import Attempted, BookingStatus, LedgerKind, OrderStatus, OutcomeWord, SagaStatus
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.cells import cells_of
from saga import definition
from saga.definition import Step, nothing
from saga.withdraw_group import NAME as WITHDRAW_GROUP

MAY_ALSO_END = {MOVED_BY: {SagaStatus.UNDONE}, WITHDRAW_GROUP: {SagaStatus.DONE}}
SIGN = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
LAST_EVENT = {
    BookingStatus.CONFIRMED: "confirmed",
    BookingStatus.FAILED: "failed",
    BookingStatus.CANCELLED: "cancelled",
}
TURNED = {
    OutcomeWord.REFUSED,
    OutcomeWord.UNAVAILABLE,
    OutcomeWord.UNKNOWN,
    OutcomeWord.EXPIRED,
    OutcomeWord.WITHDRAWN,
}


@dataclass(frozen=True)
class Story:
    booking: Any
    cells: list[Any]
    sagas: list[Any]
    attempts: list[Any]
    events: list[Any]
    orders: list[Any]
    ledger: list[Any]
    interventions: list[Any]  # of operators

    @property
    def by_hand(self) -> set[str]:
        return {entry.saga_id for entry in self.interventions}

    @property
    def is_confirmed(self) -> bool:
        return bool(self.booking.status == BookingStatus.CONFIRMED)

    @property
    def moves(self) -> list[Any]:
        return [saga for saga in self.sagas if saga.name == MOVED_BY]

    @property
    def was_confirmed(self) -> bool:
        return any(event.kind == "confirmed" for event in self.events)


def check_promises(town: Town, stack: Stack, *, initial_balance: int) -> None:
    tables = tables_of(town)
    stories = stories_of(town)
    for story in stories:
        check_story(story, tables)
    meetings = [story.booking.meeting_id for story in stories if story.is_confirmed]
    assert stack.open_rooms() == set(meetings)
    assert len(set(meetings)) == len(meetings)
    known = {story.booking.id for story in stories}
    assert {row.booking_id for row in rows(town, scheduling.reserved_cells)} <= known
    check_balance(town, initial_balance)


def check_story(story: Story, tables: Mapping[str, definition.Table], *, clocks_agree: bool = True) -> None:
    """What one booking promises, the rooms at VideoSDK apart."""
    check_end(story)
    check_time(story)
    check_money(story)
    check_events(story)
    for saga in story.sagas:
        lines = [line for line in story.attempts if line.saga_id == saga.id]
        if saga.id not in story.by_hand:  # theirs tells another story
            check_timeline(story, saga, lines, tables[saga.name])
        if clocks_agree:
            assert [line.started_at for line in lines] == sorted(line.started_at for line in lines)


# --- the promises --------------------------------------------------------------------------


def check_end(story: Story) -> None:
    booking = story.booking
    assert booking.status in LAST_EVENT
    assert (booking.reason is None) == story.was_confirmed
    assert (booking.withdrawn_at is None) == (booking.status != BookingStatus.CANCELLED)
    assert (booking.meeting_id is not None) == story.was_confirmed
    assert booking.moving_saga_id is None
    for saga in story.sagas:
        wanted = {SagaStatus.DONE if story.was_confirmed else SagaStatus.UNDONE}
        wanted |= MAY_ALSO_END.get(saga.name, set()) | ({SagaStatus.RESOLVED} if saga.id in story.by_hand else set())
        assert saga.status in wanted, saga.error
        assert (saga.due_at, saga.lease_token) == (None, None)


def check_time(story: Story) -> None:
    wanted = cells_of(story.booking.starts_at, story.booking.ends_at) if story.is_confirmed else []
    assert sorted(cell.cell_start for cell in story.cells) == wanted
    assert {cell.care_provider_id for cell in story.cells} <= {story.booking.care_provider_id}


def check_money(story: Story) -> None:
    orders = [order for order in story.orders if order.status == OrderStatus.OPEN]
    assert len(orders) == story.is_confirmed
    assert len(story.orders) <= 1
    paid = sum(SIGN[entry.kind] * entry.amount_minor for entry in story.ledger)
    assert paid == -sum(order.amount_minor for order in orders if order.is_charged_to_balance)
    if not story.moves:
        kinds = sorted(entry.kind for entry in story.ledger)
        is_charged = any(order.is_charged_to_balance for order in story.orders)
        assert kinds == ([LedgerKind.DEBIT, LedgerKind.RESTORE][: 1 + (not orders)] if is_charged else [])


def check_events(story: Story) -> None:
    assert [event.sequence for event in story.events] == list(range(1, len(story.events) + 1))
    kinds = [event.kind for event in story.events if not event.kind.startswith("reminder_")]
    assert kinds.count("rescheduled") == sum(saga.status == SagaStatus.DONE for saga in story.moves)
    others = [kind for kind in kinds if kind != "rescheduled"]
    assert len(set(others)) == len(others)
    assert (others[0], others[-1]) == ("accepted", LAST_EVENT[BookingStatus(story.booking.status)])
    assert story.events[-1].status == story.booking.status


def check_timeline(story: Story, saga: Any, lines: list[Any], table: definition.Table) -> None:
    """Every step that was done is told once and in order, and so is every undo that was owed; nothing else is."""
    actions = [line for line in lines if line.kind == Attempted.ACTION]
    undos = [line for line in lines if line.kind == Attempted.UNDO]
    assert lines == actions + undos
    done = [line.step for line in actions if line.outcome == OutcomeWord.DONE]
    assert done == [step.name for step in table if step.name in done]
    if saga.status == SagaStatus.DONE:
        assert {step.name for step in table if not step.is_best_effort} <= set(done)
        assert undos == []
    else:
        assert saga.failed_step == actions[-1].step
        check_turned_back(actions[-1], done, undos, table)
        assert saga.name == MOVED_BY or story.booking.failed_step == saga.failed_step


def check_turned_back(turn: Any, done: list[str], undos: list[Any], table: definition.Table) -> None:
    assert turn.outcome in TURNED
    undone = [line.step for line in undos if line.outcome == OutcomeWord.DONE]
    assert len(set(undone)) == len(undone)
    assert {step.name for step in table if step.name in done and has_undo(step)} <= set(undone)
    assert set(undone) <= {*done, turn.step}


def has_undo(step: Step) -> bool:
    return step.undo is not nothing


def check_balance(town: Town, initial_balance: int) -> None:
    (balance,) = rows(town, psyter.organization_balances)
    ledger = rows(town, psyter.balance_ledger)
    assert balance.organization_id == CHARITY
    assert balance.balance_minor == initial_balance + sum(SIGN[entry.kind] * entry.amount_minor for entry in ledger)
    assert balance.balance_minor >= 0
    assert balance.deposited_minor == initial_balance


# --- reading -------------------------------------------------------------------------------

OF_A_BOOKING = {
    "cells": scheduling.reserved_cells,
    "sagas": scheduling.sagas,
    "attempts": scheduling.saga_attempts,
    "events": scheduling.booking_events,
    "interventions": scheduling.saga_audit,
    "orders": psyter.orders,
}


def tables_of(town: Town) -> Mapping[str, definition.Table]:
    databases = Databases(psyter=town.psyter, scheduling=town.scheduling)
    guard = outside_services(town.settings, town.scheduling).guard
    return {saga.name: saga.table for saga in build_sagas(town.settings, databases, guard)}


class TwoDatabases(Protocol):
    @property
    def psyter(self) -> Database: ...

    @property
    def scheduling(self) -> Database: ...


def stories_of(town: TwoDatabases, *booking_ids: int) -> list[Story]:
    """Of these bookings, or of all."""
    kept = {
        name: grouped((row.booking_id, row) for row in rows(town, table, *among(table.c.booking_id, booking_ids)))
        for name, table in OF_A_BOOKING.items()
    }
    booked_for = {order.id: order.booking_id for orders in kept["orders"].values() for order in orders}
    entries = psyter.balance_ledger
    of_them = [entries.c.order_id.in_(booked_for)] if booking_ids else []
    ledger = grouped((booked_for[entry.order_id], entry) for entry in rows(town, entries, *of_them))
    return [
        Story(
            booking=booking,
            ledger=ledger[booking.id],
            **{name: found[booking.id] for name, found in kept.items()},
        )
        for booking in rows(town, scheduling.bookings, *among(scheduling.bookings.c.id, booking_ids))
    ]


def among(column: Column[Any], wanted: tuple[int, ...]) -> list[ColumnElement[bool]]:
    return [column.in_(wanted)] if wanted else []


def grouped(found: Iterable[tuple[int, Any]]) -> Mapping[int, list[Any]]:
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for booking_id, row in found:
        groups[booking_id].append(row)
    return groups


def rows(town: TwoDatabases, table: Table, *conditions: ColumnElement[bool]) -> list[Any]:
    """In the order of their keys."""
    database = town.psyter if table.metadata is psyter.metadata else town.scheduling
    with database.reading() as connection:
        return list(connection.execute(select(table).where(*conditions).order_by(*table.primary_key)))
