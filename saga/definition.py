"""What a saga is: a table of steps.

compensable ... compensable | pivot | retriable ... retriable
    undone in reverse       | decides |   run until they succeed

A saga whose decision was taken when it was accepted has the last part only: once_decided(...).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from repositories.entities.effects import Effect
from repositories.entities.sagas import NOTHING, SagaState
from repositories.enums import Reason, Service

__all__ = [
    "NOTHING",
    "NO_REASONS",
    "PUSH",
    "Action",
    "Ended",
    "InJournal",
    "Kind",
    "Receipt",
    "Retry",
    "Saga",
    "SagaState",
    "Step",
    "Table",
    "Undo",
    "compensable",
    "in_journal",
    "nothing",
    "once_decided",
    "pivot",
    "retriable",
    "steps",
]

Receipt = Mapping[str, Any]
Action = Callable[[SagaState], Receipt]
Undo = Callable[[SagaState], Receipt | None]
Errors = tuple[type[Exception], ...]
NO_REASONS: Mapping[type[Exception], Reason] = {}  # of a saga that nothing turns back


class Kind(StrEnum):
    COMPENSABLE = "compensable"
    PIVOT = "pivot"
    RETRIABLE = "retriable"


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How often, and after how long, a step that did not answer is tried again: exponential, full jitter."""

    limit: int  # tries after the first
    base: timedelta
    cap: timedelta


QUICK = Retry(limit=5, base=timedelta(milliseconds=200), cap=timedelta(seconds=5))
UNDO = Retry(limit=20, base=timedelta(seconds=1), cap=timedelta(seconds=60))
PUSH = Retry(limit=4, base=timedelta(seconds=1), cap=timedelta(seconds=30))
ALWAYS = Retry(limit=1_000_000, base=timedelta(milliseconds=200), cap=timedelta(seconds=30))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a best-effort step ended: done, or given up."""

    at: datetime
    attempts: int
    error: str | None  # None: done


Record = Callable[[SagaState, Ended], Effect | None]


@dataclass(frozen=True)
class InJournal:
    """A change of the journal's own database: it commits together with the journal row."""

    effect: Callable[[SagaState], Effect]


def in_journal(effect: Callable[[SagaState], Effect]) -> InJournal:
    return InJournal(effect)


def nothing(state: SagaState) -> None:
    """The undo of a step that changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of the table. Made by compensable(), pivot() and retriable() only."""

    name: str
    kind: Kind
    action: Action | InJournal
    undo: Undo | InJournal
    stops_on: Errors
    retry: Retry
    asks: Service | None = None  # the outside service that action and undo call
    is_best_effort: bool = False
    answers: tuple[str, ...] = ()  # what later steps read of its receipt
    record: Record | None = None  # what the save that ends the step also writes


Table = tuple[Step, ...]


def compensable(
    name: str,
    action: Action | InJournal,
    *,
    undo: Undo | InJournal,
    stops_on: Errors = (),
    retry: Retry = QUICK,
    answers: tuple[str, ...] = (),
    asks: Service | None = None,
) -> Step:
    return Step(
        name=name,
        kind=Kind.COMPENSABLE,
        action=action,
        undo=undo,
        stops_on=stops_on,
        retry=retry,
        answers=answers,
        asks=asks,
    )


def pivot(name: str, action: InJournal, *, stops_on: Errors = ()) -> Step:
    """The step that decides. It commits with the journal row, so whether it happened is never a guess."""
    return Step(name=name, kind=Kind.PIVOT, action=action, undo=nothing, stops_on=stops_on, retry=ALWAYS)


def retriable(
    name: str,
    action: Action | InJournal,
    *,
    retry: Retry = ALWAYS,
    asks: Service | None = None,
    best_effort: bool = False,
    record: Record | None = None,
) -> Step:
    return Step(
        name=name,
        kind=Kind.RETRIABLE,
        action=action,
        undo=nothing,
        stops_on=(),
        retry=retry,
        asks=asks,
        is_best_effort=best_effort,
        record=record,
    )


class TableWrong(Exception):
    """A saga's table breaks the form; the process does not start."""


ORDER = {Kind.COMPENSABLE: 0, Kind.PIVOT: 1, Kind.RETRIABLE: 2}


def steps(*table: Step) -> Table:
    """The table, if it has its form: compensable steps, exactly one pivot, retriable steps; names once each."""
    names = [step.name for step in _with_names_once(table)]
    if sum(step.kind is Kind.PIVOT for step in table) != 1:
        raise TableWrong(f"exactly one pivot is wanted in {names}")
    ranks = [ORDER[step.kind] for step in table]
    if ranks != sorted(ranks):
        raise TableWrong(f"compensable steps, then the pivot, then retriable steps; not {names}")
    return table


def once_decided(*table: Step) -> Table:
    """The table of a saga whose pivot was its acceptance: retriable steps only, names once each."""
    if any(step.kind is not Kind.RETRIABLE for step in table):
        raise TableWrong("what follows a decision is retriable")
    return _with_names_once(table)


def _with_names_once(table: Table) -> Table:
    names = [step.name for step in table]
    if len(set(names)) != len(names) or not names:
        raise TableWrong(f"every step needs a name of its own: {names}")
    return table


class Saga(Protocol):
    """A frozen dataclass of its participants, with a table and an end for what was undone."""

    @property
    def name(self) -> str: ...

    @property
    def table(self) -> Table: ...

    @property
    def reasons(self) -> Mapping[type[Exception], Reason]:
        """The number a partner sees for an error that a step stops on."""
        ...

    def when_undone(self, state: SagaState) -> Effect:
        """What to write, with the last save, when everything is undone."""
        ...
