"""What reconciliation compares."""

from dataclasses import dataclass
from datetime import datetime

from repositories.enums import BookingStatus, OrderStatus, SagaStatus


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time from `since` up to, and not including, `before`."""

    since: datetime
    before: datetime

    def covers(self, at: datetime | None) -> bool:
        return at is not None and self.since <= at < self.before


@dataclass(frozen=True, kw_only=True)
class BookingFact:
    id: int
    status: BookingStatus
    meeting_id: str | None
    starts_at: datetime
    is_settled: bool  # it is not pending, and no saga of it is open
    is_moving: bool  # it says that a saga is moving it to another time
    booked_by: str | None  # the saga that booked it
    booked_by_ended: SagaStatus | None  # and where that one stands
    last_saga: str | None  # the one that changed last
    last_saga_at: datetime | None  # when it did
    cells: int  # reserved for it
    has_its_time: bool  # they are exactly those of its session
    may_have_room: bool  # a saga of it came as far as the step that opens one


@dataclass(frozen=True, kw_only=True)
class OrderFact:
    """An order, and what the ledger says of it; amounts in hundredths of the currency unit."""

    id: int
    booking_id: int
    status: OrderStatus
    amount_minor: int
    is_charged_to_balance: bool
    updated_at: datetime
    debited_minor: int
    restored_minor: int
