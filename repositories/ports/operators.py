"""Accounts of the console."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.operators import AccountAudit, OperatorAccount
from repositories.enums import OperatorRole


class OperatorAccounts(Protocol):
    """What changes an account writes its audit entry in the same transaction."""

    def find_account(self, name: str) -> OperatorAccount | None:
        """By name, letter by letter."""
        ...

    def account_of(self, account_id: int) -> OperatorAccount | None: ...

    def list_accounts(self) -> Sequence[OperatorAccount]:
        """By name."""
        ...

    def trail(self, account_id: int, *, limit: int) -> Sequence[AccountAudit]:
        """What was done to it, the newest first."""
        ...

    def add_account(self, name: str, *, password_hash: str, role: OperatorRole, entry: AccountAudit) -> int:
        """Its id. Raises OperatorExists."""
        ...

    def change_account(
        self,
        name: str,
        *,
        entry: AccountAudit,
        password_hash: str | None = None,
        role: OperatorRole | None = None,
        is_disabled: bool | None = None,
    ) -> None:
        """Change what is given, and end every session of it. Raises OperatorUnknown."""
        ...

    def note_sign_in(self, account_id: int, *, now: datetime) -> None: ...

    def end_sessions(self, account_id: int) -> None:
        """Every session begun so far, wherever its cookie is."""
        ...
