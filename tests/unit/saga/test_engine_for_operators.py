"""What an operator may do, as pure functions of the state: every rule is read off its answers."""

from datetime import timedelta

import pytest

from repositories.entities.sagas import SagaState
from repositories.enums import Reason, SagaStatus
from saga.engine import Bug, Done, Expired, Moment, Poison, before_work, next_state, resumed, turned_back
from tests.unit.saga.test_engine import BEFORE_PIVOT, MOMENT, NO, NOW, TABLE, after, at, undoing

LATER = Moment(now=NOW + timedelta(minutes=30), jitter=0.5)
DEADLINE = LATER.now + timedelta(minutes=10)


def retried(state: SagaState) -> SagaState:
    return resumed(TABLE, state, LATER, deadline_at=DEADLINE)


def undone(state: SagaState) -> SagaState | None:
    return turned_back(TABLE, state, LATER, reason=Reason.UNDONE_BY_OPERATOR, error="UndoneByOperator")


# --- retry -----------------------------------------------------------------------------------


def test_a_parked_saga_is_due_with_its_tries_and_its_age_before_it() -> None:
    state = retried(after(at("room", failures=1), Bug("X")))
    assert (state.status, state.step, state.due_at) == (SagaStatus.RUNNING, "room", LATER.now)
    assert (state.failures, state.claims, state.deadline_at) == (0, 0, DEADLINE)
    assert before_work(TABLE, state, LATER.now) is None


def test_a_saga_that_was_parked_undoing_goes_on_undoing() -> None:
    state = retried(after(undoing("room", "order"), NO, NO))
    assert (state.status, state.step, state.owed) == (SagaStatus.UNDOING, "order", ("order", "room"))


def test_a_poisoned_saga_is_given_all_its_claims_again() -> None:
    state = retried(after(at("room", claims=6), Poison()))
    assert (state.status, state.claims) == (SagaStatus.RUNNING, 0)


def test_no_retry_books_a_session_that_has_begun() -> None:
    state = retried(at("room", expires_at=LATER.now))
    assert before_work(TABLE, state, LATER.now) == Expired()


def test_a_retry_never_shortens_what_a_saga_has_before_it() -> None:
    far = DEADLINE + timedelta(hours=1)
    assert retried(at("room", deadline_at=far, expires_at=far)).deadline_at == far


def test_a_step_whose_worker_died_is_owed() -> None:
    assert retried(at("room", claims=1)).owed == ("room", "order", "reserve")
    assert retried(at("room", claims=0)).owed == ("order", "reserve")
    assert retried(undoing("order", "reserve", claims=1)).owed == ("order", "reserve")
    assert retried(at("settle", claims=1)).owed == ()


# --- undo ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "owed"),
    [
        ("look", ()),
        ("reserve", ()),  # it commits with the journal: it has not happened
        ("order", ("order", "reserve")),
        ("room", ("room", "order", "reserve")),
        ("confirm", ("room", "order", "reserve")),
    ],
)
def test_before_the_pivot_a_saga_turns_back_with_the_step_that_may_have_happened(
    step: str, owed: tuple[str, ...]
) -> None:
    state = undone(at(step))
    assert state is not None
    assert state.owed == owed
    assert (state.reason, state.failed_step, state.error) == (Reason.UNDONE_BY_OPERATOR, step, "UndoneByOperator")
    if owed:
        assert (state.status, state.step, state.due_at) == (SagaStatus.UNDOING, owed[0], LATER.now)
    else:
        assert (state.status, state.step, state.due_at) == (SagaStatus.UNDONE, None, None)


@pytest.mark.parametrize("step", ["settle", "tell"])
def test_after_the_pivot_nothing_turns_back(step: str) -> None:
    assert undone(at(step)) is None


def test_every_step_of_the_table_was_looked_at() -> None:
    assert [step.name for step in TABLE] == [*BEFORE_PIVOT, "confirm", "settle", "tell"]


# --- skip: the step, or its undo, is done ------------------------------------------------------


def test_a_skipped_step_leaves_its_answer_and_owes_its_undo() -> None:
    state = next_state(TABLE, retried(after(at("room", failures=1), Bug("X"))), Done({"meeting_id": "m"}), LATER)
    assert (state.status, state.step, state.due_at, state.error) == (SagaStatus.RUNNING, "confirm", LATER.now, None)
    assert state.receipts == {"room": {"meeting_id": "m"}}
    assert state.owed == ("room", "order", "reserve")


def test_a_skipped_undo_is_the_one_that_failed_and_the_others_are_still_owed() -> None:
    stuck = after(undoing("room", "order"), NO, NO)
    state = next_state(TABLE, retried(stuck), Done(), LATER)
    assert (stuck.step, state.step, state.owed, state.status) == ("order", "room", ("room",), SagaStatus.UNDOING)
    assert next_state(TABLE, state, Done(), MOMENT).status is SagaStatus.UNDONE
