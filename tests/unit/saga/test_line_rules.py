"""Whose turn it is, one rule at a time: when a service is shut, who goes first, and how many are let go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from integrations.places import LocalPlaces
from repositories.entities.sagas import DueSaga, InLine, SagaState
from repositories.entities.services import ServiceState, ServiceView
from repositories.enums import SagaStatus, Service, Trouble
from repositories.ports.errors import StoreUnavailable
from saga.line import YIELDS_AFTER, Line
from saga.lookout import Lookout
from saga.sweep import MARK

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PLACES = 3
CLOSED = ServiceState(service=Service.VIDEOSDK)
OPEN = replace(CLOSED, trouble=Trouble.FAILING, open_until=NOW + SECOND)
ON_TRIAL = replace(CLOSED, trouble=Trouble.FAILING, open_until=NOW - SECOND)
PAUSED = replace(CLOSED, paused_at=NOW - 5 * SECOND, standing_since=NOW - 5 * SECOND, stood_still=SECOND)
NEW = SagaState(
    id="s",
    name="book_session",
    booking_id=1,
    input={},
    status=SagaStatus.RUNNING,
    step="create_meeting",
    due_at=NOW,
    deadline_at=NOW,
    expires_at=NOW,
    created_at=NOW,
)


@dataclass
class Waiting:
    """A journal in which many wait, and a line of their service."""

    state: ServiceState = CLOSED
    since: datetime | None = NOW - YIELDS_AFTER
    is_away: bool = False
    lines: tuple[Service, ...] = (Service.VIDEOSDK,)
    taken: list[Mapping[str, Any]] = field(default_factory=list)
    nudged: list[tuple[str, str]] = field(default_factory=list)

    def look(self, *, now: datetime) -> Mapping[Service, ServiceView]:
        assert now == NOW
        nobody = {one: ServiceView(state=ServiceState(service=one), waiting_since=None) for one in Service}
        return nobody | {one: ServiceView(state=self.state, waiting_since=self.since) for one in self.lines}

    def take_waiting(self, service: Service, *, limit: int, **how: Any) -> list[DueSaga]:
        if self.is_away:
            raise StoreUnavailable
        self.taken.append({"service": service, "limit": limit, **how})
        return [DueSaga(id=str(number), name="book_session") for number in range(limit)]

    def nudge(self, name: str, saga_id: str) -> bool:
        self.nudged.append((name, saga_id))
        return saga_id != "1"  # the second is not published

    def line(self, *, busy: int = 0) -> Line:
        places = LocalPlaces(dict.fromkeys(Service, PLACES))
        for _ in range(busy):
            places.enter(Service.VIDEOSDK, "token")
        me = cast(Any, self)
        return Line(
            journal=me, lookout=Lookout(me, clock=lambda: NOW), places=places, nudge=self.nudge, clock=lambda: NOW
        )


# --- who goes first ------------------------------------------------------------------------


def waits_for(service: Service) -> SagaState:
    return replace(NEW, in_line=InLine(service=service, since=NOW, stood_still=timedelta()))


def test_who_comes_new_lets_those_first_who_have_waited() -> None:
    assert Waiting().line().is_turn_of_others(Service.VIDEOSDK, NEW)


def test_a_wait_that_the_next_sweep_ends_is_no_line() -> None:
    brief = Waiting(since=NOW - YIELDS_AFTER + timedelta(microseconds=1))
    assert not brief.line().is_turn_of_others(Service.VIDEOSDK, NEW)
    assert not Waiting(since=None).line().is_turn_of_others(Service.VIDEOSDK, NEW)


def test_who_has_waited_for_this_service_does_not_yield_and_who_waited_for_another_does() -> None:
    line = Waiting().line()
    assert not line.is_turn_of_others(Service.VIDEOSDK, waits_for(Service.VIDEOSDK))
    assert line.is_turn_of_others(Service.VIDEOSDK, waits_for(Service.FCM))
    assert not line.is_turn_of_others(Service.FCM, NEW)


# --- shut, and the end of the line ---------------------------------------------------------


@pytest.mark.parametrize(("state", "is_shut"), [(CLOSED, False), (OPEN, True), (ON_TRIAL, True), (PAUSED, True)])
def test_a_service_is_shut_unless_anybody_may_ask_it(state: ServiceState, is_shut: bool) -> None:
    assert Waiting(state).line().is_shut(Service.VIDEOSDK) is is_shut


def test_who_joins_the_line_knows_since_when_and_how_long_the_service_had_stood_still() -> None:
    line = Waiting(PAUSED, since=None).line()
    place = line.end_of(Service.VIDEOSDK)
    assert place == InLine(service=Service.VIDEOSDK, since=NOW, stood_still=6 * SECOND)
    assert line.stood_still(Service.VIDEOSDK) == 6 * SECOND


def test_a_process_whose_saga_joined_knows_at_once_that_somebody_waits() -> None:
    waiting = Waiting(since=None)
    line = waiting.line()
    assert line.let_go(Service.VIDEOSDK) == 0
    line.end_of(Service.VIDEOSDK)
    assert line.let_go(Service.VIDEOSDK) > 0


# --- letting go ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "busy", "let_go", "longest_first"),
    [(CLOSED, 0, 3, False), (CLOSED, 1, 2, False), (ON_TRIAL, 1, 1, True)],
    ids=["all places free", "one taken", "a probe"],
)
def test_as_many_are_let_go_as_may_ask(state: ServiceState, busy: int, let_go: int, *, longest_first: bool) -> None:
    waiting = Waiting(state)
    told = waiting.line(busy=busy).let_go(Service.VIDEOSDK)
    assert waiting.taken == [
        {
            "service": Service.VIDEOSDK,
            "limit": let_go,
            "window": let_go,
            "longest_first": longest_first,
            "now": NOW,
            "marked_until": NOW + MARK,
        }
    ]
    assert len(waiting.nudged) == let_go
    assert told == let_go - (let_go > 1)  # those whose nudge was published


@pytest.mark.parametrize(
    ("waiting", "busy"),
    [(Waiting(OPEN), 0), (Waiting(PAUSED), 0), (Waiting(since=None), 0), (Waiting(), PLACES)],
    ids=["open", "paused", "nobody waits", "no place free"],
)
def test_nobody_is_let_go_and_no_database_asked(waiting: Waiting, busy: int) -> None:
    assert waiting.line(busy=busy).let_go(Service.VIDEOSDK) == 0
    assert (waiting.taken, waiting.nudged) == ([], [])


def test_a_journal_that_is_away_lets_nobody_go_and_breaks_nothing() -> None:
    assert Waiting(is_away=True).line().let_go(Service.VIDEOSDK) == 0


def test_a_sweep_lets_go_at_every_service() -> None:
    waiting = Waiting(lines=tuple(Service))
    assert waiting.line().let_all_go() == len(Service) * (PLACES - 1)
    assert [taken["service"] for taken in waiting.taken] == list(Service)
