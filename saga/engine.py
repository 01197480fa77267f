"""The saga's rules as one pure function: (state, outcome of an attempt) -> next state.

    running:  done -> next step ... -> DONE
              refused, retries used up, deadline passed, withdrawn -> UNDOING
    undoing:  every owed step is undone, the last first -> UNDONE
              an undo that fails lets the others go first
    either:   a service not to be asked now -> in its line, at no cost, until its turn or the deadline
              a bug twice, an undo that keeps failing, a worker that dies each time -> STUCK

Nothing here reads a clock, a database or a random number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from repositories.entities.sagas import InLine, SagaState
from repositories.enums import OutcomeWord, Reason, SagaStatus
from saga.definition import NOTHING, UNDO, InJournal, Kind, Retry, Step, Table, nothing

MAX_CLAIMS = 5
MAX_BUGS = 2
PAUSE = timedelta(seconds=30)  # before a misconfigured service without a breaker is asked again
PATIENCE = timedelta(minutes=10)  # how long a best-effort step waits in line
LOOK_AGAIN = timedelta(minutes=10)  # whoever has no deadline leaves the line then and joins it again, lest it be lost

# --- What came of an attempt -------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    word: ClassVar[OutcomeWord] = OutcomeWord.DONE
    error: ClassVar[None] = None
    receipt: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class Refused:
    """A definite no."""

    word: ClassVar[OutcomeWord] = OutcomeWord.REFUSED
    error: str
    reason: Reason


@dataclass(frozen=True)
class Unavailable:
    """Not now, or we do not know."""

    error: str
    may_have_happened: bool
    retry_after: timedelta = timedelta()

    @property
    def word(self) -> OutcomeWord:
        return OutcomeWord.UNKNOWN if self.may_have_happened else OutcomeWord.UNAVAILABLE


@dataclass(frozen=True)
class Misconfigured:
    """Our own key or setting is wrong: the saga waits for an operator, and its age stands still."""

    word: ClassVar[OutcomeWord] = OutcomeWord.MISCONFIGURED
    error: str


@dataclass(frozen=True)
class Held:
    """The service was not asked: it is not to be asked now, or others wait for it already."""

    word: ClassVar[OutcomeWord] = OutcomeWord.HELD
    error: str


@dataclass(frozen=True)
class Bug:
    word: ClassVar[OutcomeWord] = OutcomeWord.BUG
    error: str


@dataclass(frozen=True)
class Expired:
    """The deadline passed before the pivot."""

    word: ClassVar[OutcomeWord] = OutcomeWord.EXPIRED
    error: ClassVar[str] = "DeadlinePassed"
    reason: Reason = Reason.DEADLINE_PASSED


@dataclass(frozen=True)
class Withdrawn:
    """The partner withdrew the booking before the pivot."""

    word: ClassVar[OutcomeWord] = OutcomeWord.WITHDRAWN
    error: ClassVar[str] = "BookingWithdrawn"


@dataclass(frozen=True)
class Poison:
    """Worker after worker died with this saga in hand."""

    word: ClassVar[OutcomeWord] = OutcomeWord.POISON
    error: ClassVar[str] = "WorkerDied"


Outcome = Done | Refused | Unavailable | Misconfigured | Held | Bug | Expired | Withdrawn | Poison


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the world adds: the time, how the waits are drawn, and the end of a service's line."""

    now: datetime
    jitter: float  # in [0, 1)
    pace: float = 1.0  # multiplies every wait
    line: InLine | None = None  # of the service that the step asks, if it is not to be asked again now


# --- The rules ---------------------------------------------------------------------------


def next_state(table: Table, state: SagaState, outcome: Outcome, moment: Moment) -> SagaState:
    """Where the saga stands after this outcome of its current step. `due_at` = now means: go on at once."""
    if moment.line is not None:
        moment = replace(moment, line=_place_in(moment.line, state.in_line, outcome))
    if state.in_line is not None:
        state = replace(state, in_line=None)
    if isinstance(outcome, Poison):
        return _stuck(state, outcome)
    if state.status is SagaStatus.UNDOING:
        return _after_undo(state, outcome, moment)
    return _after_action(table, state, outcome, moment)


