"""One intervention in many sagas: those that a filter finds, the longest unchanged first.

Each is a decision of its own, in a transaction of its own: what cannot be done to one is told, and the others are done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from repositories.entities.sagas import SagaFilter, SagaState
from repositories.ports.errors import SagaMoved
from repositories.ports.sagas import SagaRecords
from saga.operators import Intervention, NotPossible, Operator, SagaNotFound

ACTIONS = ("retry", "undo", "resolve")  # skipping goes saga by saga: what each step would have answered differs
MOST = 500  # sagas at a time


class CountChanged(Exception):
    """Other sagas match than were shown: look again."""

    def __init__(self, found: int) -> None:
        super().__init__(f"{found} sagas match now: look again")
        self.found = found


class TooMany(Exception):
    """More sagas match than can be done at a time: narrow the filter."""

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} sagas match: narrow the filter")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to do to all of them, on whose word and why."""

    action: str  # one of ACTIONS
    by: str
    why: str


@dataclass(kw_only=True)
class BulkReport:
    done: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)  # saga id, why


@dataclass(frozen=True, kw_only=True)
class BulkOperator:
    records: SagaRecords
    operator: Operator

    def find(self, wanted: SagaFilter) -> Sequence[SagaState]:
        """Raises TooMany."""
        found = self.records.list_sagas(wanted, limit=MOST + 1)
        if len(found) > MOST:
            raise TooMany
        return found

    def act(self, wanted: SagaFilter, wish: Wish, *, expected: int) -> BulkReport:
        """Do it to all that match, if they are as many as expected. Raises TooMany, CountChanged."""
        found = self.find(wanted)
        if len(found) != expected:
            raise CountChanged(len(found))
        act = {"retry": self.operator.retry, "undo": self.operator.undo, "resolve": self.operator.resolve}[wish.action]
        report = BulkReport()
        for state in found:
            try:
                act(Intervention(saga_id=state.id, by=wish.by, why=wish.why))
            except (NotPossible, SagaMoved, SagaNotFound) as error:
                report.refused.append((state.id, str(error) or (type(error).__doc__ or "").strip()))
            else:
                report.done += 1
        return report
