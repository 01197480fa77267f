"""`flask --app api operators ...`: who may use the console. A password is asked for, or read from standard input."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from api.cli import Understanding, in_words, stamp, table, tell
from api.cli_acts import user_name
from api.cli_keys import no_longer_than
from api.ops.sessions import LONGEST_PASSWORD, SHORTEST_PASSWORD, hashed
from api.services import services
from repositories.entities.operators import AccountAudit, OperatorAccount
from repositories.entities.sagas import LONGEST_BY, LONGEST_WHY
from repositories.enums import OperatorRole
from repositories.ports.errors import OperatorExists, OperatorUnknown

COLUMNS = ("id", "name", "role", "state", "created", "last sign-in")
AUDIT_COLUMNS = ("at", "action", "by", "why")
Command = Callable[..., None]


class OfOperators(Understanding):
    """Understands also what is refused about accounts."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperatorUnknown, OperatorExists) as error:
            raise click.ClickException((type(error).__doc__ or "").strip()) from error


operators_commands = OfOperators("operators", help="Who may use the console: docs/how-to/console.md")
ROLE = click.Choice([role.value for role in OperatorRole])


def changing(command: Command) -> Command:
    """The options that every change needs."""
    for decorate in (
        click.option("--by", default=user_name, show_default="your user name", callback=no_longer_than(LONGEST_BY)),
        click.option("--why", required=True, callback=no_longer_than(LONGEST_WHY), help="the reason, for the trail"),
        click.argument("name", callback=no_longer_than(LONGEST_BY)),
    ):
        command = decorate(command)
    return command


@operators_commands.command("add")
@click.option("--role", type=ROLE, required=True, help="viewer looks; operator also steps in")
@changing
def add(name: str, role: str, by: str, why: str) -> None:
    """Let somebody use the console. NAME signs what they do there."""
    password = asked_password()
    accounts, entry = services().ops.accounts, entry_of("add", by=by, why=why)
    accounts.add_account(name, password_hash=hashed(password), role=OperatorRole(role), entry=entry)
    tell([f"{name} may use the console as {role}"])


@operators_commands.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_operators(*, as_json: bool) -> None:
    """List who may use the console."""
    found = [facts_of(account) for account in services().ops.accounts.list_accounts()]
    if as_json:
        tell(json.dumps(facts, ensure_ascii=False) for facts in found)
        return
    tell(table([COLUMNS, *(in_words(facts) for facts in found)]))


@operators_commands.command("show")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="of the audit trail")
def show(name: str, limit: int) -> None:
    """Show one, and what was done to the account, the newest first."""
    account = services().ops.accounts.find_account(name)
    if account is None:
        raise OperatorUnknown
    facts = facts_of(account)
    tell(f"{column}: {word}" for column, word in zip(facts, in_words(facts), strict=True))
    trail = services().ops.accounts.trail(account.id, limit=limit)
    tell(["", *table([AUDIT_COLUMNS, *((stamp(one.at) or "-", one.action, one.by, one.why) for one in trail)])])


@operators_commands.command("disable")
@changing
def disable(name: str, by: str, why: str) -> None:
    """Keep somebody out from now on: their sessions end at once."""
    services().ops.accounts.change_account(name, is_disabled=True, entry=entry_of("disable", by=by, why=why))
    tell([f"{name} is disabled"])


@operators_commands.command("enable")
@changing
def enable(name: str, by: str, why: str) -> None:
    """Let somebody in again."""
    services().ops.accounts.change_account(name, is_disabled=False, entry=entry_of("enable", by=by, why=why))
    tell([f"{name} is enabled"])


@operators_commands.command("set-role")
@click.option("--role", type=ROLE, required=True)
@changing
def set_role(name: str, role: str, by: str, why: str) -> None:
    """Change what somebody may do; they sign in again."""
    entry = entry_of("set-role", by=by, why=f"{role}: {why}"[:LONGEST_WHY])
    services().ops.accounts.change_account(name, role=OperatorRole(role), entry=entry)
    tell([f"{name} is {role}"])


@operators_commands.command("set-password")
@changing
def set_password(name: str, by: str, why: str) -> None:
    """Give somebody another password; their sessions end."""
    password = asked_password()
    entry = entry_of("set-password", by=by, why=why)
    services().ops.accounts.change_account(name, password_hash=hashed(password), entry=entry)
    tell([f"{name} has another password"])


def asked_password() -> str:
    """Asked for twice at a terminal, else the first line of standard input; never an argument, which others can see."""
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise click.ClickException(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return password


def entry_of(action: str, *, by: str, why: str) -> AccountAudit:
    return AccountAudit(action=action, by=by, why=why, at=services().clock())


def facts_of(account: OperatorAccount) -> Mapping[str, Any]:
    values = (
        account.id,
        account.name,
        account.role.value,
        "active" if account.disabled_at is None else f"disabled {stamp(account.disabled_at)}",
        stamp(account.created_at),
        stamp(account.signed_in_at),
    )
    return dict(zip(COLUMNS, values, strict=True))
