"""What reconciliation reads, in pages: at most `limit`, what follows `after` in the page's order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.facts import BookingFact, OrderFact, Span
from repositories.entities.sagas import SagaState


class SchedulingFacts(Protocol):
    """What reconciliation reads of SchedulingDatabase."""

    def settled_bookings(self, span: Span, *, after: BookingFact | None, limit: int) -> Sequence[BookingFact]:
        """Bookings whose last saga ended in the span, so that nothing changes them any more; the oldest end first."""
        ...

    def bookings_of(self, booking_ids: Sequence[int]) -> Sequence[BookingFact]:
        """These bookings as they are now, settled or not; in no order."""
        ...

    def held_by_no_live_booking(self, *, now: datetime, after: int | None, limit: int) -> Sequence[int]:
        """Bookings that hold time to come without being pending or confirmed."""
        ...

    def release_if_not_live(self, booking_id: int) -> bool:
        """Whether there was anything to release."""
        ...

    def pending_without_saga(self, *, before: datetime, after: int | None, limit: int) -> Sequence[int]:
        """Bookings pending since then that no saga will end."""
        ...

    def stuck_sagas(self, *, after: SagaState | None, limit: int) -> Sequence[SagaState]: ...

    def overdue_sagas(self, *, before: datetime, after: SagaState | None, limit: int) -> Sequence[SagaState]:
        """Sagas that were due before then, and that nobody took up."""
        ...


class PsyterFacts(Protocol):
    """What reconciliation reads of PsyterDatabase."""

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]: ...

    def changed_orders(self, span: Span, *, after: OrderFact | None, limit: int) -> Sequence[OrderFact]:
        """Orders last changed in the span, the oldest change first."""
        ...

    def balances_against_ledger(self, *, after: int | None, limit: int) -> Sequence[int]:
        """Organizations whose balance is not what was paid in less what the ledger took out."""
        ...
