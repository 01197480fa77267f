"""What an operator may do to a saga. Each needs a reason, and stands in the audit trail, in the same transaction.

retry     run it now, with its tries and its age before it again
skip      go on as if the current step (or undo) were done, with this receipt
undo      turn back from here; not once the pivot has happened
resolve   close it: everything was mended by hand

Errors:  SagaNotFound | NotPossible (it says why) | SagaMoved (look again)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from repositories.entities.effects import Effect, GiveUpBooking
from repositories.entities.sagas import Attempt, AuditEntry, SagaRecord, SagaState
from repositories.enums import Attempted, OutcomeWord, Reason, SagaStatus
from repositories.ports.sagas import SagaRecords
from saga.definition import Kind, Saga
from saga.engine import Done, Moment, is_ended, next_state, resumed, step_of, turned_back
from saga.sweep import Nudge

UNDONE_BY_OPERATOR = "UndoneByOperator"


class SagaNotFound(Exception):
    """There is no such saga."""


class NotPossible(Exception):
    """This cannot be done to this saga."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which saga, on whose word and why."""

    saga_id: str
    by: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Operator:
    records: SagaRecords
    sagas: Mapping[str, Saga]
    nudge: Nudge
    clock: Callable[[], datetime]

    def retry(self, order: Order) -> SagaState:
        record = self._record(order)
        _refuse_if_closed(record.state)
        return self._write(order, "retry", record.state, resumed(record.state, self._moment()))

    def skip(self, order: Order, *, receipt: Mapping[str, Any]) -> SagaState:
        record = self._record(order)
        _refuse_if_closed(record.state)
        saga, state = self._saga_of(record.state), resumed(record.state, self._moment())
        if step_of(saga.table, state).kind is Kind.PIVOT:
            raise NotPossible(f"{state.step} decides whether there is a session: it cannot be skipped")
        following = replace(next_state(saga.table, state, Done(receipt), self._moment()), claims=0)
        effects = (saga.when_undone(following),) if following.status is SagaStatus.UNDONE else ()
        return self._write(order, "skip", state, following, effects=effects, attempts=(self._skipped(state),))

    def undo(self, order: Order) -> SagaState:
        record = self._record(order)
        _refuse_if_closed(record.state)
        saga = self._saga_of(record.state)
        following = turned_back(
            saga.table, record.state, self._moment(), reason=Reason.UNDONE_BY_OPERATOR, error=UNDONE_BY_OPERATOR
        )
        if following is None:
            raise NotPossible("its decision has been taken: what follows can be retried or skipped, not undone")
        effects = (saga.when_undone(following),) if following.status is SagaStatus.UNDONE else ()
        return self._write(order, "undo", record.state, following, effects=effects)

    def resolve(self, order: Order) -> SagaState:
        state = self._record(order).state
        if state.status is not SagaStatus.STUCK:
            raise NotPossible(f"only a stuck saga is resolved by hand; this one is {state.status}")
        end = GiveUpBooking(
            booking_id=state.booking_id,
            reason=state.reason or Reason.INTERNAL_ERROR,
            failed_step=state.failed_step or state.step,
        )
        closed = replace(state, status=SagaStatus.RESOLVED, due_at=None, claims=0)
        return self._write(order, "resolve", state, closed, effects=(end,))

    # --- how -------------------------------------------------------------------------------

    def _record(self, order: Order) -> SagaRecord:
        if not order.why.strip() or not order.by.strip():
            raise NotPossible("a reason and a name are needed")
        record = self.records.find_record(order.saga_id)
        if record is None:
            raise SagaNotFound
        return record

    def _saga_of(self, state: SagaState) -> Saga:
        return self.sagas[state.name]

    def _moment(self) -> Moment:
        return Moment(now=self.clock(), jitter=0.0)

    def _skipped(self, state: SagaState) -> Attempt:
        is_undo = state.status is SagaStatus.UNDOING
        return Attempt(
            step=state.step or "",
            kind=Attempted.UNDO if is_undo else Attempted.ACTION,
            number=1,
            outcome=OutcomeWord.SKIPPED,
            error=None,
            started_at=self.clock(),
            duration=timedelta(),
        )

    def _write(
        self,
        order: Order,
        action: str,
        before: SagaState,
        following: SagaState,
        *,
        effects: tuple[Effect, ...] = (),
        attempts: tuple[Attempt, ...] = (),
    ) -> SagaState:
        entry = AuditEntry(action=action, step=before.step, by=order.by, why=order.why, at=self.clock())
        written = self.records.intervene(following, entry, attempts=attempts, effects=effects)
        if not is_ended(written):
            self.nudge(written.name, written.id)
        return written


def _refuse_if_closed(state: SagaState) -> None:
    if is_ended(state) and state.status is not SagaStatus.STUCK:
        raise NotPossible(f"it has ended: {state.status}")
