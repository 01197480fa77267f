"""What reconciliation compares."""

from dataclasses import dataclass
from datetime import datetime

from repositories.enums import BookingStatus, OrderStatus


@dataclass(frozen=True, kw_only=True)
class BookingFact:
    """A booking whose sagas have all ended."""

    id: int
    status: BookingStatus
    meeting_id: str | None
    starts_at: datetime
    booked_by: str  # the saga that booked it
    cells: int


@dataclass(frozen=True, kw_only=True)
class OrderFact:
    """An order, and what the ledger says of it; amounts in hundredths of the currency unit."""

    booking_id: int
    status: OrderStatus
    amount_minor: int
    is_charged_to_balance: bool
    debited_minor: int
    restored_minor: int


@dataclass(frozen=True, kw_only=True)
class BalanceFact:
    organization_id: int
    balance_minor: int
    expected_minor: int  # what was paid in, less what the ledger took out
