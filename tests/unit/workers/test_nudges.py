"""A nudge is best effort: it never raises, and a sick broker is left alone for a while."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from workers.nudges import Bell, CeleryNudge, by_celery


class Broker:
    """A Celery app of which only publishing is used."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[str, ...]]] = []
        self.error: Exception | None = None
        self.tries = 0

    def send_task(self, name: str, *, args: tuple[str, ...], retry: bool) -> None:
        assert retry is False
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.sent.append((name, args))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def nudge_of(broker: Any, clock: Clock) -> CeleryNudge:
    return CeleryNudge(by_celery(broker), pause=timedelta(seconds=5), monotonic=clock)


def test_a_nudge_carries_the_sagas_name_and_id_and_nothing_else() -> None:
    broker = Broker()
    assert nudge_of(broker, Clock())("book_session", "s-1") is True
    assert broker.sent == [("book_session", ("s-1",))]


@pytest.mark.parametrize("error", [OperationalError("refused"), TimeoutError("hung"), ConnectionResetError("gone")])
def test_a_sick_broker_is_left_alone_for_a_while(error: Exception) -> None:
    broker, clock = Broker(), Clock()
    nudge = nudge_of(broker, clock)
    broker.error = error
    assert nudge("book_session", "s-1") is False
    broker.error = None
    clock.now += 4.9
    assert nudge("book_session", "s-2") is False
    assert broker.tries == 1
    clock.now += 0.2
    assert nudge("book_session", "s-3") is True


def test_a_task_without_an_id_is_rung_alike() -> None:
    broker = Broker()
    assert nudge_of(broker, Clock()).ring("announce") is True
    assert broker.sent == [("announce", ())]


def test_a_bell_rings_once_for_many_and_once_more_for_whoever_asked_while_it_rang() -> None:
    rung, first, go_on, second = [0], Event(), Event(), Event()

    def ring() -> None:
        rung[0] += 1
        (first if rung[0] == 1 else second).set()
        go_on.wait(30)

    bell = Bell(ring, pause=timedelta(milliseconds=1))
    bell()
    assert first.wait(30)
    for _ in range(10):
        bell()
    go_on.set()
    assert second.wait(30)
    assert not eventually(lambda: rung[0] > 2)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 0.1
    while time.monotonic() < deadline and not condition():
        time.sleep(0.005)
    return condition()
