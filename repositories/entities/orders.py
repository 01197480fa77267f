"""Orders."""

from dataclasses import dataclass
from datetime import timedelta

from repositories.enums import OrderStatus

MINUTE = timedelta(minutes=1)


def price_of(duration: timedelta, *, hourly_rate_minor: int) -> int:
    """What a session costs: it goes by the minute, in hundredths of the currency unit, rounded down."""
    return hourly_rate_minor * (duration // MINUTE) // 60


@dataclass(frozen=True, kw_only=True)
class Order:
    id: int
    booking_id: int
    status: OrderStatus
    amount_minor: int  # hundredths of the currency unit
    is_charged_to_balance: bool
