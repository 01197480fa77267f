"""Idempotency keys."""

from datetime import datetime
from typing import Protocol

from repositories.entities.idempotency import Change, IdempotencyKey


class IdempotencyKeys(Protocol):
    """The keys that were used for changes in one database."""

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        """What a request with this key changed in the last 24 hours. Raises KeyReused if it was another request."""
        ...