def before_work(table: Table, state: SagaState, now: datetime) -> Expired | Withdrawn | Poison | None:
    """What a saga just claimed runs into before any work: the outcome, if there is one."""
    if state.claims > MAX_CLAIMS:
        return Poison()
    if state.status is not SagaStatus.RUNNING or not _can_turn_back(table, state):
        return None
    if state.withdrawn_at is not None:
        return Withdrawn()
    if now < state.deadline_at:
        return None
    return Expired(Reason.DEADLINE_PASSED if state.in_line is None else Reason.SERVICE_UNAVAILABLE)


def rested(state: SagaState, *, stood_still: timedelta) -> SagaState:
    """The state not aged by the time that it waited while its service stood still; no deadline passes `expires_at`."""
    if state.in_line is None:
        return state
    rest = max(stood_still - state.in_line.stood_still, timedelta())
    deadline_at = max(state.deadline_at, min(state.deadline_at + rest, state.expires_at))
    return replace(state, deadline_at=deadline_at, in_line=replace(state.in_line, stood_still=stood_still))


def is_news(before: SagaState, following: SagaState, outcome: Outcome) -> bool:
    """Whether the timeline tells it: not that a saga waits on, nor that a probe found what was known."""
    if before.in_line is None or following.in_line is None or before.step != following.step:
        return True
    has_learnt = before.status is SagaStatus.RUNNING and outcome.error != before.error
    return has_learnt and not isinstance(outcome, Held)


def as_claimed(table: Table, state: SagaState) -> SagaState:
    """The state to work from: if an earlier claim died without a save, its step may have happened."""
    if state.claims > 1 and state.status is SagaStatus.RUNNING:
        return replace(state, owed=_owing(step_of(table, state), state.owed))
    return state


# --- What an operator may do ---------------------------------------------------------------


def resumed(table: Table, state: SagaState, moment: Moment, *, deadline_at: datetime) -> SagaState:
    """The saga, due now, with all its tries before it and until this deadline, if the session starts no earlier."""
    status = state.status
    if status is SagaStatus.STUCK:  # whatever turned back has a reason
        status = SagaStatus.RUNNING if state.reason is None else SagaStatus.UNDOING
    owed = state.owed
    if status is SagaStatus.RUNNING and state.claims > 0:  # its worker died or was paused in the step
        owed = _owing(step_of(table, state), owed)
    return replace(
        state,
        status=status,
        owed=owed,
        failures=0,
        claims=0,
        due_at=moment.now,
        deadline_at=max(state.deadline_at, min(deadline_at, state.expires_at)),
    )


def turned_back(table: Table, state: SagaState, moment: Moment, *, reason: Reason, error: str) -> SagaState | None:
    """The running saga, undoing from here on, its current step included; None once its pivot has happened."""
    step = step_of(table, state)
    if step.kind is Kind.RETRIABLE:
        return None
    if not isinstance(step.action, InJournal):  # it may have happened
        state = replace(state, owed=_owing(step, state.owed))
    return _turn_back(state, moment, reason=reason, error=error)


def step_of(table: Table, state: SagaState) -> Step:
    return next(step for step in table if step.name == state.step)


def is_ended(state: SagaState) -> bool:
    return state.due_at is None


def _after_action(table: Table, state: SagaState, outcome: Outcome, moment: Moment) -> SagaState:
    step = step_of(table, state)
    match outcome:
        case Done(receipt):
            return _forward(table, _with_receipt(step, state, receipt), moment)
        case Expired(reason):
            return _turn_back(state, moment, reason=reason, error=outcome.error)
        case Withdrawn():
            return _turn_back(state, moment, reason=Reason.BOOKING_WITHDRAWN, error=outcome.error)
    if _may_have_happened(step, outcome):
        state = replace(state, owed=_owing(step, state.owed))
    error = (state.error or outcome.error) if isinstance(outcome, Held) else outcome.error
    failed = replace(state, failures=state.failures + 1, error=error)
    if step.is_best_effort:
        return _best_effort(table, step, failed, outcome, moment)
    return _after_failure(step, failed, outcome, moment)


