"""The breaker is a handful of pure functions; every rule of it is read off their answers."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.entities.services import ServiceState
from repositories.enums import Service, Trouble
from saga.breaker import (
    BreakerSettings,
    Failure,
    Permit,
    answered,
    failed,
    paused,
    permit,
    probed,
    resumed,
    stood_still,
    unprobed,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OPEN_FOR = timedelta(seconds=10)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
SETTINGS = BreakerSettings(failures=5, open_for=OPEN_FOR)
CLOSED = ServiceState(service=Service.VIDEOSDK)
SILENT = Failure(error="ProviderUnavailable", at=NOW)
WRONG_KEY = Failure(error="ProviderMisconfigured", at=NOW, is_misconfigured=True)


def after(state: ServiceState, *failures: Failure, call: str = "t") -> ServiceState:
    for failure in failures:
        state = failed(state, failure, token=call, settings=SETTINGS)
    return state


def probing(state: ServiceState, *, call: str = "probe", at: datetime = NOW + OPEN_FOR) -> ServiceState:
    return probed(state, token=call, now=at, until=at + LEASE)


OPEN = after(CLOSED, *[SILENT] * 5)
PROBED = probing(OPEN)


# --- closed --------------------------------------------------------------------------------


def test_it_opens_after_five_failures_in_a_row() -> None:
    four = after(CLOSED, *[SILENT] * 4)
    assert (four.failures, four.trouble, permit(four, NOW)) == (4, None, Permit.ASK)
    assert (OPEN.failures, OPEN.trouble, OPEN.open_until) == (5, Trouble.FAILING, NOW + OPEN_FOR)
    assert (OPEN.error, OPEN.opened_at) == ("ProviderUnavailable", NOW)


def test_an_answer_in_between_starts_the_count_again() -> None:
    four = after(CLOSED, *[SILENT] * 4)
    assert answered(four, token="t", now=NOW) == CLOSED
    assert after(answered(four, token="t", now=NOW), SILENT).trouble is None


def test_it_opens_at_once_when_our_key_is_refused() -> None:
    state = after(CLOSED, WRONG_KEY)
    assert (state.trouble, state.open_until, state.failures) == (Trouble.MISCONFIGURED, NOW + OPEN_FOR, 1)


def test_it_opens_at_once_for_as_long_as_the_service_asks() -> None:
    asked = replace(SILENT, retry_after=timedelta(minutes=3))
    state = after(CLOSED, asked)
    assert (state.trouble, state.open_until) == (Trouble.LIMITED, NOW + timedelta(minutes=3))


# --- open ----------------------------------------------------------------------------------


def test_while_it_is_open_nobody_asks_and_then_one_does() -> None:
    assert permit(OPEN, NOW) is Permit.OPEN
    assert permit(OPEN, NOW + OPEN_FOR - timedelta(microseconds=1)) is Permit.OPEN
    assert permit(OPEN, NOW + OPEN_FOR) is Permit.PROBE
    assert permit(PROBED, NOW + OPEN_FOR) is Permit.OPEN


def test_one_caller_at_a_time_is_the_probe() -> None:
    assert (PROBED.probe_token, PROBED.probe_until) == ("probe", NOW + OPEN_FOR + LEASE)
    assert probing(PROBED, call="second") == PROBED
    assert probing(OPEN, at=NOW) == OPEN
    assert probing(CLOSED) == CLOSED


def test_a_probe_whose_caller_died_is_replaced() -> None:
    later = NOW + OPEN_FOR + LEASE
    assert permit(PROBED, later - SECOND) is Permit.OPEN
    assert probing(PROBED, call="second", at=later).probe_token == "second"


def test_a_probe_that_is_answered_closes_it() -> None:
    assert answered(PROBED, token="probe", now=NOW) == CLOSED


def test_a_probe_that_fails_opens_it_again() -> None:
    at = NOW + OPEN_FOR + SECOND
    state = after(PROBED, replace(SILENT, at=at), call="probe")
    assert (state.trouble, state.open_until, state.probe_token) == (Trouble.FAILING, at + OPEN_FOR, None)
    assert (state.failures, state.opened_at) == (6, NOW)
    assert permit(state, at) is Permit.OPEN


def test_a_probe_that_never_reached_the_service_leaves_the_trial_to_the_next() -> None:
    given_back = unprobed(PROBED, token="probe")
    assert given_back == OPEN
    assert permit(given_back, NOW + OPEN_FOR) is Permit.PROBE
    assert unprobed(PROBED, token="other") == PROBED


@pytest.mark.parametrize("state", [OPEN, PROBED])
def test_what_comes_from_before_it_opened_changes_nothing(state: ServiceState) -> None:
    assert answered(state, token="late", now=NOW) == state
    assert after(state, SILENT, WRONG_KEY, replace(SILENT, retry_after=LEASE), call="late") == state


def test_a_probe_may_find_another_trouble() -> None:
    assert after(PROBED, WRONG_KEY, call="probe").trouble is Trouble.MISCONFIGURED


# --- an operator's pause -------------------------------------------------------------------


def test_a_paused_service_is_not_asked_whatever_its_breaker_says() -> None:
    state = paused(OPEN, by="Sara", why="key changes at noon", now=NOW)
    assert permit(state, NOW + timedelta(days=1)) is Permit.PAUSED
    assert probing(state) == state
    assert (state.paused_by, state.paused_why, state.paused_at) == ("Sara", "key changes at noon", NOW)


def test_resumed_it_is_as_it_was_and_an_open_breaker_is_tried_at_once() -> None:
    assert resumed(paused(CLOSED, by="Sara", why="x", now=NOW), NOW) == CLOSED
    assert permit(resumed(OPEN, NOW), NOW) is Permit.PROBE
    assert permit(resumed(PROBED, NOW), NOW) is Permit.PROBE


# --- who waits does not age ----------------------------------------------------------------


def test_time_stands_still_while_our_key_is_refused_and_not_while_it_fails() -> None:
    assert stood_still(OPEN, NOW + timedelta(hours=1)) == timedelta()
    wrong = after(CLOSED, WRONG_KEY)
    assert stood_still(wrong, NOW + timedelta(hours=1)) == timedelta(hours=1)
    tried = after(probing(wrong), replace(WRONG_KEY, at=NOW + timedelta(minutes=10)), call="probe")
    assert stood_still(tried, NOW + timedelta(hours=1)) == timedelta(hours=1)
    right = answered(probing(wrong), token="probe", now=NOW + timedelta(minutes=20))
    assert right == replace(CLOSED, stood_still=timedelta(minutes=20))
    assert stood_still(right, NOW + timedelta(hours=5)) == timedelta(minutes=20)


def test_time_stands_still_while_it_is_paused_and_adds_up() -> None:
    state = CLOSED
    for hour in range(3):
        at = NOW + timedelta(hours=hour)
        state = resumed(paused(state, by="Sara", why="x", now=at), at + timedelta(minutes=5))
    assert state == replace(CLOSED, stood_still=timedelta(minutes=15))


def test_time_that_stands_still_for_two_reasons_counts_once() -> None:
    both = after(paused(CLOSED, by="Sara", why="x", now=NOW), replace(WRONG_KEY, at=NOW + SECOND))
    assert stood_still(both, NOW + LEASE) == LEASE
    one = resumed(both, NOW + LEASE)
    assert stood_still(one, NOW + 2 * LEASE) == 2 * LEASE


def test_an_outage_after_a_wrong_key_ages_again() -> None:
    wrong = probing(after(CLOSED, WRONG_KEY))
    failing = after(wrong, replace(SILENT, at=NOW + LEASE), call="probe")
    assert failing.trouble is Trouble.FAILING
    assert stood_still(failing, NOW + timedelta(hours=1)) == LEASE


# --- whatever happens ----------------------------------------------------------------------


@dataclass
class Callers:
    """Callers that ask whenever they may, and a service that answers as it is told."""

    state: ServiceState = CLOSED
    now: datetime = NOW
    under_way: dict[str, Permit] = field(default_factory=dict)
    number: int = 0

    def ask(self) -> None:
        self.number += 1
        token, permitted = f"call-{self.number}", permit(self.state, self.now)
        if permitted is Permit.PROBE:
            self.state = probed(self.state, token=token, now=self.now, until=self.now + LEASE)
            assert self.state.probe_token == token
        if permitted in {Permit.ASK, Permit.PROBE}:
            self.under_way[token] = permitted

    def end(self, how: str) -> None:
        if not self.under_way:
            return
        token = next(iter(self.under_way))
        del self.under_way[token]
        failure = Failure(
            error="X",
            at=self.now,
            is_misconfigured=how == "misconfigured",
            retry_after=LEASE if how == "limited" else timedelta(),
        )
        match how:
            case "answered":
                self.state = answered(self.state, token=token, now=self.now)
            case "bug":
                self.state = unprobed(self.state, token=token)
            case "died":
                pass
            case _:
                self.state = failed(self.state, failure, token=token, settings=SETTINGS)

    def check(self) -> None:
        state = self.state
        assert (state.trouble is None) == (state.open_until is None) == (state.opened_at is None)
        assert state.trouble is not None or (state.failures < SETTINGS.failures and state.probe_token is None)
        stands = state.paused_at is not None or state.trouble is Trouble.MISCONFIGURED
        assert stands == (state.standing_since is not None)
        assert timedelta() <= stood_still(state, self.now) <= self.now - NOW
        if state.paused_at is not None:
            assert permit(state, self.now) is Permit.PAUSED
        elif state.open_until is not None and self.now < state.open_until:
            assert permit(state, self.now) is Permit.OPEN


HOW = st.sampled_from(["answered", "silent", "limited", "misconfigured", "bug", "died"])
DEEDS = st.one_of(
    st.just("ask"), st.just("pause"), st.just("resume"), HOW, st.integers(0, 40).map(lambda n: timedelta(seconds=n))
)


@given(st.lists(DEEDS, max_size=120))
def test_whatever_happens_its_state_makes_sense_and_time_only_grows(deeds: list[str | timedelta]) -> None:
    callers, stood = Callers(), timedelta()
    for deed in deeds:
        match deed:
            case timedelta():
                callers.now += deed
            case "ask":
                callers.ask()
            case "pause":
                callers.state = paused(callers.state, by="Sara", why="x", now=callers.now)
            case "resume":
                callers.state = resumed(callers.state, callers.now)
            case how:
                callers.end(how)
        callers.check()
        assert stood_still(callers.state, callers.now) >= stood
        stood = stood_still(callers.state, callers.now)


@given(st.lists(st.one_of(HOW, st.integers(0, 40).map(lambda n: timedelta(seconds=n))), max_size=80))
def test_however_it_fails_it_answers_again_once_the_service_does(deeds: list[str | timedelta]) -> None:
    callers = Callers()
    for deed in deeds:
        callers.ask()
        if isinstance(deed, timedelta):
            callers.now += deed
        else:
            callers.end(deed)
    for _ in range(3):  # whoever died on trial, and whatever wait was asked for, is over by then
        callers.under_way.clear()
        callers.now += LEASE + OPEN_FOR
        callers.ask()
        callers.end("answered")
    assert replace(callers.state, stood_still=timedelta()) == CLOSED
