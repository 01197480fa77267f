"""Access tokens: JWT, HS256."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt

from repositories.enums import Role

ALGORITHM = "HS256"
NEEDED = ["iss", "aud", "iat", "exp", "jti", "OrganizationId", "SharedAPIKey", "role"]


class TokenInvalid(Exception):
    """The access token is not valid, or has expired."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    organization_id: int
    role: Role
    sealed_shared_api_key: str = field(repr=False)
    token_id: str


class TokenIssuer:
    def __init__(self, *, key: str, issuer: str, audience: str, lifetime: timedelta) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self.lifetime = lifetime

    def issue(self, claims: Claims, *, now: datetime) -> str:
        """A token that is valid from `now` for `lifetime`."""
        words = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": claims.token_id,
            "OrganizationId": claims.organization_id,
            "SharedAPIKey": claims.sealed_shared_api_key,
            "role": claims.role.value,
        }
        return jwt.encode(words, self._key, algorithm=ALGORITHM)

    def verify(self, token: str) -> Claims:
        """The claims of a token that we issued and that has not expired. Raises TokenInvalid."""
        try:
            words = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": NEEDED},
            )
            return Claims(
                organization_id=int(words["OrganizationId"]),
                role=Role(words["role"]),
                sealed_shared_api_key=words["SharedAPIKey"],
                token_id=words["jti"],
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenInvalid from error
