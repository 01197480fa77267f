"""The console's board, on every engine alike."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from repositories.database import Database
from repositories.entities.effects import GiveUpBooking
from repositories.enums import Reason, SagaStatus
from repositories.scheduling_db.board import SqlBoards, standing
from tests.contract.test_scheduling import HOUR, NOW, STARTS, World, slot, sql_world

LATER = NOW + timedelta(minutes=30, seconds=20)


@pytest.fixture
def world(scheduling_database: Database) -> World:
    world = sql_world(scheduling_database)
    world.add_slot(slot(7, STARTS, HOUR))
    return world


def end(world: World, booking_id: int, status: SagaStatus, *, at: datetime) -> None:
    state = replace(world.claimed(booking_id, now=at), status=status, step=None, due_at=None, claims=0)
    world.save(
        state, GiveUpBooking(booking_id=booking_id, reason=Reason.INTERNAL_ERROR, failed_step="save_order"), now=at
    )


def test_an_empty_board_has_sixty_minutes_of_nothing(scheduling_database: Database) -> None:
    board = SqlBoards(scheduling_database).look(now=NOW)
    assert (board.at, board.crowds, board.pending_bookings, board.oldest, board.due) == (NOW, [], 0, None, 0)
    assert board.oldest_due_at is None
    assert [minute.ended for minute in board.minutes] == [0] * 60
    assert {later.starts_at - earlier.starts_at for earlier, later in pairwise(board.minutes)} == {timedelta(minutes=1)}


def test_what_has_not_ended_is_counted_where_it_stands(world: World, scheduling_database: Database) -> None:
    first, second, third = (world.accept(now=NOW + timedelta(minutes=number)) for number in range(3))
    stuck = replace(world.claimed(third, now=LATER), status=SagaStatus.STUCK, step="save_order", due_at=None, claims=0)
    world.save(stuck, now=LATER)
    board = SqlBoards(scheduling_database).look(now=LATER)
    found = [(crowd.name, crowd.status, crowd.step, crowd.sagas) for crowd in board.crowds]
    assert found == [
        ("book_session", SagaStatus.RUNNING, "check_slot", 2),
        ("book_session", SagaStatus.STUCK, "save_order", 1),
    ]
    assert board.pending_bookings == 3
    assert board.oldest is not None
    assert (board.oldest.id, board.oldest.organization_id, board.oldest.created_at) == (first, 1, NOW)
    assert (board.due, board.oldest_due_at) == (2, NOW)
    end(world, first, SagaStatus.UNDONE, at=LATER)
    board = SqlBoards(scheduling_database).look(now=LATER)
    assert board.oldest is not None
    assert (board.oldest.id, board.pending_bookings, board.due) == (second, 2, 1)


def test_a_long_crowd_is_not_read_to_its_end(world: World, scheduling_database: Database) -> None:
    for number in range(4):
        world.accept(now=NOW + timedelta(minutes=number))
    with scheduling_database.reading() as connection:
        (row,) = connection.execute(standing(most=3), {"status": "running"})
    assert (row.name, row.step, row.sagas) == ("book_session", "check_slot", 3)


def test_what_ended_is_counted_in_its_minute_and_what_ended_before_the_hour_is_not(
    world: World, scheduling_database: Database
) -> None:
    now = NOW + timedelta(minutes=90, seconds=20)
    ends = (
        (SagaStatus.DONE, timedelta(minutes=30, seconds=59)),  # before the sixty minutes
        (SagaStatus.DONE, timedelta(minutes=31)),  # the first instant of the first
        (SagaStatus.DONE, timedelta(minutes=89, seconds=59)),
        (SagaStatus.UNDONE, timedelta(minutes=90)),
        (SagaStatus.DONE, timedelta(minutes=90, seconds=20)),
        (SagaStatus.RESOLVED, timedelta(minutes=90, seconds=20)),
    )
    for status, after in ends:
        end(world, world.accept(), status, at=NOW + after)
    minutes = SqlBoards(scheduling_database).look(now=now).minutes
    counted = {place: (m.done, m.undone, m.resolved) for place, m in enumerate(minutes) if m.ended}
    assert counted == {0: (1, 0, 0), 58: (1, 0, 0), 59: (1, 1, 1)}
    assert minutes[0].starts_at == NOW + timedelta(minutes=31)
