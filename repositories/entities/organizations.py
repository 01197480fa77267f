"""Partner organizations."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Seal:
    """The sealed SharedAPIKey of an organization."""

    organization_id: int
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Organization:
    id: int
    name: str
    is_charity: bool
    cancellation_deadline: timedelta = timedelta()  # before the session; the start itself where none is configured
    sealed_shared_api_key: str = field(repr=False)
