"""A nudge is best effort: it never raises, and a sick broker is left alone for a while."""

from datetime import timedelta
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from workers.nudges import CeleryNudge


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
    return CeleryNudge(broker, pause=timedelta(seconds=5), monotonic=clock)


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
