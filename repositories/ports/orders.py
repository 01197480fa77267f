"""Orders and the balance they are paid from."""

from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.orders import Order


class Orders(Protocol):
    def save_order(
        self,
        *,
        booking_id: int,
        organization_id: int,
        user_id: int,
        care_provider_id: int,
        duration: timedelta,
        now: datetime,
    ) -> Order:
        """The one order of this booking, made if new; a charity's is debited from its balance in the same
        transaction. Raises BalanceOut, OrderVoided."""
        ...

    def void_order_if_present(self, booking_id: int, *, now: datetime) -> None:
        """Void the order and restore the balance. With no order, leave a void one: a save that comes late finds it."""
        ...
