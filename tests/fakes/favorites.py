"""Favorites in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.favorites import Favorite
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.errors import CareProviderUnknown, FavoritesFull
from repositories.ports.favorites import MOST_FAVORITES
from tests.fakes.idempotency import FakeChanges
from tests.fakes.psyter import FakePsyter


@dataclass
class FakeFavorites:
    psyter: FakePsyter
    changes: FakeChanges = field(default_factory=FakeChanges)
    inactive: set[int] = field(default_factory=set)
    added: dict[tuple[int, int], datetime] = field(default_factory=dict)  # (user, provider)

    def add(
        self, care_provider_id: int, *, user_id: int, organization_id: int, key: IdempotencyKey | None, now: datetime
    ) -> Change:
        def work() -> Sequence[int]:
            if care_provider_id not in self.psyter.providers or care_provider_id in self.inactive:
                raise CareProviderUnknown
            if (user_id, care_provider_id) not in self.added:
                if not self._is_ours(user_id, organization_id) or len(self._of(user_id)) >= MOST_FAVORITES:
                    raise FavoritesFull
                self.added[user_id, care_provider_id] = now
            return user_id, care_provider_id

        return self.changes.make(work, key=key, organization_id=organization_id, now=now)

    def remove_if_present(self, care_provider_id: int, *, user_id: int, organization_id: int) -> None:
        if self._is_ours(user_id, organization_id):
            self.added.pop((user_id, care_provider_id), None)

    def list_favorites(self, user_id: int, *, organization_id: int) -> Sequence[Favorite]:
        if not self._is_ours(user_id, organization_id):
            return []
        found = [self._favorite(provider, at) for provider, at in self._of(user_id)]
        return sorted(found, key=lambda one: (one.added_at, one.care_provider_id), reverse=True)

    def _of(self, user_id: int) -> list[tuple[int, datetime]]:
        return [(provider, at) for (user, provider), at in self.added.items() if user == user_id]

    def _is_ours(self, user_id: int, organization_id: int) -> bool:
        return self.psyter.find_user(user_id, organization_id=organization_id) is not None

    def _favorite(self, care_provider_id: int, at: datetime) -> Favorite:
        provider = self.psyter.providers[care_provider_id]
        return Favorite(
            care_provider_id=care_provider_id,
            full_name_plang=provider.full_name_plang,
            full_name_slang=provider.full_name_slang,
            is_active=care_provider_id not in self.inactive,
            added_at=at,
        )
