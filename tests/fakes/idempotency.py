"""Idempotency keys in memory: a change and its key are kept together, or neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from repositories.entities.idempotency import Change, IdempotencyKey, KeyUse
from repositories.ports.errors import KeyReused


@dataclass
class FakeChanges:
    keys: dict[tuple[int, str], tuple[KeyUse, datetime]] = field(default_factory=dict)

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        use, used_at = self.keys.get((organization_id, key.key if key else ""), (None, now))
        if key is None or use is None or used_at <= now - timedelta(hours=24):
            return None
        if use.body_digest != key.body_digest:
            raise KeyReused
        return Change(ids=use.ids, is_replay=True)

    def make(
        self, work: Callable[[], Sequence[int]], *, key: IdempotencyKey | None, organization_id: int, now: datetime
    ) -> Change:
        if (earlier := self.find_change(key, organization_id=organization_id, now=now)) is not None:
            return earlier
        ids = tuple(work())
        if key is not None:
            self.keys[organization_id, key.key] = (KeyUse(body_digest=key.body_digest, ids=ids), now)
        return Change(ids=ids)
