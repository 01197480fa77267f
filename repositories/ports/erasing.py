"""What is known of one user, told and forgotten."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from repositories.entities.idempotency import Change, IdempotencyKey


class PersonalData(Protocol):
    """Of PsyterDatabase. A user of another organization, where one is given, is as good as missing."""

    def organization_of(self, user_id: int, *, organization_id: int | None) -> int:
        """Whose user this is, or was before it was erased. Raises UserUnknown."""
        ...

    def export(self, user_id: int) -> Mapping[str, Any]:
        """user, assessments, favourites, reminders, orders: plain values, ids as numbers."""
        ...

    def erase(
        self,
        user_id: int,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        asked: tuple[str | None, str | None],
        now: datetime,
    ) -> Change:
        """Leave a row without a person; twice is once. `asked`: by whom and why. Raises KeyReused."""
        ...


class BookingTraces(Protocol):
    """Of SchedulingDatabase."""

    def export(self, user_id: int, *, organization_id: int) -> list[Mapping[str, Any]]:
        """The bookings of the user, the oldest first: plain values, ids as numbers."""
        ...

    def blank(self, user_id: int, *, organization_id: int, now: datetime) -> None:
        """Empty what people wrote in the user's bookings. Raises UserHasBookings while one is pending or to come."""
        ...