def _after_failure(step: Step, failed: SagaState, outcome: Outcome, moment: Moment) -> SagaState:
    match outcome:
        case Refused(error, reason) if step.kind is not Kind.RETRIABLE:
            return _turn_back(failed, moment, reason=reason, error=error)
        case Unavailable(error, retry_after=retry_after):
            if step.kind is Kind.COMPENSABLE and failed.failures > step.retry.limit:
                return _turn_back(failed, moment, reason=Reason.SERVICE_UNAVAILABLE, error=error)
            if moment.line is not None:
                return _wait_in(moment.line, failed, _latest(step, failed, moment))
            return _wait(failed, backoff(step.retry, failed.failures, moment, at_least=retry_after), moment)
        case Misconfigured() | Held():
            untried = replace(failed, failures=failed.failures - 1)
            if moment.line is not None:
                return _wait_in(moment.line, untried, _latest(step, untried, moment))
            return _pause(untried, moment)
        case Bug() if failed.failures < MAX_BUGS:
            return _wait(failed, backoff(step.retry, failed.failures, moment), moment)
    return _stuck(failed, outcome)


def _best_effort(table: Table, step: Step, failed: SagaState, outcome: Outcome, moment: Moment) -> SagaState:
    """It never holds a booking up: its tries used up, or too long in line, the saga goes on without it."""
    limit = MAX_BUGS - 1 if isinstance(outcome, Bug) else step.retry.limit
    if isinstance(outcome, Held) and moment.line is not None:
        failed = replace(failed, failures=failed.failures - 1)
    if isinstance(outcome, Refused) or failed.failures > limit:
        return _forward(table, failed, moment)
    if moment.line is None:
        retry_after = outcome.retry_after if isinstance(outcome, Unavailable) else timedelta()
        return _wait(failed, backoff(step.retry, failed.failures, moment, at_least=retry_after), moment)
    gives_up_at = moment.line.since + PATIENCE * moment.pace
    if moment.now >= gives_up_at:
        return _forward(table, failed, moment)
    return _wait_in(moment.line, failed, gives_up_at)


def _after_undo(state: SagaState, outcome: Outcome, moment: Moment) -> SagaState:
    if isinstance(outcome, Done):
        return _undo_next(replace(state, owed=state.owed[1:], failures=0), moment)
    failed = replace(state, owed=state.owed[1:] + state.owed[:1], failures=state.failures + 1)
    failed = replace(failed, step=failed.owed[0])
    has_others = failed.failures < len(failed.owed)  # they go first: one service keeps no time and no money of others
    match outcome:
        case Unavailable(retry_after=retry_after) if failed.failures <= UNDO.limit:
            if has_others:
                return replace(failed, due_at=moment.now)
            if moment.line is not None and len(failed.owed) == 1:
                return _wait_in(moment.line, replace(failed, failures=state.failures), _later(moment))
            return _wait(failed, backoff(UNDO, failed.failures, moment, at_least=retry_after), moment)
        case Misconfigured() | Held():
            if has_others:
                return replace(failed, due_at=moment.now)
            untried = replace(failed, failures=0)
            if moment.line is not None and len(untried.owed) == 1:
                return _wait_in(moment.line, untried, _later(moment))
            return _wait(untried, PAUSE * moment.pace, moment)
        case Refused() if has_others:
            return replace(failed, due_at=moment.now)
        case Bug() if failed.failures < MAX_BUGS * len(failed.owed):
            return _wait(failed, backoff(UNDO, failed.failures, moment), moment)
    return _stuck(replace(state, failures=failed.failures), outcome)  # at the step that failed: an operator may skip it


# --- Moves -------------------------------------------------------------------------------


