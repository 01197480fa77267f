"""Transactions that meet at one booking take its rows in one order, so whoever comes second waits and none is a victim.

Saga, then booking, then calendar. A deadlock would be survived, by a repeat, but only after a second of doubt.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from threading import Thread
from typing import Any, cast

import pytest
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from repositories.database import Database
from repositories.enums import SagaStatus
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.moves import SqlMoves
from saga.book_session import BookSession
from saga.line import Line
from saga.reschedule_booking import RescheduleBooking
from saga.runner import Runner
from tests.conftest import FreshDatabase
from tests.contract.test_moves import FAR, Moving
from tests.contract.test_scheduling import HOUR, LEASE, NOW, STARTS, slot, sql_world
from tests.engines import ENGINES

Act = Callable[[], object]
NOBODY = cast(Any, None)  # these steps ask nobody
BOOKING = BookSession(
    slots=NOBODY, orders=NOBODY, rooms=NOBODY, providers=NOBODY, users=NOBODY, push=NOBODY, clock=lambda: NOW
)
MOVE = RescheduleBooking(slots=NOBODY, orders=NOBODY, providers=NOBODY, push=NOBODY, clock=lambda: NOW)
Arranged = Callable[[Moving, Database], tuple[Act, Act]]
BLOCKED = 0.7  # seconds: whoever has not ended by then waits for the other


def confirming(moving: Moving, database: Database) -> tuple[Act, Act]:
    """The saga decides, and the partner cancels."""
    booking_id = moving.world.accept()
    moving.world.reserve(booking_id)
    at_pivot(moving, booking_id, step="confirm_booking", receipts={"create_meeting": {"meeting_id": "room"}})
    return worker(moving, booking_id, database), lambda: moving.world.withdraw(booking_id)


def undoing(moving: Moving, database: Database) -> tuple[Act, Act]:
    """The saga gives its time back and fails, and the partner cancels."""
    booking_id = moving.world.accept()
    moving.world.reserve(booking_id)
    turned_back(moving, booking_id, step="schedule_booking")
    return worker(moving, booking_id, database), lambda: moving.world.withdraw(booking_id)


def turning_a_move_back(moving: Moving, database: Database) -> tuple[Act, Act]:
    """The move gives its time back and ends, and the partner cancels the booking."""
    booking_id, saga_id = begun_move(moving)
    moving.world.saga_of[booking_id] = saga_id
    turned_back(moving, booking_id, step="take_time")
    return worker(moving, booking_id, database), lambda: moving.world.withdraw(booking_id)


def moving_it(moving: Moving, database: Database) -> tuple[Act, Act]:
    """The move decides, and the partner cancels the booking."""
    booking_id, saga_id = begun_move(moving)
    moving.world.saga_of[booking_id] = saga_id
    at_pivot(moving, booking_id, step="move_booking", receipts={})
    return worker(moving, booking_id, database), lambda: moving.world.withdraw(booking_id)


# --- how they are arranged -----------------------------------------------------------------


def begun_move(moving: Moving) -> tuple[int, str]:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id, to=FAR)
    moving.take(booking_id, FAR)
    return booking_id, saga_id


def at_pivot(moving: Moving, booking_id: int, *, step: str, receipts: dict[str, Any]) -> None:
    state = moving.world.claimed(booking_id, now=NOW + 2 * LEASE)
    moving.world.save(replace(state, step=step, receipts=receipts, due_at=NOW, claims=0))


def turned_back(moving: Moving, booking_id: int, *, step: str) -> None:
    state = moving.world.claimed(booking_id, now=NOW + 2 * LEASE)
    moving.world.save(replace(state, status=SagaStatus.UNDOING, step=step, owed=(step,), due_at=NOW, claims=0))


def worker(moving: Moving, booking_id: int, database: Database) -> Act:
    """One step of the saga, as a worker runs it."""
    runner = Runner(
        sagas={saga.name: saga for saga in (BOOKING, MOVE)},
        journal=SqlJournal(database),
        line=cast(Line, None),
        clock=lambda: NOW,
        jitter=lambda: 0.0,
        new_token=lambda: "worker",
        lease=LEASE,
        is_stopping=lambda: True,
    )
    return lambda: runner.advance(moving.world.saga_of[booking_id])


@pytest.mark.parametrize("who_is_first", ["saga", "partner"])
@pytest.mark.parametrize("changes", range(1, 6))
@pytest.mark.parametrize("arrange", [confirming, undoing, turning_a_move_back, moving_it])
@pytest.mark.parametrize("server", [engine for engine in ENGINES if engine != "sqlite"])  # which has one writer
def test_two_at_one_booking_wait_for_each_other_in_one_direction(
    server: str, fresh_database: FreshDatabase, arrange: Arranged, changes: int, who_is_first: str
) -> None:
    """The first one pauses after so many changes; the second does all it can; then the first goes on."""
    database = fresh_database(server, "scheduling_db")
    moving = Moving(sql_world(database), SqlMoves(database), NOBODY)
    for one in (slot(7, STARTS, HOUR), FAR):
        moving.world.add_slot(one)
    acts = arrange(moving, database)
    first, second = acts if who_is_first == "saga" else reversed(acts)
    other = Thread(target=second)
    made = count(1)
    errors = []

    def pause_after(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if not sql.startswith("SELECT") and next(made) == changes:
            other.start()
            other.join(BLOCKED)

    def note(context: ExceptionContext) -> None:
        errors.append(context.original_exception)

    event.listen(database.engine, "after_cursor_execute", pause_after)
    event.listen(database.engine, "handle_error", note)
    try:
        first()
        other.join(30)
    finally:
        event.remove(database.engine, "after_cursor_execute", pause_after)
        event.remove(database.engine, "handle_error", note)
    assert not other.is_alive()
    assert errors == []
