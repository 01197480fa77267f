"""What reconciliation reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.facts import BalanceFact, BookingFact, OrderFact
from repositories.entities.sagas import SagaState


class SchedulingFacts(Protocol):
    """What reconciliation reads of SchedulingDatabase."""

    def ended_bookings(self, *, since: datetime, before: datetime, limit: int) -> Sequence[BookingFact]:
        """Confirmed, failed and cancelled bookings last changed in [since, before) whose sagas have all ended."""
        ...

    def cells_of_no_live_booking(self) -> Mapping[int, int]:
        """Booking -> how many cells it holds without being pending or confirmed."""
        ...

    def release_if_not_live(self, booking_id: int) -> None: ...

    def pending_without_saga(self, *, before: datetime) -> Sequence[int]:
        """Bookings pending since then that no saga will end."""
        ...

    def stuck_sagas(self) -> Sequence[SagaState]: ...

    def overdue_sagas(self, *, before: datetime) -> Sequence[SagaState]: ...


class PsyterFacts(Protocol):
    """What reconciliation reads of PsyterDatabase."""

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]: ...

    def balances(self) -> Sequence[BalanceFact]: ...
