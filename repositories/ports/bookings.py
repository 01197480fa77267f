"""Slots and bookings."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.bookings import (
    Booking,
    BookingView,
    HistoryFilter,
    HistoryPlace,
    NewBooking,
    Slot,
    Withdrawal,
    Withdrawn,
)
from repositories.entities.idempotency import IdempotencyKey, KeyUse
from repositories.entities.sagas import SagaState


class Slots(Protocol):
    def find_slot(self, slot_id: int) -> Slot | None: ...

    def is_time_free(self, slot: Slot, *, booking_id: int) -> bool:
        """Whether no other booking holds a cell of this slot."""
        ...


class Bookings(Protocol):
    def accept(
        self,
        booking: NewBooking,
        *,
        start: Callable[[int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> int:
        """Write booking, journal row, event and key in one transaction; `start` makes the journal row of the
        new booking id, which is returned. The sweep leaves the saga alone until `nudged_until`. Raises KeyTaken.
        A key older than 24 hours counts as absent."""
        ...

    def withdraw(
        self,
        withdrawal: Withdrawal,
        *,
        starts_after: datetime,
        follow_up: Callable[[Booking, str], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Withdrawn | None:
        """Cancel a booking in one transaction; None if the organization has no such booking.

        Pending: its saga will find it withdrawn and undo; the UPDATE decides the race with confirm_booking.
        Confirmed, and starting after `starts_after`: Cancelled at once, its time released, and `follow_up` makes the
        journal row that does the rest, given the booking and the id of the saga that booked it.
        Ended: nothing changes. Raises CancelledTooLate, KeyTaken; then nothing is written."""
        ...

    def find_key_use(self, organization_id: int, key: str, *, now: datetime) -> KeyUse | None:
        """What a key was used for in the last 24 hours; the ids are the booking's and its user's."""
        ...

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None: ...

    def find_view(self, booking_id: int, *, organization_id: int) -> BookingView | None: ...


class BookingHistory(Protocol):
    def list_bookings(self, wanted: HistoryFilter, *, after: HistoryPlace | None, limit: int) -> Sequence[Booking]:
        """The newest session first; with `after`, those that follow it in this order."""
        ...
