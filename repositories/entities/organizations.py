"""Partner organizations and who holds their access keys."""

from dataclasses import dataclass, field
from datetime import timedelta

from repositories.enums import Role


@dataclass(frozen=True, kw_only=True)
class Organization:
    id: int
    name: str
    is_charity: bool
    cancellation_deadline: timedelta = timedelta()  # before the session; the start itself where none is configured
    sealed_shared_api_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AccessKeyHolder:
    """Who an access key belongs to, and what it may do."""

    organization: Organization
    access_key_id: int
    role: Role
