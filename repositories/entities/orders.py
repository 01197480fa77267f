"""Orders."""

from dataclasses import dataclass

from repositories.enums import OrderStatus


@dataclass(frozen=True, kw_only=True)
class Order:
    id: int
    booking_id: int
    status: OrderStatus
    amount_minor: int  # hundredths of the currency unit
    is_charged_to_balance: bool
