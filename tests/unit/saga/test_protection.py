"""Calls under guard: when they are made, what they cost, and what is remembered of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from integrations.ports import (
    BreakerOpen,
    NoPlaceFree,
    ProviderError,
    ProviderHeld,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    ServicePaused,
)
from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service, Trouble
from repositories.ports.errors import StoreUnavailable
from saga.breaker import paused, resumed
from saga.lookout import FRESH
from saga.protection import Protection
from tests.fakes.services import FakeServices
from tests.unit.saga.world import BREAKER, LEASE, Killed, World

SILENT = ProviderUnavailable("no answer", may_have_happened=True)
WRONG_KEY = ProviderMisconfigured("401")
NO = ProviderRefused("400")
VIDEOSDK = Service.VIDEOSDK


@dataclass
class CountedServices(FakeServices):
    looks: int = 0
    changes: int = 0
    is_away: bool = False

    def look(self, *, now: datetime) -> Mapping[Service, ServiceView]:
        self.looks += 1
        self._answer()
        return super().look(now=now)

    def change(
        self, service: Service, rule: Callable[[ServiceState], ServiceState], *, entry: ServiceAudit | None = None
    ) -> ServiceState:
        self.changes += 1
        self._answer()
        return super().change(service, rule, entry=entry)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable


@dataclass
class Caller:
    """A process that calls VideoSDK, which answers as it is told."""

    world: World = field(default_factory=World)
    calls: int = 0
    raises: BaseException | None = None
    meanwhile: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self.services = CountedServices()
        self.world.services = self.services
        self.guard = self.another()

    def another(self) -> Protection:
        """The guard of another process."""
        return self.world.guard(self.world.lookout())

    def work(self) -> str:
        self.calls += 1
        self.meanwhile()
        if self.raises is not None:
            raise self.raises
        return "a room"

    def call(self, raises: BaseException | None = None, *, guard: Protection | None = None) -> str:
        self.raises = raises
        return (guard or self.guard).call(VIDEOSDK, self.work)

    def fails(self, error: ProviderError = SILENT, *, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(type(error)):
                self.call(error)

    def is_held(self, why: type[ProviderHeld], *, guard: Protection | None = None) -> bool:
        before = self.calls
        with pytest.raises(why):
            self.call(guard=guard)
        return self.calls == before

    def pass_time(self, time: timedelta) -> None:
        self.world.now += time

    @property
    def state(self) -> ServiceState:
        return self.services.states[VIDEOSDK]


@pytest.fixture
def caller() -> Caller:
    return Caller()


# --- closed --------------------------------------------------------------------------------


def test_an_ordinary_call_writes_nothing_and_reads_nothing_that_was_read_a_moment_ago(caller: Caller) -> None:
    assert [caller.call() for _ in range(100)] == ["a room"] * 100
    assert (caller.services.looks, caller.services.changes) == (1, 0)
    caller.pass_time(FRESH)
    caller.call()
    assert (caller.services.looks, caller.services.changes) == (2, 0)


def test_five_failures_in_a_row_stop_the_calls_of_every_process(caller: Caller) -> None:
    other = caller.another()
    caller.fails(times=BREAKER.failures)
    assert caller.is_held(BreakerOpen)
    caller.pass_time(FRESH)
    assert caller.is_held(BreakerOpen, guard=other)
    assert caller.calls == BREAKER.failures


def test_failures_of_several_processes_count_together(caller: Caller) -> None:
    other = caller.another()
    for number in range(BREAKER.failures):
        with pytest.raises(ProviderUnavailable):
            caller.call(SILENT, guard=other if number % 2 else caller.guard)
    assert caller.state.trouble is Trouble.FAILING


@pytest.mark.parametrize("answer", [None, NO])
def test_an_answer_starts_the_count_again_also_if_it_is_no(caller: Caller, answer: ProviderError | None) -> None:
    caller.fails(times=BREAKER.failures - 1)
    if answer is None:
        caller.call()
    else:
        caller.fails(answer)
    written = caller.services.changes
    caller.call()
    assert caller.services.changes == written  # the first answer after failures is written, and no other
    caller.fails(times=BREAKER.failures - 1)
    assert caller.state.trouble is None


def test_an_error_that_is_not_the_services_counts_for_nothing(caller: Caller) -> None:
    for _ in range(20):
        with pytest.raises(StoreUnavailable):
            caller.call(StoreUnavailable())
    assert (caller.state.failures, caller.services.changes) == (0, 0)


def test_a_refused_key_stops_the_calls_at_once(caller: Caller) -> None:
    caller.fails(WRONG_KEY)
    assert caller.state.trouble is Trouble.MISCONFIGURED
    assert caller.is_held(BreakerOpen)


def test_a_service_that_asks_for_time_gets_it(caller: Caller) -> None:
    caller.fails(ProviderUnavailable("429", may_have_happened=False, retry_after=timedelta(minutes=2)))
    caller.pass_time(timedelta(minutes=2) - FRESH)
    assert caller.is_held(BreakerOpen)
    caller.pass_time(FRESH)
    assert caller.call() == "a room"


# --- open ----------------------------------------------------------------------------------


def opened(caller: Caller) -> Caller:
    caller.fails(times=BREAKER.failures)
    caller.pass_time(BREAKER.open_for)
    return caller


def test_after_a_while_one_call_is_let_through_and_the_others_wait_for_what_it_finds(caller: Caller) -> None:
    other = opened(caller).another()
    held: list[bool] = []

    def others_come() -> None:
        caller.meanwhile = lambda: None
        held.extend(caller.is_held(BreakerOpen, guard=guard) for guard in (caller.guard, other))

    caller.meanwhile = others_come
    assert caller.call() == "a room"
    assert held == [True, True]
    assert caller.state.trouble is None
    caller.call()
    caller.pass_time(FRESH)
    caller.call(guard=other)


def test_a_probe_in_vain_lets_nobody_through_for_another_while(caller: Caller) -> None:
    opened(caller).fails()
    assert caller.is_held(BreakerOpen)
    caller.pass_time(BREAKER.open_for)
    assert caller.call() == "a room"


def test_a_refusal_on_trial_is_an_answer(caller: Caller) -> None:
    opened(caller).fails(NO)
    assert caller.state.trouble is None


def test_a_probe_that_never_came_to_the_service_is_given_back(caller: Caller) -> None:
    with pytest.raises(StoreUnavailable):
        opened(caller).call(StoreUnavailable())
    assert caller.state.trouble is Trouble.FAILING
    assert caller.call() == "a room"


def test_a_probe_whose_process_dies_is_replaced_when_its_lease_ends(caller: Caller) -> None:
    with pytest.raises(Killed):
        opened(caller).call(Killed())
    survivor = caller.another()
    assert caller.is_held(BreakerOpen, guard=survivor)
    caller.pass_time(LEASE)
    assert caller.call(guard=survivor) == "a room"


def test_who_sees_too_late_that_another_is_the_probe_does_not_ask(caller: Caller) -> None:
    other = opened(caller).another()
    other.call(Service.FCM, lambda: None)  # it looks, and sees that VideoSDK may be tried

    def other_tries() -> None:
        caller.meanwhile = lambda: None
        assert caller.is_held(BreakerOpen, guard=other)

    caller.meanwhile = other_tries
    assert caller.call() == "a room"


# --- what only reads -------------------------------------------------------------------------


def test_what_only_reads_is_held_like_any_call_and_says_nothing_of_the_service(caller: Caller) -> None:
    caller.fails(times=BREAKER.failures - 1)
    caller.raises = None
    assert caller.guard.read(VIDEOSDK, caller.work) == "a room"
    caller.raises = SILENT
    for _ in range(20):
        with pytest.raises(ProviderUnavailable):
            caller.guard.read(VIDEOSDK, caller.work)
    assert (caller.state.failures, caller.state.trouble) == (BREAKER.failures - 1, None)
    caller.fails()
    with pytest.raises(BreakerOpen):
        caller.guard.read(VIDEOSDK, caller.work)
    caller.pass_time(BREAKER.open_for)
    before, caller.raises = caller.state, None
    assert caller.guard.read(VIDEOSDK, caller.work) == "a room"  # though it is no probe
    assert caller.state == before
    assert caller.world.places.free(VIDEOSDK) == 3


# --- paused --------------------------------------------------------------------------------


def test_a_paused_service_is_not_asked_until_it_is_resumed(caller: Caller) -> None:
    now = caller.world.now
    caller.services.change(VIDEOSDK, lambda state: paused(state, by="Sara", why="x", now=now))
    assert caller.is_held(ServicePaused)
    caller.services.change(VIDEOSDK, lambda state: resumed(state, now))
    caller.pass_time(FRESH)
    assert caller.call() == "a room"


# --- places --------------------------------------------------------------------------------


def test_no_more_calls_than_places_are_under_way_and_none_waits_for_one(caller: Caller) -> None:
    depth = 0

    def call_within() -> None:
        nonlocal depth
        depth += 1
        if depth < 3:
            caller.call()
        else:
            assert caller.is_held(NoPlaceFree)

    caller.meanwhile = call_within
    caller.call()
    assert caller.calls == 3
    assert caller.world.places.free(VIDEOSDK) == 3


@pytest.mark.parametrize("error", [SILENT, WRONG_KEY, NO, StoreUnavailable(), Killed()])
def test_a_place_is_free_again_whatever_the_call_came_to(caller: Caller, error: BaseException) -> None:
    with pytest.raises(type(error)):
        caller.call(error)
    assert caller.world.places.free(VIDEOSDK) == 3


def test_the_places_of_one_service_are_not_those_of_another(caller: Caller) -> None:
    caller.meanwhile = lambda: caller.guard.call(Service.FCM, lambda: None)
    assert [caller.call() for _ in range(3)] == ["a room"] * 3


# --- no database ---------------------------------------------------------------------------


def test_a_database_that_does_not_answer_stops_no_call(caller: Caller) -> None:
    caller.services.is_away = True
    assert caller.call() == "a room"
    caller.fails(times=20)
    caller.services.is_away = False
    caller.pass_time(FRESH)
    assert caller.call() == "a room"


def test_what_was_known_last_holds_while_the_database_does_not_answer(caller: Caller) -> None:
    caller.fails(times=BREAKER.failures)
    caller.services.is_away = True
    caller.pass_time(FRESH)
    assert caller.is_held(BreakerOpen)
    caller.pass_time(BREAKER.open_for)
    assert caller.is_held(BreakerOpen)  # who may not write that it is the probe is none


def test_every_service_has_a_view_of_its_own(caller: Caller) -> None:
    caller.fails(WRONG_KEY)
    assert caller.guard.call(Service.FCM, lambda: "sent") == "sent"
    views: dict[Service, ServiceView] = dict(caller.services.look(now=caller.world.now))
    assert [views[service].state.trouble for service in Service] == [Trouble.MISCONFIGURED, None]
