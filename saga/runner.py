"""Claims a saga, runs its steps, and writes down what came of each.

One commit per step. Two need none of their own: a step whose successor commits with the journal row is carried by that
commit (until then the journal names the step as current, so a crash repeats it under the same key).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from integrations.ports import ProviderHeld, ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from repositories.entities.effects import Effect
from repositories.entities.sagas import Attempt, InLine
from repositories.enums import Attempted, OutcomeWord, Reason, SagaStatus
from repositories.ports.errors import LeaseLost, StoreUnavailable
from repositories.ports.sagas import Journal
from saga.definition import NOTHING, Action, Ended, InJournal, Saga, SagaState, Step, Undo
from saga.engine import (
    Bug,
    Done,
    Held,
    Misconfigured,
    Moment,
    Outcome,
    Refused,
    Unavailable,
    as_claimed,
    before_work,
    is_ended,
    is_news,
    next_state,
    rested,
    step_of,
)
from saga.line import Line
from saga.watch import UNWATCHED, SagaWatch

log = structlog.get_logger()

OTHERS_FIRST = "OthersWaitLonger"
NOT_DUE = "not due"
LEASE_LOST = "lease lost"
JOURNAL_UNAVAILABLE = "journal unavailable"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One attempt of one step: its outcome and its line in the timeline, not yet written."""

    outcome: Outcome
    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Carries sagas forward. Safe to call for any saga, at any time, from any number of processes."""

    sagas: Mapping[str, Saga]
    journal: Journal
    line: Line
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    new_token: Callable[[], str]
    lease: timedelta
    pace: float = 1.0
    is_stopping: Callable[[], bool] = lambda: False
    watch: SagaWatch = UNWATCHED

    def advance(self, saga_id: str) -> str:
        """Run the saga as far as it goes now; returns a short word on where it stands, without personal data."""
        try:
            claimed = self.journal.claim(saga_id, now=self.clock(), lease=self.lease, token=self.new_token())
            if claimed is None:
                return NOT_DUE
            with structlog.contextvars.bound_contextvars(
                request_id=claimed.request_id, organization_id=claimed.input.get("organization_id"), saga=claimed.name
            ):
                return self._run(claimed)
        except LeaseLost:
            log.warning("saga_lease_lost", saga_id=saga_id)
            self.watch.lease_lost()
            return LEASE_LOST
        except StoreUnavailable:
            log.warning("saga_journal_unavailable", saga_id=saga_id)
            return JOURNAL_UNAVAILABLE

    def _run(self, claimed: SagaState) -> str:
        saga = self.sagas[claimed.name]
        state = as_claimed(saga.table, self._rested(claimed))
        carried: tuple[Attempt, ...] = ()
        is_mine = True
        while is_mine:
            state, carried, is_mine = self._one_step(saga, state, carried)
        return describe(state)

    def _one_step(
        self, saga: Saga, state: SagaState, carried: tuple[Attempt, ...]
    ) -> tuple[SagaState, tuple[Attempt, ...], bool]:
        """One step further: the state, the attempts not written yet, and whether the saga is still ours to run."""
        with structlog.contextvars.bound_contextvars(step=state.step), self.watch.at_work(state):
            return self._attempted(saga, state, carried)

    def _attempted(
        self, saga: Saga, state: SagaState, carried: tuple[Attempt, ...]
    ) -> tuple[SagaState, tuple[Attempt, ...], bool]:
        ahead = before_work(saga.table, state, self.clock())
        if ahead is not None:
            turn = Turn(outcome=ahead, attempt=self._attempt(state, ahead, started=self.clock(), seconds=0.0))
            self.watch.tried(state, turn.attempt, seconds=0.0)
            return self._write(saga, state, turn, carried)
        step = step_of(saga.table, state)
        work = step.undo if state.status is SagaStatus.UNDOING else step.action
        if isinstance(work, InJournal):
            return self._commit_with_journal(saga, step, work, state, carried)
        return self._call(saga, step, work, state, carried)

    def _call(
        self, saga: Saga, step: Step, work: Action | Undo, state: SagaState, carried: tuple[Attempt, ...]
    ) -> tuple[SagaState, tuple[Attempt, ...], bool]:
        started, began = self.clock(), time.perf_counter()
        outcome = self._outcome_of(saga, step, work, state)
        seconds = time.perf_counter() - began
        attempt = self._attempt(state, outcome, started=started, seconds=seconds)
        self.watch.tried(state, attempt, seconds=seconds)
        following = self._next(saga, state, outcome, line=self._place_in_line(step, outcome))
        if isinstance(outcome, Done) and step.record is None and _is_carried_by_next(saga, following):
            return following, (*carried, attempt), True
        return self._write(saga, state, Turn(outcome=outcome, attempt=attempt), carried, following=following)

    def _commit_with_journal(
        self, saga: Saga, step: Step, work: InJournal, state: SagaState, carried: tuple[Attempt, ...]
    ) -> tuple[SagaState, tuple[Attempt, ...], bool]:
        started, began = self.clock(), time.perf_counter()
        done = Done()
        try:
            turn = Turn(outcome=done, attempt=self._attempt(state, done, started=started, seconds=None))
            written = self._write(saga, state, turn, carried, effects=(work.effect(state),))
            self.watch.tried(state, turn.attempt, seconds=time.perf_counter() - began)
            return written
        except LeaseLost:
            raise
        except Exception as error:
            outcome, seconds = _translated(saga, step, error), time.perf_counter() - began
            attempt = self._attempt(state, outcome, started=started, seconds=seconds)
            self.watch.tried(state, attempt, seconds=seconds)
            return self._write(saga, state, Turn(outcome=outcome, attempt=attempt), carried)

    def _write(
        self,
        saga: Saga,
        state: SagaState,
        turn: Turn,
        carried: tuple[Attempt, ...],
        *,
        effects: tuple[Effect, ...] = (),
        following: SagaState | None = None,
    ) -> tuple[SagaState, tuple[Attempt, ...], bool]:
        """Save what follows from this turn, and the lease if we go on at once."""
        following = following or self._next(saga, state, turn.outcome)
        if following.status is SagaStatus.UNDONE:
            effects = (saga.when_undone(following), *effects)  # the booking before a calendar, as everywhere
        now = self.clock()
        effects = (*effects, *_record_of(saga, state, following, turn.outcome, now))
        goes_on = following.due_at is not None and following.due_at <= now and not self.is_stopping()
        # a claim that goes on with its lease is still the first; the next one is the second: someone died in between
        kept = {"due_at": now + self.lease, "claims": 1} if goes_on else {"claims": 0}
        following = replace(following, **kept)
        is_told = is_news(state, following, turn.outcome)
        attempts = (*carried, turn.attempt) if is_told else carried
        saved = self.journal.save(following, attempts=attempts, effects=effects, now=now)
        if is_told:
            self._tell(saved, turn)
        if is_ended(saved):
            self.watch.ended(saved, seconds=(now - saved.created_at).total_seconds())
        return saved, (), goes_on

    def _next(self, saga: Saga, state: SagaState, outcome: Outcome, *, line: InLine | None = None) -> SagaState:
        moment = Moment(now=self.clock(), jitter=self.jitter(), pace=self.pace, line=line)
        return next_state(saga.table, state, outcome, moment)

    # --- outside services ------------------------------------------------------------------

    def _rested(self, claimed: SagaState) -> SagaState:
        if claimed.in_line is None:
            return claimed
        return rested(claimed, stood_still=self.line.stood_still(claimed.in_line.service))

    def _outcome_of(self, saga: Saga, step: Step, work: Action | Undo, state: SagaState) -> Outcome:
        if step.asks is None:
            return _outcome_of(saga, step, work, state)
        is_first = not self.line.is_turn_of_others(step.asks, state)
        outcome = _outcome_of(saga, step, work, state) if is_first else Held(OTHERS_FIRST)
        self.line.let_go(step.asks)
        return outcome

    def _place_in_line(self, step: Step, outcome: Outcome) -> InLine | None:
        """Where this saga waits, if the service that it asks is not to be asked again now."""
        if step.asks is None:
            return None
        is_shut = isinstance(outcome, Unavailable | Misconfigured) and self.line.is_shut(step.asks)
        return self.line.end_of(step.asks) if is_shut or isinstance(outcome, Held) else None

    # --- the timeline ------------------------------------------------------------------------

    def _attempt(self, state: SagaState, outcome: Outcome, *, started: datetime, seconds: float | None) -> Attempt:
        return Attempt(
            step=state.step or "",
            kind=Attempted.UNDO if state.status is SagaStatus.UNDOING else Attempted.ACTION,
            number=state.failures + 1,
            outcome=outcome.word,
            error=outcome.error,
            started_at=started,
            duration=None if seconds is None else timedelta(seconds=seconds),
        )

    def _tell(self, saved: SagaState, turn: Turn) -> None:
        if turn.outcome.word is OutcomeWord.DONE and not is_ended(saved):
            return
        level = "error" if saved.status is SagaStatus.STUCK else "info"
        getattr(log, level)(
            "saga_step",
            saga_id=saved.id,
            saga=saved.name,
            booking_id=saved.booking_id,
            step=turn.attempt.step,
            kind=turn.attempt.kind.value,
            attempt=turn.attempt.number,
            outcome=turn.attempt.outcome.value,
            error=turn.attempt.error,
            status=saved.status.value,
        )


def describe(state: SagaState) -> str:
    """Where a saga stands, in the few words that Flower shows: its booking's id, and why it does not simply go on."""
    step = state.failed_step if is_ended(state) else state.step
    at = "" if step is None else f" at {step}"
    why = [f"reason {state.reason.value}"] if state.reason is not None else []
    why += [state.error] if state.error is not None and not is_ended(state) else []
    return f"booking {state.booking_id}: {state.status.value}{at}" + (f" ({', '.join(why)})" if why else "")


