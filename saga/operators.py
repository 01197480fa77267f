"""What an operator may do to a saga. Each needs a reason, and stands in the audit trail, in the same transaction.

retry     run it now, with its tries and its age before it again
skip      go on as if the current step (or undo), done by hand, had answered this
undo      turn back from here; not once the pivot has happened
resolve   close it: everything was mended by hand

Errors:  SagaNotFound | NotPossible (it says why) | SagaMoved (look again)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from repositories.entities.effects import Effect, GiveUpBooking
from repositories.entities.sagas import LONGEST_BY, LONGEST_WHY, Attempt, AuditEntry, SagaState
from repositories.enums import Attempted, OutcomeWord, Reason, SagaStatus
from repositories.ports.sagas import SagaRecords
from saga.definition import InJournal, Kind, Saga, Step
from saga.engine import Done, Moment, is_ended, next_state, resumed, step_of, turned_back
from saga.sweep import Nudge

log = structlog.get_logger()

UNDONE_BY_OPERATOR = "UndoneByOperator"
LONGEST_ANSWER = 64  # letters, of one part of a receipt


class SagaNotFound(Exception):
    """There is no such saga."""


class NotPossible(Exception):
    """This cannot be done to this saga."""


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """Into which saga, on whose word and why."""

    saga_id: str
    by: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What may be done to a saga as it stands; a worker may have moved it on by the time that it is asked for."""

    actions: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()  # the parts of the receipt that skipping needs


@dataclass(frozen=True, kw_only=True)
class Operator:
    records: SagaRecords
    sagas: Mapping[str, Saga]
    nudge: Nudge
    clock: Callable[[], datetime]
    max_age: timedelta  # what a retried saga has before it, until its deadline

    def retry(self, wish: Intervention) -> SagaState:
        before = self._open_saga(wish)
        return self._write(wish, "retry", before, self._resumed(before))

    def skip(self, wish: Intervention, *, step: str, receipt: Mapping[str, str]) -> SagaState:
        """`step` is where the operator saw the saga stand: one that has moved on meanwhile loses no other step."""
        before = self._open_saga(wish)
        if step != before.step:
            raise NotPossible(f"it stands at {before.step}, not at {step}")
        state = self._resumed(before)
        _refuse_what_nobody_does_by_hand(step_of(self._saga_of(state).table, state), state, receipt)
        following = next_state(self._saga_of(state).table, state, Done(receipt), self._moment())
        return self._write(wish, "skip", before, following, attempts=(self._skipped(state),))

    def undo(self, wish: Intervention) -> SagaState:
        before = self._open_saga(wish)
        state = self._resumed(before)
        if state.status is SagaStatus.UNDOING:
            raise NotPossible("it is turning back already: retry it, or skip the undo that fails")
        table = self._saga_of(state).table
        following = turned_back(
            table, state, self._moment(), reason=Reason.UNDONE_BY_OPERATOR, error=UNDONE_BY_OPERATOR
        )
        if following is None:
            raise NotPossible("its decision has been taken: what follows can be retried or skipped, not undone")
        return self._write(wish, "undo", before, following)

    def resolve(self, wish: Intervention) -> SagaState:
        before = self._open_saga(wish)
        if before.status is not SagaStatus.STUCK:
            raise NotPossible(f"only a stuck saga is resolved by hand; this one is {before.status}")
        end = GiveUpBooking(
            booking_id=before.booking_id,
            reason=before.reason or Reason.INTERNAL_ERROR,
            failed_step=before.failed_step or before.step,
        )
        closed = replace(before, status=SagaStatus.RESOLVED, claims=0)
        return self._write(wish, "resolve", before, closed, effects=(end,))

    def offer(self, state: SagaState) -> Offer:
        """The same rules, asked without doing anything."""
        is_stuck = state.status is SagaStatus.STUCK
        if state.name not in self.sagas or (is_ended(state) and not is_stuck):
            return Offer(actions=("resolve",) if is_stuck else ())
        goes_on = self._resumed(state)
        step, is_undoing = step_of(self._saga_of(state).table, goes_on), goes_on.status is SagaStatus.UNDOING
        may = {
            "retry": True,
            "skip": not isinstance(step.undo if is_undoing else step.action, InJournal),
            "undo": not is_undoing and step.kind is not Kind.RETRIABLE,
            "resolve": is_stuck,
        }
        answers = step.answers if may["skip"] and not is_undoing else ()
        return Offer(actions=tuple(action for action, is_possible in may.items() if is_possible), answers=answers)

    # --- how -------------------------------------------------------------------------------

    def _open_saga(self, wish: Intervention) -> SagaState:
        _refuse_without_name_and_reason(wish)
        record = self.records.find_record(wish.saga_id)
        if record is None:
            raise SagaNotFound
        state = record.state
        if is_ended(state) and state.status is not SagaStatus.STUCK:
            raise NotPossible(f"it has ended: {state.status}")
        return state

    def _saga_of(self, state: SagaState) -> Saga:
        if state.name not in self.sagas:
            raise NotPossible(f"this version of Tahoon knows no saga {state.name}")
        return self.sagas[state.name]

    def _moment(self) -> Moment:
        return Moment(now=self.clock(), jitter=0.0)

    def _resumed(self, state: SagaState) -> SagaState:
        return resumed(self._saga_of(state).table, state, self._moment(), deadline_at=self.clock() + self.max_age)

    def _skipped(self, state: SagaState) -> Attempt:
        return Attempt(
            step=state.step or "",
            kind=Attempted.UNDO if state.status is SagaStatus.UNDOING else Attempted.ACTION,
            number=1,
            outcome=OutcomeWord.SKIPPED,
            error=None,
            started_at=self.clock(),
            duration=timedelta(),
        )

    def _write(
        self,
        wish: Intervention,
        action: str,
        before: SagaState,
        following: SagaState,
        *,
        effects: tuple[Effect, ...] = (),
        attempts: tuple[Attempt, ...] = (),
    ) -> SagaState:
        if following.status is SagaStatus.UNDONE:
            effects = (self._saga_of(following).when_undone(following), *effects)
        entry = AuditEntry(action=action, step=before.step, by=wish.by.strip(), why=wish.why.strip(), at=self.clock())
        written = self.records.intervene(following, entry, attempts=attempts, effects=effects)
        log.info("saga_intervention", saga_id=written.id, action=action, step=before.step, status=written.status)
        if not is_ended(written):
            self.nudge(written.name, written.id)
        return written


def _refuse_without_name_and_reason(wish: Intervention) -> None:
    if not wish.why.strip() or not wish.by.strip():
        raise NotPossible("a reason and a name are needed")
    if len(wish.why) > LONGEST_WHY or len(wish.by) > LONGEST_BY:
        raise NotPossible(f"a reason has at most {LONGEST_WHY} letters, a name {LONGEST_BY}")


def _refuse_what_nobody_does_by_hand(step: Step, state: SagaState, receipt: Mapping[str, str]) -> None:
    is_undo = state.status is SagaStatus.UNDOING
    if isinstance(step.undo if is_undo else step.action, InJournal):
        raise NotPossible(f"{step.name} commits with the journal, so it surely has not happened: it cannot be skipped")
    answers = () if is_undo else step.answers
    if set(receipt) != set(answers):
        raise NotPossible(f"{step.name} answers with: {', '.join(answers) or 'nothing'}")
    if not all(0 < len(value) <= LONGEST_ANSWER for value in receipt.values()):
        raise NotPossible(f"an answer has 1 to {LONGEST_ANSWER} letters")
