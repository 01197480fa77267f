"""A table that breaks the form is refused when the process starts."""

import pytest

from repositories.entities.effects import ReleaseTime
from repositories.entities.sagas import SagaState
from saga.definition import (
    NOTHING,
    Receipt,
    Step,
    TableWrong,
    compensable,
    in_journal,
    nothing,
    once_decided,
    pivot,
    retriable,
    steps,
)


def act(_state: SagaState) -> Receipt:
    return NOTHING


A = compensable("a", act, undo=nothing)
B = compensable("b", act, undo=nothing)
P = pivot("p", in_journal(lambda state: ReleaseTime(booking_id=state.booking_id)))
Q = pivot("q", in_journal(lambda state: ReleaseTime(booking_id=state.booking_id)))
R = retriable("r", act)


def test_what_follows_a_decision_is_retriable_only() -> None:
    other = retriable("s", act)
    assert once_decided(R, other) == (R, other)


@pytest.mark.parametrize("table", [(), (A,), (R, P), (R, retriable("r", act))], ids=["empty", "undo", "pivot", "twice"])
def test_what_follows_a_decision_is_nothing_else(table: tuple[Step, ...]) -> None:
    with pytest.raises(TableWrong):
        once_decided(*table)


def test_a_table_in_form_is_kept_as_it_is() -> None:
    assert steps(A, B, P, R) == (A, B, P, R)
    assert steps(P) == (P,)


@pytest.mark.parametrize(
    "table",
    [(), (A, B), (A, P, Q), (P, A), (A, R, P), (R, P), (A, compensable("a", act, undo=nothing), P)],
    ids=["empty", "no pivot", "two pivots", "pivot first", "retriable first", "retriable before pivot", "name twice"],
)
def test_a_table_out_of_form_is_refused(table: tuple[Step, ...]) -> None:
    with pytest.raises(TableWrong):
        steps(*table)
