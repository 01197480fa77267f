"""Accounts of the console, and its board, in memory. The accounts are kept honest by tests/contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from repositories.entities.board import Board, Minute
from repositories.entities.operators import AccountAudit, OperatorAccount
from repositories.enums import OperatorRole
from repositories.ports.errors import OperatorExists, OperatorUnknown


@dataclass
class FakeOperatorAccounts:
    accounts: dict[int, OperatorAccount] = field(default_factory=dict)
    entries: list[tuple[int, AccountAudit]] = field(default_factory=list)

    def find_account(self, name: str) -> OperatorAccount | None:
        return next((account for account in self.accounts.values() if account.name == name), None)

    def account_of(self, account_id: int) -> OperatorAccount | None:
        return self.accounts.get(account_id)

    def list_accounts(self) -> Sequence[OperatorAccount]:
        return sorted(self.accounts.values(), key=lambda account: account.name)

    def trail(self, account_id: int, *, limit: int) -> Sequence[AccountAudit]:
        return [entry for of, entry in reversed(self.entries) if of == account_id][:limit]

    def add_account(self, name: str, *, password_hash: str, role: OperatorRole, entry: AccountAudit) -> int:
        if self.find_account(name) is not None:
            raise OperatorExists
        account_id = len(self.accounts) + 1
        self.accounts[account_id] = OperatorAccount(
            id=account_id,
            name=name,
            password_hash=password_hash,
            role=role,
            generation=0,
            disabled_at=None,
            created_at=entry.at,
            signed_in_at=None,
        )
        self.entries.append((account_id, entry))
        return account_id

    def change_account(
        self,
        name: str,
        *,
        entry: AccountAudit,
        password_hash: str | None = None,
        role: OperatorRole | None = None,
        is_disabled: bool | None = None,
    ) -> None:
        account = self.find_account(name)
        if account is None:
            raise OperatorUnknown
        self.accounts[account.id] = replace(
            account,
            generation=account.generation + 1,
            password_hash=password_hash or account.password_hash,
            role=role or account.role,
            disabled_at=account.disabled_at if is_disabled is None else entry.at if is_disabled else None,
        )
        self.entries.append((account.id, entry))

    def note_sign_in(self, account_id: int, *, now: datetime) -> None:
        self.accounts[account_id] = replace(self.accounts[account_id], signed_in_at=now)

    def end_sessions(self, account_id: int) -> None:
        account = self.accounts[account_id]
        self.accounts[account_id] = replace(account, generation=account.generation + 1)


@dataclass
class FakeBoards:
    """An empty board, unless a test puts something on it."""

    board: Board | None = None

    def look(self, *, now: datetime) -> Board:
        if self.board is not None:
            return self.board
        minutes = [
            Minute(starts_at=now - timedelta(minutes=59 - number), done=0, undone=0, resolved=0) for number in range(60)
        ]
        return Board(at=now, crowds=(), pending_bookings=0, oldest=None, due=0, oldest_due_at=None, minutes=minutes)
