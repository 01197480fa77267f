"""Pushes to care providers: recorded, sent by whoever claims them, and looked at by operators."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.pushes import BookedPush, NewPush, PushFilter, PushRecord
from repositories.enums import BookingStatus


class Pushes(Protocol):
    def add(
        self, push: NewPush, *, now: datetime, nudged_until: datetime, asked: tuple[str, str] | None = None
    ) -> int | None:
        """The id of a push that waits to be sent from now on; None if there is one of this key."""
        ...

    def add_of_booking(
        self,
        booking_id: int,
        *,
        key: str,
        kind: int,
        wants_status: BookingStatus | None,
        expires_at: datetime,
        now: datetime,
        nudged_until: datetime,
        asked: tuple[str, str] | None = None,
    ) -> int | None:
        """The same, to the booking's care provider; None also if the booking has another status, or is none.

        Without a status, whatever it has.
        """
        ...

    def claim(self, push_id: int, *, now: datetime, lease: timedelta, token: str) -> BookedPush | None:
        """The push, if it waits and is due, and what it tells is still so; it is nobody else's for the lease.

        The database decides: one that is no longer so has failed from here on, as Outdated, and is None.
        """
        ...

    def save(self, record: PushRecord, *, now: datetime) -> None:
        """Write down what came of a try; the event, if its sending is one, commits with it. Raises LeaseLost."""
        ...

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> Sequence[int]:
        """The ids of pushes that are due and not marked, the first due first; they are marked until then."""
        ...

    def find(self, push_id: int) -> PushRecord | None: ...

    def list_pushes(self, wanted: PushFilter, *, limit: int) -> Sequence[PushRecord]:
        """The newest first."""
        ...

    def send_again(
        self, push_id: int, *, asked: tuple[str, str], expires_at: datetime, now: datetime, nudged_until: datetime
    ) -> PushRecord:
        """A failed push waits to be sent again. Raises PushUnknown, PushNotFailed, PushOutdated."""
        ...
