"""Favorites."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.favorites import Favorite
from repositories.entities.idempotency import Change, IdempotencyKey

MOST_FAVORITES = 100  # of one user


class Favorites(Protocol):
    def add(
        self, care_provider_id: int, *, user_id: int, organization_id: int, key: IdempotencyKey | None, now: datetime
    ) -> Change:
        """Mark an active provider; marked twice is marked once. Raises CareProviderUnknown, FavoritesFull, KeyReused.
        The user is the organization's, or nothing is written."""
        ...

    def remove_if_present(self, care_provider_id: int, *, user_id: int, organization_id: int) -> None: ...

    def list_favorites(self, user_id: int, *, organization_id: int) -> Sequence[Favorite]:
        """All there are (MOST_FAVORITES at most), the newest first."""
        ...
