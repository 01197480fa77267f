"""Limits of single organizations in memory. Kept honest by tests/contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class FakeRateLimits:
    own: dict[int, dict[str, int]] = field(default_factory=dict)
    error: Exception | None = None
    reads: int = 0

    def of_organization(self, organization_id: int) -> Mapping[str, int]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return dict(self.own.get(organization_id, {}))

    def set_limit(self, organization_id: int, kind: str, *, per_minute: int | None) -> None:
        limits = self.own.setdefault(organization_id, {})
        limits.pop(kind, None)
        if per_minute is not None:
            limits[kind] = per_minute
