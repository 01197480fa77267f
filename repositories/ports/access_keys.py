"""Access keys, and the families of tokens that come of them. Every digest is SHA-256, hex."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.access_keys import AccessKey, AccessKeyHolder, NewAccessKey, RefreshToken, Rotated


class AccessKeys(Protocol):
    def find_holder(self, key_digest: str, *, now: datetime) -> AccessKeyHolder | None:
        """The holder of an access key that is in force, if its organization is active."""
        ...

    def add_key(self, key: NewAccessKey, *, now: datetime) -> int:
        """The id of the new key. Raises OrganizationUnknown."""
        ...

    def list_keys(self, organization_id: int, *, limit: int) -> Sequence[AccessKey]:
        """The keys of an organization, the newest first, revoked ones included."""
        ...

    def revoke_key(self, access_key_id: int, *, organization_id: int, by: str, why: str, now: datetime) -> None:
        """End a key and all tokens that came of it. Raises AccessKeyUnknown, also for one that is revoked already."""
        ...


class TokenFamilies(Protocol):
    """A family is all access and refresh tokens that came of one use of an access key; it ends as a whole.

    It lives while it was not ended, its key is in force and the key's organization is active.
    """

    def start_family(self, *, access_key_id: int, scope: str, refresh_token: RefreshToken, now: datetime) -> int:
        """The id of a new family."""
        ...

    def is_alive(self, family_id: int, *, now: datetime) -> bool: ...

    def rotate(
        self, digest: str, successor: RefreshToken, *, wanted: frozenset[str], grace: timedelta, now: datetime
    ) -> Rotated:
        """Put `successor` in the place of a refresh token, for scopes that were all granted to its family.

        One that was used no longer than `grace` ago answers the successor it has. Raises RefreshTokenUnknown,
        ScopeExceeded, and RefreshTokenReused when the grace is over: its family has then ended.
        """
        ...

    def end_family(self, family_id: int, *, organization_id: int, now: datetime) -> None:
        """End a family of this organization, if there is one."""
        ...

    def end_family_of(self, refresh_digest: str, *, organization_id: int, now: datetime) -> None:
        """End the family of a refresh token, used or not, if it is one of this organization."""
        ...
