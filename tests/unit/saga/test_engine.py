"""The engine is a pure function; every rule of it is read off its answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.entities.effects import ReleaseTime, ReserveTime
from repositories.entities.sagas import NOTHING, SagaState
from repositories.enums import OutcomeWord, Reason, SagaStatus
from saga.definition import (
    UNDO,
    Receipt,
    Retry,
    Table,
    compensable,
    in_journal,
    nothing,
    pivot,
    retriable,
    steps,
)
from saga.engine import (
    MAX_CLAIMS,
    PAUSE,
    Bug,
    Done,
    Expired,
    Misconfigured,
    Moment,
    Outcome,
    Poison,
    Refused,
    Unavailable,
    Withdrawn,
    as_claimed,
    backoff,
    before_work,
    is_ended,
    next_state,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MOMENT = Moment(now=NOW, jitter=0.5)
RETRY = Retry(limit=3, base=timedelta(seconds=1), cap=timedelta(seconds=8))
NO = Refused("SlotTaken", Reason.RECORD_ALREADY_EXIST)
MAYBE = Unavailable("ProviderUnavailable", may_have_happened=True)
NOT_SENT = Unavailable("ProviderUnavailable", may_have_happened=False)


def act(_state: SagaState) -> Receipt:
    return NOTHING


def undo(_state: SagaState) -> None:
    return None


def change(state: SagaState) -> ReserveTime:
    return ReserveTime(booking_id=state.booking_id, care_provider_id=1, starts_at=NOW, ends_at=NOW)


def give_back(state: SagaState) -> ReleaseTime:
    return ReleaseTime(booking_id=state.booking_id)


TABLE: Table = steps(
    compensable("look", act, undo=nothing, retry=RETRY),
    compensable("reserve", in_journal(change), undo=in_journal(give_back), retry=RETRY),
    compensable("order", act, undo=undo, retry=RETRY),
    compensable("room", act, undo=undo, retry=RETRY),
    pivot("confirm", in_journal(give_back)),
    retriable("settle", act, retry=RETRY),
    retriable("tell", act, retry=RETRY, best_effort=True),
)
BEFORE_PIVOT = ["look", "reserve", "order", "room"]


def at(step: str | None, **changes: object) -> SagaState:
    owed = {"look": (), "reserve": (), "order": ("reserve",), "room": ("order", "reserve")}
    owed["confirm"] = ("room", "order", "reserve")
    state = SagaState(
        id="s",
        name="test",
        booking_id=1,
        input=NOTHING,
        status=SagaStatus.RUNNING,
        step=step,
        owed=owed.get(step or "", ()),
        due_at=NOW,
        deadline_at=NOW + timedelta(minutes=10),
        expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
    )
    return replace(state, **changes)  # type: ignore[arg-type]


def undoing(*owed: str, **changes: object) -> SagaState:
    state = at(owed[0], owed=owed, status=SagaStatus.UNDOING, reason=Reason.SERVICE_UNAVAILABLE, failed_step="room")
    return replace(state, **changes)  # type: ignore[arg-type]


def after(state: SagaState, *outcomes: Outcome) -> SagaState:
    for outcome in outcomes:
        state = next_state(TABLE, state, outcome, MOMENT)
    return state


# --- forward -----------------------------------------------------------------------------


def test_done_goes_on_at_once_with_the_next_step_and_keeps_the_receipt() -> None:
    state = after(at("room", failures=2, error="X"), Done({"meeting_id": "m"}))
    assert (state.step, state.due_at, state.failures, state.error) == ("confirm", NOW, 0, None)
    assert state.receipts == {"room": {"meeting_id": "m"}}
    assert state.owed == ("room", "order", "reserve")


def test_every_step_done_ends_the_saga_owing_nothing() -> None:
    state = after(at("look"), *[Done()] * len(TABLE))
    assert (state.status, state.step, state.owed, state.due_at) == (SagaStatus.DONE, None, (), None)
    assert is_ended(state)


def test_a_step_that_changes_nothing_owes_no_undo() -> None:
    assert after(at("look"), Done()).owed == ()


def test_nothing_is_owed_once_the_pivot_is_done() -> None:
    assert after(at("confirm"), Done()).owed == ()


# --- a no --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "owed"),
    [
        ("reserve", ()),  # rolled back with its journal row
        ("order", ("order", "reserve")),
        ("room", ("room", "order", "reserve")),
        ("confirm", ("room", "order", "reserve")),
    ],
)
def test_a_refusal_turns_back_at_once_with_the_failed_step_included(step: str, owed: tuple[str, ...]) -> None:
    state = after(at(step), NO)
    assert state.owed == owed
    assert (state.reason, state.failed_step, state.error) == (Reason.RECORD_ALREADY_EXIST, step, "SlotTaken")
    assert state.status is (SagaStatus.UNDOING if owed else SagaStatus.UNDONE)
    assert state.due_at == (NOW if owed else None)


def test_a_refusal_of_the_first_step_ends_the_saga_undone() -> None:
    state = after(at("look"), NO)
    assert (state.status, state.step, state.due_at) == (SagaStatus.UNDONE, None, None)


def test_a_refusal_after_the_pivot_never_turns_back() -> None:
    assert after(at("settle"), NO).status is SagaStatus.STUCK
    assert after(at("tell"), NO).status is SagaStatus.DONE


# --- we do not know ----------------------------------------------------------------------


def test_unavailable_waits_with_full_jitter_and_stays_at_the_step() -> None:
    state = after(at("room"), MAYBE)
    assert (state.step, state.failures, state.due_at) == ("room", 1, NOW + timedelta(seconds=0.5))
    assert after(at("room", failures=2), MAYBE).due_at == NOW + timedelta(seconds=2)


def test_retry_after_is_honoured() -> None:
    asked = Unavailable("X", may_have_happened=False, retry_after=timedelta(seconds=20))
    assert after(at("room"), asked).due_at == NOW + timedelta(seconds=20)


def test_retries_used_up_turn_back() -> None:
    assert after(at("room"), *[MAYBE] * RETRY.limit).status is SagaStatus.RUNNING
    state = after(at("room"), *[MAYBE] * (RETRY.limit + 1))
    assert (state.status, state.reason, state.failed_step) == (SagaStatus.UNDOING, Reason.SERVICE_UNAVAILABLE, "room")
    assert (state.step, state.failures, state.due_at) == ("room", 0, NOW)


def test_a_call_that_was_never_sent_owes_no_undo() -> None:
    assert after(at("room"), *[NOT_SENT] * (RETRY.limit + 1)).owed == ("order", "reserve")


def test_one_try_that_may_have_happened_is_remembered_over_later_ones() -> None:
    assert after(at("room"), MAYBE, NOT_SENT, NOT_SENT, NOT_SENT).owed == ("room", "order", "reserve")
    assert after(at("room"), MAYBE, MAYBE).owed == ("room", "order", "reserve")


def test_an_unknown_pivot_is_retried_for_ever() -> None:
    state = after(at("confirm"), *[MAYBE] * 1000)
    assert (state.status, state.step) == (SagaStatus.RUNNING, "confirm")


def test_what_follows_the_pivot_is_retried_beyond_any_limit_unless_best_effort() -> None:
    endless = retriable("endless", act)
    table = (*TABLE[:5], endless)
    state = at("endless")
    for _ in range(500):
        state = next_state(table, state, MAYBE, MOMENT)
    assert (state.status, state.step) == (SagaStatus.RUNNING, "endless")


@pytest.mark.parametrize("outcome", [MAYBE, NOT_SENT, Misconfigured("X")])
def test_best_effort_ends_when_its_retries_are_used_up(outcome: Outcome) -> None:
    assert after(at("tell"), *[outcome] * RETRY.limit).status is SagaStatus.RUNNING
    assert after(at("tell"), *[outcome] * (RETRY.limit + 1)).status is SagaStatus.DONE


def test_best_effort_honours_retry_after() -> None:
    asked = Unavailable("X", may_have_happened=False, retry_after=timedelta(seconds=20))
    assert after(at("tell"), asked).due_at == NOW + timedelta(seconds=20)


# --- misconfigured -----------------------------------------------------------------------


def test_misconfigured_pauses_without_using_up_retries_or_age() -> None:
    state = after(at("room", failures=2), Misconfigured("ProviderMisconfigured"))
    assert (state.status, state.step, state.failures) == (SagaStatus.RUNNING, "room", 2)
    assert state.due_at == NOW + PAUSE
    assert state.deadline_at == at("room").deadline_at + PAUSE
    assert state.error == "ProviderMisconfigured"
    assert state.owed == ("order", "reserve")


def test_no_pause_moves_the_deadline_beyond_the_start_of_the_session() -> None:
    expires_at = NOW + timedelta(minutes=10, seconds=5)
    state = after(at("room", expires_at=expires_at), *[Misconfigured("X")] * 50)
    assert state.deadline_at == expires_at


# --- a bug, and poison -------------------------------------------------------------------


def test_a_bug_is_tried_twice_then_parked_with_its_error() -> None:
    once = after(at("order"), Bug("KeyError"))
    assert (once.status, once.failures) == (SagaStatus.RUNNING, 1)
    twice = after(once, Bug("KeyError"))
    assert (twice.status, twice.due_at, twice.error, twice.step) == (SagaStatus.STUCK, None, "KeyError", "order")
    assert twice.owed == ("order", "reserve")


def test_a_bug_in_best_effort_never_parks_a_confirmed_booking() -> None:
    assert after(at("tell"), Bug("X"), Bug("X")).status is SagaStatus.DONE


def test_poison_parks_the_saga() -> None:
    assert before_work(TABLE, at("room", claims=MAX_CLAIMS), NOW) is None
    poison = before_work(TABLE, at("room", claims=MAX_CLAIMS + 1), NOW)
    assert poison == Poison()
    state = after(at("room"), Poison())
    assert (state.status, state.due_at, state.error) == (SagaStatus.STUCK, None, "WorkerDied")


def test_a_claim_that_died_may_have_run_its_step() -> None:
    assert as_claimed(TABLE, at("room", claims=1)).owed == ("order", "reserve")
    assert as_claimed(TABLE, at("room", claims=2)).owed == ("room", "order", "reserve")
    assert as_claimed(TABLE, undoing("order", "reserve", claims=2)).owed == ("order", "reserve")


# --- the deadline ------------------------------------------------------------------------


@pytest.mark.parametrize("step", [*BEFORE_PIVOT, "confirm"])
def test_past_its_deadline_a_saga_before_its_pivot_turns_back(step: str) -> None:
    late = at(step, deadline_at=NOW)
    assert before_work(TABLE, late, NOW) == Expired()
    assert before_work(TABLE, late, NOW - timedelta(microseconds=1)) is None
    state = after(late, Expired())
    assert (state.reason, state.failed_step) == (Reason.DEADLINE_PASSED, step)
    assert state.status is (SagaStatus.UNDOING if late.owed else SagaStatus.UNDONE)


def test_the_deadline_never_undoes_an_unknown_pivot_or_what_follows_it() -> None:
    later = NOW + timedelta(days=1)
    assert before_work(TABLE, at("confirm", failures=1), later) is None
    assert before_work(TABLE, at("settle"), later) is None
    assert before_work(TABLE, undoing("order"), later) is None


def test_no_wait_reaches_beyond_the_deadline() -> None:
    soon = NOW + timedelta(milliseconds=100)
    assert after(at("room", deadline_at=soon), MAYBE).due_at == soon


# --- undoing -----------------------------------------------------------------------------


def test_undone_one_by_one_in_order() -> None:
    state = undoing("room", "order", "reserve")
    state = after(state, Done())
    assert (state.step, state.owed, state.due_at) == ("order", ("order", "reserve"), NOW)
    state = after(state, Done(), Done())
    assert (state.status, state.step, state.owed, state.due_at) == (SagaStatus.UNDONE, None, (), None)
    assert (state.reason, state.failed_step) == (Reason.SERVICE_UNAVAILABLE, "room")


def test_an_undo_that_does_not_answer_lets_the_others_go_first() -> None:
    state = after(undoing("room", "order", "reserve"), MAYBE)
    assert (state.step, state.owed, state.due_at) == ("order", ("order", "reserve", "room"), NOW)
    state = after(state, Done(), Done())
    assert (state.step, state.owed, state.status) == ("room", ("room",), SagaStatus.UNDOING)
    state = after(state, MAYBE)
    assert state.due_at == NOW + timedelta(seconds=0.5)


def test_when_no_undo_answers_the_saga_waits() -> None:
    state = after(undoing("room", "order"), MAYBE, MAYBE)
    assert (state.step, state.failures) == ("room", 2)
    assert state.due_at == NOW + timedelta(seconds=1)


def test_an_undo_that_keeps_failing_is_parked_with_what_it_owes() -> None:
    state = after(undoing("room"), *[MAYBE] * UNDO.limit)
    assert state.status is SagaStatus.UNDOING
    state = after(state, MAYBE)
    assert (state.status, state.owed, state.due_at) == (SagaStatus.STUCK, ("room",), None)


def test_a_refused_or_broken_undo_is_parked() -> None:
    assert after(undoing("room"), NO).status is SagaStatus.STUCK
    assert after(undoing("room"), Bug("X")).status is SagaStatus.UNDOING
    assert after(undoing("room"), Bug("X"), Bug("X")).status is SagaStatus.STUCK


def test_a_refused_undo_keeps_nothing_of_the_others_and_is_parked_alone() -> None:
    state = after(undoing("room", "order", "reserve"), NO)
    assert (state.status, state.step, state.due_at) == (SagaStatus.UNDOING, "order", NOW)
    state = after(state, Done(), Done(), NO)
    assert (state.status, state.step, state.owed, state.error) == (SagaStatus.STUCK, "room", ("room",), "SlotTaken")


@pytest.mark.parametrize("no", [NO, Bug("X"), Poison()])
def test_what_is_parked_stands_at_the_undo_that_failed(no: Outcome) -> None:
    state = undoing("room", "order")
    while state.status is SagaStatus.UNDOING:
        failed_at = state.step
        state = after(state, no)
    assert (state.step, state.owed[0], state.failed_step) == (failed_at, failed_at, "room")
    assert set(state.owed) == {"room", "order"}


def test_a_misconfigured_undo_waits_for_an_operator_without_giving_up() -> None:
    state = after(undoing("room", "order"), Misconfigured("X"))
    assert (state.step, state.due_at) == ("order", NOW)
    state = after(state, Done(), *[Misconfigured("X")] * 100)
    assert (state.status, state.step, state.due_at) == (SagaStatus.UNDOING, "room", NOW + PAUSE)


# --- waits -------------------------------------------------------------------------------


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 0.999), pace=st.floats(0.01, 10))
def test_a_wait_is_within_its_bounds(failures: int, jitter: float, pace: float) -> None:
    wait = backoff(RETRY, failures, Moment(now=NOW, jitter=jitter, pace=pace))
    assert timedelta() <= wait <= RETRY.cap * pace


def test_waits_double_up_to_the_cap() -> None:
    full = Moment(now=NOW, jitter=1.0)
    assert [backoff(RETRY, n, full).total_seconds() for n in range(1, 7)] == [1, 2, 4, 8, 8, 8]


OUTCOMES = [Done(), NO, MAYBE, NOT_SENT, Misconfigured("X"), Bug("X")]


@given(st.lists(st.sampled_from(OUTCOMES), max_size=200), st.floats(0, 0.999))
def test_whatever_happens_a_saga_is_either_due_or_ended_and_never_undoes_its_pivot(
    outcomes: list[Outcome], jitter: float
) -> None:
    state, pivot_done = at("look"), False
    for outcome in outcomes:
        if is_ended(state):
            break
        pivot_done = pivot_done or (state.step == "confirm" and outcome == Done() and state.status == "running")
        state = next_state(TABLE, state, outcome, Moment(now=NOW, jitter=jitter))
        assert (state.due_at is None) == (state.status in {SagaStatus.DONE, SagaStatus.UNDONE, SagaStatus.STUCK})
        assert state.due_at is None or state.due_at >= NOW
        if pivot_done:
            assert state.status in {SagaStatus.RUNNING, SagaStatus.DONE, SagaStatus.STUCK}
            assert state.owed == ()
        if state.status is SagaStatus.UNDOING:
            assert state.step == state.owed[0]


# --- withdrawn -----------------------------------------------------------------------------


def test_a_withdrawn_saga_turns_back_while_it_can() -> None:
    state = at("room", withdrawn_at=NOW)
    assert before_work(TABLE, state, NOW) == Withdrawn()
    turned = after(state, Withdrawn())
    assert (turned.status, turned.reason, turned.failed_step) == (
        SagaStatus.UNDOING,
        Reason.BOOKING_WITHDRAWN,
        "room",
    )
    assert turned.owed == ("order", "reserve")  # the room was not asked for
    assert before_work(TABLE, at("settle", withdrawn_at=NOW), NOW) is None
    assert before_work(TABLE, undoing("order", withdrawn_at=NOW), NOW) is None
    assert before_work(TABLE, at("confirm", failures=1, withdrawn_at=NOW), NOW) is None


# --- what stays as it was ------------------------------------------------------------------


def test_turning_back_keeps_the_name_of_the_error() -> None:
    assert after(at("order"), NO).error == "SlotTaken"
    assert after(at("order"), Expired()).error == "DeadlinePassed"


def test_a_poisoned_undo_stays_where_it_stood() -> None:
    poisoned = after(undoing("room", "order"), Poison())
    assert (poisoned.status, poisoned.step, poisoned.owed) == (SagaStatus.STUCK, "room", ("room", "order"))


def test_no_wait_before_the_pivot_goes_beyond_the_deadline_and_others_do() -> None:
    soon = NOW + timedelta(milliseconds=10)
    assert after(at("room", deadline_at=soon), MAYBE).due_at == soon
    assert after(undoing("room", deadline_at=soon), MAYBE).due_at == NOW + UNDO.base * 0.5
    assert after(at("settle", deadline_at=NOW - timedelta(hours=1)), MAYBE).due_at == NOW + RETRY.base * 0.5


def test_the_timeline_tells_what_surely_did_not_happen_from_what_may_have() -> None:
    assert (MAYBE.word, NOT_SENT.word) == (OutcomeWord.UNKNOWN, OutcomeWord.UNAVAILABLE)