def _forward(table: Table, state: SagaState, moment: Moment) -> SagaState:
    names = [step.name for step in table]
    following = names[names.index(state.step or "") + 1 :]
    if not following:
        return replace(state, status=SagaStatus.DONE, step=None, owed=(), failures=0, due_at=None)
    return replace(state, step=following[0], failures=0, due_at=moment.now)


def _turn_back(state: SagaState, moment: Moment, *, reason: Reason, error: str) -> SagaState:
    turned = replace(state, status=SagaStatus.UNDOING, reason=reason, failed_step=state.step, error=error, failures=0)
    return _undo_next(replace(turned, in_line=None), moment)


def _undo_next(state: SagaState, moment: Moment) -> SagaState:
    if not state.owed:
        return replace(state, status=SagaStatus.UNDONE, step=None, due_at=None)
    return replace(state, step=state.owed[0], due_at=moment.now)


def _stuck(state: SagaState, outcome: Outcome) -> SagaState:
    return replace(state, status=SagaStatus.STUCK, due_at=None, error=outcome.error)


def _wait(state: SagaState, wait: timedelta, moment: Moment) -> SagaState:
    due_at = moment.now + wait
    if state.status is SagaStatus.RUNNING and moment.now < state.deadline_at:
        due_at = min(due_at, state.deadline_at)
    return replace(state, due_at=due_at)


def _pause(state: SagaState, moment: Moment) -> SagaState:
    """Wait without ageing: the deadline moves along, though never beyond the start of the session."""
    wait = PAUSE * moment.pace
    return _wait(replace(state, deadline_at=min(state.deadline_at + wait, state.expires_at)), wait, moment)


def _wait_in(line: InLine, state: SagaState, until: datetime) -> SagaState:
    """Wait in the line of the service, which costs nothing, for the sweep to let the saga go in its turn."""
    return replace(state, in_line=line, due_at=until)


def _latest(step: Step, state: SagaState, moment: Moment) -> datetime:
    return _later(moment) if step.kind is Kind.RETRIABLE else state.deadline_at


def _later(moment: Moment) -> datetime:
    return moment.now + LOOK_AGAIN * moment.pace


def _place_in(line: InLine, before: InLine | None, outcome: Outcome) -> InLine:
    """The end of the line; or the place that the saga had, unless it has just been its turn."""
    if before is None or before.service is not line.service or not isinstance(outcome, Held):
        return line
    return replace(line, since=before.since)


def backoff(retry: Retry, failures: int, moment: Moment, *, at_least: timedelta = timedelta()) -> timedelta:
    """The wait after so many failures in a row: exponential, full jitter, never shorter than the service asked for."""
    longest = min(retry.cap, retry.base * float(2 ** min(failures - 1, 30)))
    return max(longest * moment.jitter * moment.pace, at_least)


# --- What is owed ------------------------------------------------------------------------


def _with_receipt(step: Step, state: SagaState, receipt: Mapping[str, Any]) -> SagaState:
    receipts = {**state.receipts, step.name: receipt} if receipt else state.receipts
    if step.kind is Kind.PIVOT:
        return replace(state, receipts=receipts, owed=(), error=None)
    return replace(state, receipts=receipts, owed=_owing(step, state.owed), error=None)


def _owing(step: Step, owed: tuple[str, ...]) -> tuple[str, ...]:
    if step.undo is nothing or step.name in owed:
        return owed
    return (step.name, *owed)


def _may_have_happened(step: Step, outcome: Outcome) -> bool:
    """Whether the failed attempt may have left something: a change in the journal's database was rolled back."""
    if isinstance(step.action, InJournal) or isinstance(outcome, Misconfigured | Held):
        return False
    return outcome.may_have_happened if isinstance(outcome, Unavailable) else True


def _can_turn_back(table: Table, state: SagaState) -> bool:
    kind = step_of(table, state).kind
    return kind is Kind.COMPENSABLE or (kind is Kind.PIVOT and state.failures == 0)