def _is_carried_by_next(saga: Saga, following: SagaState) -> bool:
    if following.status is not SagaStatus.RUNNING or following.step is None:
        return False
    return isinstance(step_of(saga.table, following).action, InJournal)


def _record_of(
    saga: Saga, state: SagaState, following: SagaState, outcome: Outcome, now: datetime
) -> tuple[Effect, ...]:
    """What a step that ends with this save has to be kept of it."""
    if state.status is not SagaStatus.RUNNING or following.step == state.step or following.status is SagaStatus.STUCK:
        return ()
    record = step_of(saga.table, state).record
    if record is None:
        return ()
    attempts = state.failures + (not isinstance(outcome, Held))
    error = None if isinstance(outcome, Done) else following.error or outcome.error
    effect = record(state, Ended(at=now, attempts=attempts, error=error))
    return () if effect is None else (effect,)


def _outcome_of(saga: Saga, step: Step, work: Action | Undo, state: SagaState) -> Outcome:
    """Run a step's action or undo, and say what came of it in the engine's words."""
    try:
        return Done(work(state) or NOTHING)
    except Exception as error:
        return _translated(saga, step, error)


def _translated(saga: Saga, step: Step, error: Exception) -> Outcome:
    """The engine's word for an error; whatever no port announced is a bug."""
    name = type(error).__name__
    match error:
        case ProviderUnavailable():
            return Unavailable(name, error.may_have_happened, error.retry_after or timedelta())
        case StoreUnavailable():
            return Unavailable(name, may_have_happened=True)
        case ProviderMisconfigured():
            return Misconfigured(name)
        case ProviderHeld():
            return Held(name)
    if isinstance(error, (*step.stops_on, ProviderRefused)):
        return Refused(name, _reason_of(saga, error))
    log.exception("saga_bug", step=step.name, error=name)
    return Bug(name)


def _reason_of(saga: Saga, error: Exception) -> Reason:
    return next((reason for kind, reason in saga.reasons.items() if isinstance(error, kind)), Reason.INTERNAL_ERROR)
