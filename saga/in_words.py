"""Why a saga is where it is, in one or two sentences for an operator. Pure; instants are given in UTC."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from repositories.entities.sagas import Attempt, SagaRecord, SagaState
from repositories.entities.services import ServiceView
from repositories.entities.vital_signs import COUNTED
from repositories.enums import Attempted, OutcomeWord, SagaStatus, Service, Trouble
from saga.breaker import Permit, permit
from saga.definition import ALWAYS, UNDO, Kind, Saga, Step
from saga.engine import MAX_CLAIMS, step_of

CALLED = {Service.VIDEOSDK: "VideoSDK", Service.FCM: "FCM"}
CAME_OF = {
    OutcomeWord.UNAVAILABLE: "{who} was not available",
    OutcomeWord.UNKNOWN: "{who} gave no clear answer",
    OutcomeWord.MISCONFIGURED: "{who} refuses our key",
    OutcomeWord.REFUSED: "{who} said no",
    OutcomeWord.BUG: "of an error that nobody foresaw",
    OutcomeWord.HELD: "{who} is not to be asked now",
}
TROUBLES = {
    Trouble.FAILING: "it failed {failures} times in a row",
    Trouble.LIMITED: "it asked not to be called for a while",
    Trouble.MISCONFIGURED: "it refuses our key: look at its setting",
}
UNITS = (  # below so many seconds, in these
    (3_600, 60, 1, "min", "s"),
    (86_400, 3_600, 60, "h", "min"),
    (float("inf"), 86_400, 3_600, "d", "h"),
)
LATE = timedelta(seconds=30)  # a saga due for longer waits for workers that are busy, or not there


def why(saga: Saga | None, record: SagaRecord, services: Mapping[Service, ServiceView], *, now: datetime) -> str:
    """Where the saga stands and what it waits for. `saga`: None if this version of Tahoon does not know it."""
    state = record.state
    match state.status:
        case SagaStatus.DONE:
            return (
                f"Done at {clock(record.updated_at, now)}, {span(record.updated_at - state.created_at)} after it began."
            )
        case SagaStatus.UNDONE:
            where, ended = state.failed_step or "its first step", clock(record.updated_at, now)
            return f"Turned back at {where} ({_reason(state)}); everything was given back by {ended}."
        case SagaStatus.RESOLVED:
            return f"Closed by hand at {clock(record.updated_at, now)}{_by_whom(record)}."
    if saga is None:
        return f"This version of Tahoon knows no saga {state.name}, so no worker carries it on."
    step = step_of(saga.table, state)
    if state.status is SagaStatus.STUCK:
        return _stuck(step, record)
    return " ".join(filter(None, (_open(step, record, services, now), _turned(state), _ahead(step, state, now))))


# --- sagas that have not ended --------------------------------------------------------------


def _open(step: Step, record: SagaRecord, services: Mapping[Service, ServiceView], now: datetime) -> str:
    state = record.state
    if state.due_at is None:
        return "It waits for nothing that we know of."
    if state.claims > 0 and state.due_at > now:
        return f"A worker has {_what(step, state)} in hand, until {clock(state.due_at, now)} at the latest."
    if state.in_line is not None and state.due_at > now:
        return _in_line(state, services, now)
    if state.due_at <= now:
        late = now - state.due_at
        asked = " Are workers and beat up?" if late > LATE else ""
        return f"Due for {span(late)}: the next free worker takes {_what(step, state)} up.{asked}"
    return f"Waits until {clock(state.due_at, now)} to try {_what(step, state)} again{_because(step, record)}."


def _in_line(state: SagaState, services: Mapping[Service, ServiceView], now: datetime) -> str:
    assert state.in_line is not None  # noqa: S101
    service, waits_since = state.in_line.service, clock(state.in_line.since, now)
    return (
        f"Waits in line for {CALLED[service]} since {waits_since}, at the cost of no try: "
        f"{shut(services.get(service), now)}."
    )


def shut(view: ServiceView | None, now: datetime) -> str:
    """Why a service is not asked just now."""
    if view is None:
        return "how it stands is not known"
    state = view.state
    match permit(state, now):
        case Permit.PAUSED:
            return f"paused by {state.paused_by} ({state.paused_why})"
        case Permit.ASK:
            return "others wait longer, or every place is taken"
    trouble = TROUBLES[state.trouble].format(failures=state.failures) if state.trouble else "its breaker is open"
    if state.open_until is None or state.open_until <= now:
        return f"{trouble}; one call tries now whether it answers again"
    return f"{trouble}; it is tried again at {clock(state.open_until, now)}"


def _because(step: Step, record: SagaRecord) -> str:
    state, last = record.state, _last(record)
    if last is None or last.outcome not in CAME_OF or last.step != state.step:
        return ""
    reason = CAME_OF[last.outcome].format(who=_who(step))
    if state.failures == 0:
        return f" because {reason}"
    return f" because {reason} {times(state.failures)}; {_left(step, state)}"


def _left(step: Step, state: SagaState) -> str:
    retry = UNDO if state.status is SagaStatus.UNDOING else step.retry
    if retry.limit >= ALWAYS.limit:
        return "it is tried until it succeeds"
    left = max(retry.limit + 1 - state.failures, 0)
    return f"{left} {'try' if left == 1 else 'tries'} left"


def _turned(state: SagaState) -> str:
    if state.status is not SagaStatus.UNDOING:
        return ""
    return f"It turned back at {state.failed_step} ({_reason(state)}); {len(state.owed)} to undo."


def _ahead(step: Step, state: SagaState, now: datetime) -> str:
    if state.status is not SagaStatus.RUNNING:
        return ""
    if state.withdrawn_at is not None and step.kind is Kind.COMPENSABLE:
        return "The partner withdrew it: it turns back with the next step."
    if step.kind is not Kind.COMPENSABLE:
        return "The session stands without it." if step.is_best_effort else ""
    return f"At {clock(state.deadline_at, now)} it turns back by itself."


def _stuck(step: Step, record: SagaRecord) -> str:
    state, last = record.state, _last(record)
    is_undo = last is not None and last.kind is Attempted.UNDO
    what = f"the undo of {step.name}" if is_undo else step.name
    match last.outcome if last is not None else None:
        case OutcomeWord.POISON:
            cause, help_ = f"{MAX_CLAIMS} workers died in it, one after another", "Find out why, then retry."
        case OutcomeWord.BUG:
            cause = f"it failed of an error that nobody foresaw ({state.error}); the log has it as saga_bug"
            help_ = "Mend it, then retry."
        case OutcomeWord.REFUSED:
            cause, help_ = f"{_who(step)} said no to it", "Mend the cause and retry, or do it by hand and skip."
        case OutcomeWord.UNAVAILABLE | OutcomeWord.UNKNOWN:
            cause, help_ = f"{_who(step)} was away for longer than we try", "Retry when it is back."
        case _:
            cause, help_ = f"it could not go on ({state.error})", "Look at the timeline."
    return f"Stuck at {what}, and waits for you: {cause}. {help_}"


# --- words ---------------------------------------------------------------------------------


def _what(step: Step, state: SagaState) -> str:
    return f"the undo of {step.name}" if state.status is SagaStatus.UNDOING else step.name


def _who(step: Step) -> str:
    return CALLED[step.asks] if step.asks is not None else "the database"


def _reason(state: SagaState) -> str:
    return "no reason" if state.reason is None else f"{int(state.reason)} {state.reason.name.lower().replace('_', ' ')}"


def _by_whom(record: SagaRecord) -> str:
    entry = record.audit[-1] if record.audit else None
    return f" by {entry.by}: {entry.why}" if entry is not None else ""


def _last(record: SagaRecord) -> Attempt | None:
    return record.timeline[-1] if record.timeline else None


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times in a row")


def clock(at: datetime, now: datetime) -> str:
    """The time of day, with the date unless it is today's."""
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(length: timedelta) -> str:
    """In the two units that matter: 350 ms, 4.2 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    _, big, small, word, lesser = next(unit for unit in UNITS if seconds < unit[0])
    whole, rest = divmod(int(seconds), big)
    return f"{whole} {word} {rest // small} {lesser}"


def many(number: int) -> str:
    """A number that was counted no further than COUNTED."""
    return f"{number}+" if number >= COUNTED else str(number)
