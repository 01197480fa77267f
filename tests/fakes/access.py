"""Access keys and families of tokens in memory. Kept honest by tests/contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from repositories.entities.access_keys import AccessKey, AccessKeyHolder, NewAccessKey, RefreshToken, Rotated
from repositories.entities.organizations import Organization, Seal
from repositories.ports.errors import (
    AccessKeyUnknown,
    OrganizationUnknown,
    RefreshTokenReused,
    RefreshTokenUnknown,
    ScopeExceeded,
)

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Family:
    access_key_id: int
    scope: str
    has_ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Kept:
    family_id: int
    expires_at: datetime
    used_at: datetime | None = None
    successor_digest: str = ""


@dataclass
class FakeAccess:
    organizations: dict[int, Organization] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)  # organizations that are no longer active
    keys: dict[int, AccessKey] = field(default_factory=dict)
    id_of_digest: dict[str, int] = field(default_factory=dict)
    families: dict[int, Family] = field(default_factory=dict)
    refresh_tokens: dict[str, Kept] = field(default_factory=dict)

    # --- AccessKeys --------------------------------------------------------------------------

    def find_holder(self, key_digest: str, *, now: datetime) -> AccessKeyHolder | None:
        key_id = self.id_of_digest.get(key_digest)
        return None if key_id is None or not self._is_in_force(key_id, now) else self._holder_of(key_id)

    def add_key(self, key: NewAccessKey, *, now: datetime) -> int:
        if key.organization_id not in self.organizations:
            raise OrganizationUnknown
        key_id = len(self.keys) + 1
        self.id_of_digest[key.key_digest] = key_id
        self.keys[key_id] = AccessKey(
            id=key_id,
            organization_id=key.organization_id,
            label=key.label,
            role=key.role,
            extra_scopes=key.extra_scopes,
            is_active=True,
            created_at=now,
            expires_at=key.expires_at,
            last_used_at=None,
            revoked_at=None,
            revoked_by=None,
            revoked_why=None,
        )
        return key_id

    def list_keys(self, organization_id: int, *, limit: int) -> Sequence[AccessKey]:
        theirs = [key for key in self.keys.values() if key.organization_id == organization_id]
        return sorted(theirs, key=lambda key: -key.id)[:limit]

    def revoke_key(self, access_key_id: int, *, organization_id: int, by: str, why: str, now: datetime) -> None:
        key = self.keys.get(access_key_id)
        if key is None or key.organization_id != organization_id or not key.is_active:
            raise AccessKeyUnknown
        self.keys[key.id] = replace(key, is_active=False, revoked_at=now, revoked_by=by, revoked_why=why)

    # --- TokenFamilies -----------------------------------------------------------------------

    def start_family(self, *, access_key_id: int, scope: str, refresh_token: RefreshToken, now: datetime) -> int:
        family_id = len(self.families) + 1
        self.families[family_id] = Family(access_key_id=access_key_id, scope=scope)
        self._keep(refresh_token, family_id)
        self._note_use(access_key_id, now)
        return family_id

    def is_alive(self, family_id: int, *, now: datetime) -> bool:
        family = self.families.get(family_id)
        return family is not None and not family.has_ended and self._is_in_force(family.access_key_id, now)

    def rotate(
        self, digest: str, successor: RefreshToken, *, wanted: frozenset[str], grace: timedelta, now: datetime
    ) -> Rotated:
        token = self.refresh_tokens.get(digest)
        if token is None or not self.is_alive(token.family_id, now=now):
            raise RefreshTokenUnknown
        if token.used_at is None and token.expires_at <= now:
            raise RefreshTokenUnknown
        family = self.families[token.family_id]
        holder = self._holder_of(family.access_key_id)
        if not wanted <= set(family.scope.split()):
            raise ScopeExceeded
        if token.used_at is None:
            token = replace(token, used_at=now, successor_digest=successor.digest)
            self.refresh_tokens[digest] = token
            self._keep(successor, token.family_id)
            self._note_use(family.access_key_id, now)
        elif now - token.used_at > grace:
            self.families[token.family_id] = replace(family, has_ended=True)
            raise RefreshTokenReused(organization_id=holder.organization.id, family_id=token.family_id)
        return Rotated(
            family_id=token.family_id, holder=holder, scope=family.scope, successor_digest=token.successor_digest
        )

    def end_family(self, family_id: int, *, organization_id: int, now: datetime) -> None:
        family = self.families.get(family_id)
        if family is not None and self.keys[family.access_key_id].organization_id == organization_id:
            self.families[family_id] = replace(family, has_ended=True)

    def end_family_of(self, refresh_digest: str, *, organization_id: int, now: datetime) -> None:
        token = self.refresh_tokens.get(refresh_digest)
        if token is not None:
            self.end_family(token.family_id, organization_id=organization_id, now=now)

    # --- Seals -------------------------------------------------------------------------------

    def list_seals(self, *, after: int, limit: int) -> Sequence[Seal]:
        found = [
            Seal(organization_id=one.id, text=one.sealed_shared_api_key)
            for one in sorted(self.organizations.values(), key=lambda one: one.id)
            if one.id > after
        ]
        return found[:limit]

    def change_seal(self, seal: Seal, *, to: str) -> None:
        known = self.organizations[seal.organization_id]
        if known.sealed_shared_api_key == seal.text:
            self.organizations[known.id] = replace(known, sealed_shared_api_key=to)

    # --- what all know ----------------------------------------------------------------------

    def _is_in_force(self, key_id: int, now: datetime) -> bool:
        key = self.keys[key_id]
        is_timely = key.expires_at is None or key.expires_at > now
        return key.is_active and is_timely and key.organization_id not in self.closed

    def _holder_of(self, key_id: int) -> AccessKeyHolder:
        key = self.keys[key_id]
        return AccessKeyHolder(
            organization=self.organizations[key.organization_id],
            access_key_id=key.id,
            role=key.role,
            extra_scopes=key.extra_scopes,
        )

    def _keep(self, token: RefreshToken, family_id: int) -> None:
        self.refresh_tokens[token.digest] = Kept(family_id=family_id, expires_at=token.expires_at)

    def _note_use(self, key_id: int, now: datetime) -> None:
        last = self.keys[key_id].last_used_at
        if last is None or last <= now - HOUR:
            self.keys[key_id] = replace(self.keys[key_id], last_used_at=now)
