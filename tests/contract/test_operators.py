"""Accounts of the console: on the fake, and on every engine alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from repositories.entities.operators import AccountAudit
from repositories.enums import OperatorRole
from repositories.ports.errors import OperatorExists, OperatorUnknown
from repositories.ports.operators import OperatorAccounts
from repositories.psyter_db.operators import SqlOperatorAccounts
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.operators import FakeOperatorAccounts

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ADDED = AccountAudit(action="add", by="root", why="تذكرة ٧", at=NOW)
CHANGED = AccountAudit(action="change", by="سارة", why="left us", at=NOW + timedelta(hours=1))


@pytest.fixture(params=["fake", *ENGINES])
def accounts(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> OperatorAccounts:
    if request.param == "fake":
        return FakeOperatorAccounts()
    return SqlOperatorAccounts(fresh_database(request.param, "psyter_db"))


def added(accounts: OperatorAccounts, name: str = "هدى") -> int:
    return accounts.add_account(name, password_hash="scrypt:hash", role=OperatorRole.VIEWER, entry=ADDED)


def test_an_account_is_found_by_its_name_and_by_its_id(accounts: OperatorAccounts) -> None:
    account_id = added(accounts)
    account = accounts.find_account("هدى")
    assert account is not None
    assert account == accounts.account_of(account_id)
    assert (account.id, account.name, account.password_hash) == (account_id, "هدى", "scrypt:hash")
    assert (account.role, account.generation, account.created_at) == (OperatorRole.VIEWER, 0, NOW)
    assert account.disabled_at is None
    assert account.signed_in_at is None
    assert "scrypt" not in repr(account)


def test_who_is_not_there_is_not_found(accounts: OperatorAccounts) -> None:
    account_id = added(accounts, "Huda")
    assert accounts.find_account("huda") is None
    assert accounts.account_of(account_id + 1) is None
    with pytest.raises(OperatorUnknown):
        accounts.change_account("huda", entry=CHANGED, is_disabled=True)


def test_a_name_is_given_once(accounts: OperatorAccounts) -> None:
    account_id = added(accounts)
    with pytest.raises(OperatorExists):
        added(accounts)
    assert accounts.trail(account_id, limit=10) == [ADDED]


def test_accounts_are_listed_by_name(accounts: OperatorAccounts) -> None:
    for name in ("b", "a", "c"):
        added(accounts, name)
    assert [account.name for account in accounts.list_accounts()] == ["a", "b", "c"]


def test_every_change_changes_what_it_names_and_nothing_else_and_ends_the_sessions(accounts: OperatorAccounts) -> None:
    account_id, other_id = added(accounts), added(accounts, "other")
    before = accounts.account_of(account_id)
    assert before is not None
    accounts.change_account("هدى", entry=CHANGED, role=OperatorRole.OPERATOR)
    assert accounts.account_of(account_id) == replace(before, role=OperatorRole.OPERATOR, generation=1)
    accounts.change_account("هدى", entry=CHANGED, password_hash="another")
    accounts.change_account("هدى", entry=CHANGED, is_disabled=True)
    after = replace(before, role=OperatorRole.OPERATOR, password_hash="another", disabled_at=CHANGED.at, generation=3)
    assert accounts.account_of(account_id) == after
    accounts.change_account("هدى", entry=CHANGED, is_disabled=False)
    assert accounts.account_of(account_id) == replace(after, disabled_at=None, generation=4)
    other = accounts.account_of(other_id)
    assert other is not None
    assert (other.generation, other.role) == (0, OperatorRole.VIEWER)
    assert accounts.trail(account_id, limit=3) == [CHANGED, CHANGED, CHANGED]
    assert accounts.trail(account_id, limit=10)[-1] == ADDED
    assert accounts.trail(other_id, limit=10) == [ADDED]


def test_a_sign_in_is_noted_and_sessions_end_at_a_sign_out(accounts: OperatorAccounts) -> None:
    account_id = added(accounts)
    accounts.note_sign_in(account_id, now=CHANGED.at)
    account = accounts.account_of(account_id)
    assert account is not None
    assert (account.signed_in_at, account.generation) == (CHANGED.at, 0)
    accounts.end_sessions(account_id)
    account = accounts.account_of(account_id)
    assert account is not None
    assert account.generation == 1
