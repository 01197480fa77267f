"""The partners' own users."""

from datetime import datetime
from typing import Protocol

from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.users import Guest, User


class Users(Protocol):
    def find_user(self, user_id: int, *, organization_id: int) -> User | None: ...

    def register(self, guest: Guest, *, organization_id: int, now: datetime) -> User:
        """The user with this referenceId, made if new; the same guest twice is one. Raises ReferenceContradicted."""
        ...

    def register_once(self, guest: Guest, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        """As `register`, with an idempotency key; the id is the user's. Raises ReferenceContradicted, KeyReused."""
        ...
