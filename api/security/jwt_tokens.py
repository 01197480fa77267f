"""Access tokens: JWT, HS256, of one issuer for one audience; `kid` says which of our keys signed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import jwt

from api.security.key_ring import KeyRing, id_of
from api.security.scopes import Scope, in_words, known_in
from repositories.enums import Role

ALGORITHM = "HS256"
REMEMBERED = 1_000  # tokens, some 2 KB each
REQUIRED = ["iss", "aud", "iat", "exp", "jti"]


class TokenInvalid(Exception):
    """This access token is not valid, or has expired."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a token says of who calls."""

    token_id: str
    family_id: int
    organization_id: int
    access_key_id: int
    role: Role
    scopes: frozenset[Scope]
    sealed_shared_api_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TokenIssuer:
    """Writes tokens and reads its own again."""

    keys: KeyRing
    issuer: str
    audience: str
    lifetime: timedelta

    def issue(self, claims: Claims, *, now: datetime) -> str:
        payload = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "jti": claims.token_id,
            "sid": str(claims.family_id),
            "client_id": str(claims.access_key_id),  # RFC 9068's names for who asked, and for what it may do
            "scope": in_words(claims.scopes),
            "OrganizationId": claims.organization_id,
            "SharedAPIKey": claims.sealed_shared_api_key,
            "role": claims.role.value,
        }
        return jwt.encode(payload, self.keys.current, algorithm=ALGORITHM, headers={"kid": id_of(self.keys.current)})

    def verify(self, token: str, *, now: datetime) -> Claims:
        """What an unexpired token of ours says. Raises TokenInvalid."""
        try:
            claims, ends_at = self._read(token)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise TokenInvalid from error
        if now.timestamp() >= ends_at:
            raise TokenInvalid
        return claims

    @cached_property
    def _read(self) -> Callable[[str], tuple[Claims, float]]:
        """What a token says and when it ends, read once: whether we signed it never changes while our keys do not.

        Only tokens of ours are remembered, so a stranger cannot push them out.
        """
        return lru_cache(REMEMBERED)(self._claims_and_end)

    def _claims_and_end(self, token: str) -> tuple[Claims, float]:
        payload = self._decoded(token)
        return _claims_of(payload), float(payload["exp"])

    def _decoded(self, token: str) -> dict[str, Any]:
        key = self.keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise TokenInvalid
        # The library would ask the system's clock; ours comes in as an argument.
        options: Any = {"require": REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        return jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=self.issuer, audience=self.audience, options=options
        )


def _claims_of(payload: dict[str, Any]) -> Claims:
    return Claims(
        token_id=str(payload["jti"]),
        family_id=int(payload["sid"]),
        organization_id=int(payload["OrganizationId"]),
        access_key_id=int(payload["client_id"]),
        role=Role(payload["role"]),
        scopes=known_in(str(payload["scope"])),
        sealed_shared_api_key=str(payload["SharedAPIKey"]),
    )
