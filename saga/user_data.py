"""Tell or erase all that is known of one user, over both databases.

Erasing goes bookings first: they refuse while one is on. A crash between the two leaves an erasure that the next try
completes; each half twice is once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.erasing import BookingTraces, PersonalData


@dataclass(frozen=True, kw_only=True)
class UserData:
    people: PersonalData
    bookings: BookingTraces
    clock: Callable[[], datetime]

    def export(self, user_id: int, *, organization_id: int | None = None) -> Mapping[str, Any]:
        """Raises UserUnknown."""
        whose = self.people.organization_of(user_id, organization_id=organization_id)
        known = self.people.export(user_id)
        return {**known, "bookings": self.bookings.export(user_id, organization_id=whose)}

    def erase(
        self,
        user_id: int,
        *,
        organization_id: int | None = None,
        key: IdempotencyKey | None = None,
        asked: tuple[str | None, str | None] = (None, None),
    ) -> Change:
        """Raises UserUnknown, UserHasBookings, KeyReused."""
        whose = self.people.organization_of(user_id, organization_id=organization_id)
        now = self.clock()
        self.bookings.blank(user_id, organization_id=whose, now=now)
        return self.people.erase(user_id, organization_id=whose, key=key, asked=asked, now=now)
