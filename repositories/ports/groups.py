"""Bookings that are made all or none."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.bookings import NewBooking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.sagas import SagaState


class Groups(Protocol):
    def accept_group(
        self,
        bookings: Sequence[NewBooking],
        *,
        start: Callable[[int, int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        """Write all of them in one transaction; `start` makes the journal row of the bookings' place and new id.

        The change's ids are booking, user, booking, user, ... Raises KeyReused, KeyInFlight; then nothing is
        written."""
        ...

    def find_group(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        """What a request with this key accepted before. Raises KeyReused."""
        ...

    def live_bookings(self, group_id: str, *, organization_id: int) -> Sequence[int]:
        """The bookings of the group that are confirmed, or pending and not withdrawn."""
        ...
