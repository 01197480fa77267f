"""What the engine says of a saga whose service is not to be asked now: it waits in line, and waiting costs nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.entities.sagas import InLine, SagaState
from repositories.enums import OutcomeWord, Reason, SagaStatus, Service
from saga.definition import UNDO
from saga.engine import (
    LOOK_AGAIN,
    PATIENCE,
    PAUSE,
    Bug,
    Done,
    Expired,
    Held,
    Misconfigured,
    Moment,
    Outcome,
    Withdrawn,
    before_work,
    is_ended,
    is_news,
    next_state,
    rested,
)
from tests.unit.saga.test_engine import MAYBE, NO, NOT_SENT, NOW, RETRY, TABLE, at, undoing

HELD = Held("BreakerOpen")
WRONG_KEY = Misconfigured("ProviderMisconfigured")
HOUR = timedelta(hours=1)
END = InLine(service=Service.VIDEOSDK, since=NOW, stood_still=timedelta(minutes=1))
EARLIER = replace(END, since=NOW - HOUR)
CLOSED = Moment(now=NOW, jitter=0.5)
OPEN = replace(CLOSED, line=END)


def after(state: SagaState, *outcomes: Outcome, moment: Moment = OPEN) -> SagaState:
    for outcome in outcomes:
        state = next_state(TABLE, state, outcome, moment)
    return state


# --- before the pivot ----------------------------------------------------------------------


def test_a_held_step_waits_in_line_until_the_deadline_and_uses_up_nothing() -> None:
    state = after(at("room", failures=2, error="ProviderUnavailable"), HELD)
    assert (state.in_line, state.due_at) == (END, state.deadline_at)
    assert (state.step, state.failures, state.status) == ("room", 2, SagaStatus.RUNNING)
    assert state.error == "ProviderUnavailable"  # why it came to this
    assert after(at("room"), HELD).error == "BreakerOpen"


def test_however_often_it_is_held_it_is_never_used_up_and_keeps_its_place() -> None:
    state = after(at("room", in_line=EARLIER), *[HELD] * 1000)
    assert (state.failures, state.status) == (0, SagaStatus.RUNNING)
    assert state.in_line == replace(END, since=EARLIER.since)


def test_what_was_not_asked_did_not_happen() -> None:
    assert after(at("room"), HELD).owed == ("order", "reserve")


def test_a_failure_that_opens_the_breaker_leads_into_the_line_and_counts_as_a_try() -> None:
    state = after(at("room", failures=1), MAYBE)
    assert (state.in_line, state.due_at, state.failures) == (END, state.deadline_at, 2)
    assert state.owed == ("room", "order", "reserve")
    assert after(at("room"), MAYBE, moment=CLOSED).in_line is None


def test_a_probe_in_vain_goes_to_the_end_of_the_line() -> None:
    for outcome in (MAYBE, WRONG_KEY):
        assert after(at("room", in_line=EARLIER), outcome).in_line == END


def test_probes_in_vain_use_up_the_tries_in_the_end() -> None:
    state = after(at("room"), *[NOT_SENT] * RETRY.limit)
    assert state.in_line == END
    state = after(state, NOT_SENT)
    assert (state.status, state.reason, state.in_line) == (SagaStatus.UNDOING, Reason.SERVICE_UNAVAILABLE, None)


def test_a_refused_key_uses_up_no_tries() -> None:
    state = after(at("room"), *[WRONG_KEY] * 1000)
    assert (state.failures, state.in_line, state.owed) == (0, END, ("order", "reserve"))


@pytest.mark.parametrize("outcome", [Done(), NO, Bug("X"), Withdrawn(), Expired()])
def test_whatever_else_comes_of_it_the_saga_leaves_the_line(outcome: Outcome) -> None:
    assert after(at("room", in_line=EARLIER), outcome, moment=CLOSED).in_line is None


def test_a_place_in_one_line_is_none_in_another() -> None:
    elsewhere = replace(EARLIER, service=Service.FCM)
    assert after(at("room", in_line=elsewhere), HELD).in_line == END


def test_a_held_step_without_a_line_waits_as_for_an_operator() -> None:
    state = after(at("room"), HELD, moment=CLOSED)
    assert (state.due_at, state.failures, state.in_line) == (NOW + PAUSE, 0, None)


# --- the deadline --------------------------------------------------------------------------


def test_whoever_still_waits_at_the_deadline_is_told_that_the_service_was_the_reason() -> None:
    late = at("room", in_line=EARLIER, deadline_at=NOW)
    expired = before_work(TABLE, late, NOW)
    assert expired == Expired(Reason.SERVICE_UNAVAILABLE)
    assert expired is not None
    assert after(late, expired).reason is Reason.SERVICE_UNAVAILABLE


def test_who_waited_while_time_stood_still_has_not_aged() -> None:
    rest = timedelta(minutes=30)
    state = rested(at("room", in_line=END), stood_still=END.stood_still + rest)
    assert state.deadline_at == at("room").deadline_at + rest
    assert state.in_line == replace(END, stood_still=END.stood_still + rest)
    assert rested(state, stood_still=END.stood_still + rest) == state  # once is enough
    assert rested(at("room"), stood_still=HOUR) == at("room")
    assert rested(at("room", in_line=END), stood_still=timedelta()) == at(
        "room", in_line=replace(END, stood_still=timedelta())
    )


def test_no_rest_moves_the_deadline_beyond_the_start_of_the_session() -> None:
    begins = NOW + timedelta(minutes=15)
    state = rested(at("room", in_line=END, expires_at=begins), stood_still=24 * HOUR)
    assert state.deadline_at == begins


# --- after the pivot -----------------------------------------------------------------------


def test_what_must_succeed_waits_and_is_looked_at_again_lest_it_be_lost() -> None:
    state = after(at("settle"), HELD)
    assert (state.in_line, state.due_at, state.failures) == (END, NOW + LOOK_AGAIN, 0)
    assert after(at("settle"), MAYBE).due_at == NOW + LOOK_AGAIN


def test_best_effort_waits_in_line_and_not_for_ever() -> None:
    state = after(at("tell"), HELD)
    assert (state.in_line, state.due_at, state.failures) == (END, NOW + PATIENCE, 0)
    soon = replace(OPEN, now=NOW + PATIENCE - timedelta(seconds=1))
    waiting = after(state, HELD, moment=soon)
    assert (waiting.status, waiting.due_at) == (SagaStatus.RUNNING, NOW + PATIENCE)
    assert after(waiting, HELD, moment=replace(OPEN, now=NOW + PATIENCE)).status is SagaStatus.DONE


@pytest.mark.parametrize("outcome", [MAYBE, WRONG_KEY])
def test_probes_in_vain_use_up_the_tries_of_best_effort(outcome: Outcome) -> None:
    assert after(at("tell"), *[outcome] * RETRY.limit).in_line == END
    assert after(at("tell"), *[outcome] * (RETRY.limit + 1)).status is SagaStatus.DONE


# --- undoing -------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [HELD, WRONG_KEY, MAYBE])
def test_an_undo_that_is_held_lets_the_others_go_first_and_then_waits_in_line(outcome: Outcome) -> None:
    state = after(undoing("room", "order", "reserve"), outcome)
    assert (state.step, state.due_at, state.in_line) == ("order", NOW, None)
    state = after(state, Done(), Done(), moment=CLOSED)
    assert (state.step, state.owed) == ("room", ("room",))
    state = after(state, outcome)
    assert (state.in_line, state.due_at, state.status) == (END, NOW + LOOK_AGAIN, SagaStatus.UNDOING)


@pytest.mark.parametrize("outcome", [HELD, WRONG_KEY, MAYBE])
def test_an_undo_in_line_is_never_parked(outcome: Outcome) -> None:
    state = after(undoing("room"), *[outcome] * (10 * UNDO.limit))
    assert (state.status, state.in_line, state.failures) == (SagaStatus.UNDOING, END, 0)


def test_an_undo_whose_breaker_is_closed_again_is_parked_when_it_keeps_failing() -> None:
    state = after(undoing("room"), HELD, MAYBE)
    assert after(state, *[MAYBE] * UNDO.limit, moment=CLOSED).status is SagaStatus.UNDOING
    assert after(state, *[MAYBE] * (UNDO.limit + 1), moment=CLOSED).status is SagaStatus.STUCK


def test_while_another_undo_fails_none_waits_in_line() -> None:
    state = after(after(undoing("room", "order"), HELD), MAYBE, HELD)
    assert (state.step, state.in_line, state.due_at) == ("order", None, NOW + PAUSE)


# --- the timeline --------------------------------------------------------------------------


def test_the_timeline_tells_once_that_a_saga_waits() -> None:
    first = at("room")
    waiting = after(first, HELD)
    assert HELD.word is OutcomeWord.HELD
    assert is_news(first, waiting, HELD)
    assert not is_news(waiting, after(waiting, HELD), HELD)


def test_the_timeline_tells_once_what_the_probes_find() -> None:
    waiting = after(at("room"), HELD)
    silent = after(waiting, MAYBE)
    assert is_news(waiting, silent, MAYBE)
    assert not is_news(silent, after(silent, MAYBE), MAYBE)
    assert is_news(silent, after(silent, WRONG_KEY), WRONG_KEY)


def test_the_timeline_tells_once_that_an_undo_waits() -> None:
    first = undoing("room", error="ProviderRefused")  # it keeps the error that turned the saga back
    waiting = after(first, MAYBE)
    assert is_news(first, waiting, MAYBE)
    assert not is_news(waiting, after(waiting, MAYBE), MAYBE)
    assert not is_news(waiting, after(waiting, HELD), HELD)
    assert is_news(waiting, after(waiting, Done(), moment=CLOSED), Done())


def test_the_timeline_tells_whatever_ends_the_waiting() -> None:
    waiting = after(at("room", failures=RETRY.limit, error=MAYBE.error), HELD)
    assert is_news(waiting, after(waiting, MAYBE), MAYBE)
    assert is_news(waiting, after(waiting, Done(), moment=CLOSED), Done())
    assert is_news(waiting, after(waiting, Expired(), moment=CLOSED), Expired())


# --- whatever happens ----------------------------------------------------------------------

OUTCOMES = [Done(), NO, MAYBE, NOT_SENT, WRONG_KEY, HELD, HELD, Bug("X")]


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans()), max_size=200))
def test_only_who_waits_is_in_line_and_whoever_waits_will_be_looked_at(outcomes: list[tuple[Outcome, bool]]) -> None:
    state = at("look")
    for outcome, is_open in outcomes:
        if is_ended(state):
            break
        state = next_state(TABLE, state, outcome, OPEN if is_open else CLOSED)
        assert state.in_line is None or state.due_at is not None
        assert state.in_line is None or is_open
