"""The sweep drains a backlog oldest first, without a stampede."""

from datetime import timedelta

import pytest

from saga.sweep import FULL, MARK
from tests.unit.saga.world import World


def backlog(bookings: int) -> World:
    """So many bookings accepted, one each second, whose nudges were all lost."""
    world = World()
    for _ in range(bookings):
        world.book()
        world.now += timedelta(seconds=1)
    world.nudged.clear()
    world.now += timedelta(seconds=5)
    return world


@pytest.mark.parametrize(("waiting", "nudged"), [(0, 12), (FULL - 13, 12), (FULL - 5, 5), (FULL, 0), (FULL + 9, 0)])
def test_a_sweep_fills_the_queue_and_no_more(waiting: int, nudged: int) -> None:
    world = backlog(12)
    world.waiting = waiting
    assert world.sweep() == nudged
    oldest_first = sorted(world.scheduling.sagas.values(), key=lambda saga: saga.created_at)
    assert world.nudged == [saga.id for saga in oldest_first][:nudged]


def test_what_was_nudged_is_left_alone_for_a_while() -> None:
    world = backlog(3)
    assert world.sweep() == 3
    assert world.sweep() == 0
    world.now += MARK
    assert world.sweep() == 3
