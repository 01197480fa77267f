"""Access keys of partner organizations, and what came of using them: families of tokens."""

from dataclasses import dataclass
from datetime import datetime

from repositories.entities.organizations import Organization
from repositories.enums import Role


@dataclass(frozen=True, kw_only=True)
class AccessKeyHolder:
    """Who an access key belongs to, and what it may do: what its role brings, and the scopes granted by name."""

    organization: Organization
    access_key_id: int
    role: Role
    extra_scopes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class NewAccessKey:
    organization_id: int
    key_digest: str
    label: str
    role: Role
    extra_scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """An access key as operators see it; the key itself is not kept."""

    id: int
    organization_id: int
    label: str
    role: Role
    extra_scopes: frozenset[str]
    is_active: bool
    created_at: datetime | None  # None: older than our records of it
    expires_at: datetime | None
    last_used_at: datetime | None  # to the hour: when a token was last had for it
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None


@dataclass(frozen=True, kw_only=True)
class RefreshToken:
    """A refresh token as it is kept."""

    digest: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """A family whose refresh token was used, and the digest of the one that takes its place."""

    family_id: int
    holder: AccessKeyHolder
    scope: str  # what the family was granted, as RFC 6749 writes it
    successor_digest: str
