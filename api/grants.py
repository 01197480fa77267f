"""Who gets which tokens, whose tokens are good, and how they end.

access key -> family -> access token (a JWT that names its family) + refresh token -> the next access and refresh token
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from api.security.jwt_tokens import Claims, TokenInvalid, TokenIssuer
from api.security.opaque import digest_of, successor_of
from api.security.scopes import SCOPES_OF, Scope, in_words, known_in
from repositories.entities.access_keys import AccessKeyHolder, RefreshToken
from repositories.ports.access_keys import AccessKeys, TokenFamilies
from repositories.ports.errors import RefreshTokenReused, RefreshTokenUnknown, ScopeExceeded

log = structlog.get_logger()


class AccessKeyRefused(Exception):
    """The access key is not valid."""


class TokenRevoked(TokenInvalid):
    """This access token was revoked."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime: timedelta  # of the access token
    scopes: frozenset[Scope]


@dataclass(frozen=True, kw_only=True)
class Grants:
    access_keys: AccessKeys
    families: TokenFamilies
    issuer: TokenIssuer
    refresh_lifetime: timedelta
    refresh_grace: timedelta
    clock: Callable[[], datetime]
    new_token_id: Callable[[], str]
    new_refresh_token: Callable[[], str]

    def holder_of(self, access_key: str) -> AccessKeyHolder:
        """Who holds this key. Raises AccessKeyRefused."""
        holder = self.access_keys.find_holder(digest_of(access_key), now=self.clock())
        if holder is None:
            raise AccessKeyRefused
        return holder

    def start(self, holder: AccessKeyHolder, *, scope: str | None) -> Granted:
        """The first tokens of a new family, for all that the key may do or for less. Raises ScopeExceeded."""
        now, scopes = self.clock(), narrowed(scopes_of(holder), scope)
        refresh_token = self.new_refresh_token()
        family_id = self.families.start_family(
            access_key_id=holder.access_key_id,
            scope=in_words(scopes),
            refresh_token=self._kept(refresh_token, now),
            now=now,
        )
        return self._granted(holder, family_id, refresh_token, scopes, now)

    def refresh(self, refresh_token: str, *, scope: str | None) -> Granted:
        """The next tokens of a family. Raises RefreshTokenUnknown, RefreshTokenReused, ScopeExceeded."""
        now = self.clock()
        successor = self._kept(successor_of(refresh_token, key=self.issuer.keys.current), now)
        wanted = frozenset((scope or "").split())
        try:
            rotated = self.families.rotate(
                digest_of(refresh_token), successor, wanted=wanted, grace=self.refresh_grace, now=now
            )
        except RefreshTokenReused as reused:
            log.warning("refresh_token_reused", organization_id=reused.organization_id, family_id=reused.family_id)
            raise
        scopes = narrowed(known_in(rotated.scope) & scopes_of(rotated.holder), scope)
        told = self._told_before(refresh_token, rotated.successor_digest)
        return self._granted(rotated.holder, rotated.family_id, told, scopes, now)

    def claims_of(self, access_token: str) -> Claims:
        """What a good access token says. Raises TokenInvalid, TokenRevoked."""
        now = self.clock()
        claims = self.issuer.verify(access_token, now=now)
        if not self.families.is_alive(claims.family_id, now=now):
            raise TokenRevoked
        return claims

    def revoke(self, token: str, *, organization_id: int) -> None:
        """End the family of an access or refresh token of this organization; any other text ends nothing."""
        now = self.clock()
        try:
            family_id = self.issuer.verify(token, now=now).family_id
        except TokenInvalid:
            self.families.end_family_of(digest_of(token), organization_id=organization_id, now=now)
        else:
            self.families.end_family(family_id, organization_id=organization_id, now=now)

    def _kept(self, refresh_token: str, now: datetime) -> RefreshToken:
        return RefreshToken(digest=digest_of(refresh_token), expires_at=now + self.refresh_lifetime)

    def _told_before(self, refresh_token: str, successor_digest: str) -> str:
        """The successor that was told first: a process with another current key may have told it."""
        for key in self.issuer.keys:
            if digest_of(successor := successor_of(refresh_token, key=key)) == successor_digest:
                return successor
        raise RefreshTokenUnknown

    def _granted(
        self, holder: AccessKeyHolder, family_id: int, refresh_token: str, scopes: frozenset[Scope], now: datetime
    ) -> Granted:
        claims = Claims(
            token_id=self.new_token_id(),
            family_id=family_id,
            organization_id=holder.organization.id,
            access_key_id=holder.access_key_id,
            role=holder.role,
            scopes=scopes,
            sealed_shared_api_key=holder.organization.sealed_shared_api_key,
        )
        return Granted(
            access_token=self.issuer.issue(claims, now=now),
            refresh_token=refresh_token,
            lifetime=self.issuer.lifetime,
            scopes=scopes,
        )


def scopes_of(holder: AccessKeyHolder) -> frozenset[Scope]:
    return SCOPES_OF[holder.role] | known_in(" ".join(holder.extra_scopes))


def narrowed(allowed: frozenset[Scope], wish: str | None) -> frozenset[Scope]:
    """The scopes wished for, or all where none is named. Raises ScopeExceeded."""
    if wish is None:
        return allowed
    if not {scope.value for scope in allowed}.issuperset(wish.split()):
        raise ScopeExceeded
    return known_in(wish)
