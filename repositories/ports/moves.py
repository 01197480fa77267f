"""Moves of confirmed bookings, and what they make of an order's amount."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.bookings import Booking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.moves import AmountChange, Move
from repositories.entities.sagas import SagaState


class Moves(Protocol):
    def start_move(
        self,
        move: Move,
        *,
        starts_after: datetime,
        start: Callable[[Booking], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        """Write the move down in one transaction, with the journal row that `start` makes of the booking.

        Only a confirmed booking that starts after `starts_after` and is not on the move already: the UPDATE decides.
        Raises NotConfirmed, MoveInFlight, CancelledTooLate, KeyReused, KeyInFlight."""
        ...

    def find_move(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        """What a request with this key did before. Raises KeyReused."""
        ...


class OrderChanges(Protocol):
    def change_amount(self, booking_id: int, *, change_key: str, duration: timedelta, now: datetime) -> AmountChange:
        """What a session of this duration costs becomes the order's amount, and the difference is settled with a
        charity's balance, in one transaction; the same key twice is once. Raises BalanceOut, OrderVoided."""
        ...

    def revert_change_if_present(self, booking_id: int, *, change_key: str, now: datetime) -> None:
        """Undo the change. With none, leave a reverted one: a change that comes late finds it."""
        ...
