"""The journal, as workers and as operators use it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.board import SagaLine
from repositories.entities.effects import Effect
from repositories.entities.sagas import Attempt, AuditEntry, DueSaga, SagaFilter, SagaRecord, SagaState
from repositories.enums import Service


class Journal(Protocol):
    def claim(self, saga_id: str, *, now: datetime, lease: timedelta, token: str) -> SagaState | None:
        """Take the saga if it is due: due_at = now + lease, claims + 1, no mark of the sweep. None if it is not due."""
        ...

    def save(
        self,
        state: SagaState,
        *,
        attempts: Sequence[Attempt],
        effects: Sequence[Effect] = (),
        now: datetime,
    ) -> SagaState:
        """Write state, attempts and effects (in order) in one transaction, under the state's lease token and version;
        returns the state with its next version. `state.due_at` is written as it is. Clears the sweep's mark.
        Raises LeaseLost, the effects' own errors; then nothing is written."""
        ...

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[DueSaga]:
        """The due sagas that are not marked, oldest first, now marked until `marked_until`."""
        ...

    def take_waiting(
        self, service: Service, *, limit: int, window: int, longest_first: bool, now: datetime, marked_until: datetime
    ) -> list[DueSaga]:
        """The first of those who wait in the line of this service, the oldest saga first, now due and marked until
        `marked_until`: no more than keep `window` of them on their way to a worker. With `longest_first`, those come
        first who have waited longest since they joined, or since their last turn."""
        ...

    def is_reachable(self) -> bool: ...


class SagaRecords(Protocol):
    """The journal as operators use it."""

    def find_record(self, saga_id: str) -> SagaRecord | None:
        """The saga with the last of its timeline and of its audit trail, the oldest line first."""
        ...

    def find_sagas_of(self, booking_id: int) -> Sequence[SagaState]:
        """The oldest first."""
        ...

    def list_sagas(self, wanted: SagaFilter, *, limit: int) -> Sequence[SagaState]:
        """The longest unchanged first."""
        ...

    def page_of_sagas(
        self, wanted: SagaFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[SagaLine]:
        """The last changed first, from behind the one that was last changed `after[0]` and has the id `after[1]`."""
        ...

    def intervene(
        self,
        state: SagaState,
        entry: AuditEntry,
        *,
        attempts: Sequence[Attempt] = (),
        effects: Sequence[Effect] = (),
    ) -> SagaState:
        """Write state, audit entry, attempts and effects in one transaction, and fence off a worker whose lease ran
        out. Raises SagaMoved if the saga changed since it was read, or a worker holds it; then nothing is written."""
        ...
