"""What is known of the fake's users."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from repositories.acting import about
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.errors import UserHasBookings, UserUnknown
from tests.fakes.idempotency import FakeChanges


@dataclass
class FakePersonalData:
    people: Any
    changes: FakeChanges
    erased: set[int] = field(default_factory=set)

    def organization_of(self, user_id: int, *, organization_id: int | None) -> int:
        user = self.people.users.get(user_id)
        if user is None or organization_id not in (None, user.organization_id):
            raise UserUnknown
        return int(user.organization_id)

    def export(self, user_id: int) -> Mapping[str, Any]:
        user = self.people.users[user_id]
        row = {"id": user.id, "organization_id": user.organization_id, "reference_id": user.reference_id}
        about_them = {"name": user.name, "dob": user.dob.isoformat(), "gender": int(user.gender)}
        times = {"created_at": "2026-01-01T00:00:00Z", "erased_at": None}
        return {
            "user": row | about_them | times,
            **dict.fromkeys(("assessments", "favorites", "reminders", "orders"), ()),
        }

    def erase(
        self,
        user_id: int,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        asked: tuple[str | None, str | None],
        now: datetime,
    ) -> Change:
        def work() -> list[int]:
            user = self.people.users[user_id]
            nobody = {"name": "", "dob": date(1900, 1, 1), "reference_id": f"erased-{user_id}"}
            self.people.users[user_id] = replace(user, **nobody)
            about("user", user_id)
            return [user_id]

        return self.changes.make(work, key=key, organization_id=organization_id, now=now)


@dataclass
class FakeBookingTraces:
    still_on: set[int] = field(default_factory=set)

    def export(self, user_id: int, *, organization_id: int) -> list[Mapping[str, Any]]:
        return []

    def blank(self, user_id: int, *, organization_id: int, now: datetime) -> None:
        if user_id in self.still_on:
            raise UserHasBookings
