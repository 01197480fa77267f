"""Rate limits of single organizations."""

from collections.abc import Mapping
from typing import Protocol


class RateLimits(Protocol):
    def of_organization(self, organization_id: int) -> Mapping[str, int]:
        """Kind of call -> requests a minute, where the organization has a limit of its own. Raises StoreUnavailable."""
        ...

    def set_limit(self, organization_id: int, kind: str, *, per_minute: int | None) -> None:
        """Give the organization a limit of its own; None takes it away."""
        ...
