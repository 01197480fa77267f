"""`flask --app api access-key ...` and `flask --app api reseal`: partners' keys, and ours."""

import getpass
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import click
from flask import Flask
from flask.cli import with_appcontext

from api.cli import Understanding, moment, operations, table, tell, understood
from api.cli_acts import AuditedCommand
from api.security.opaque import digest_of, new_access_key
from api.security.scopes import Scope
from api.security.sealing import SealBroken
from api.services import services
from repositories.entities.access_keys import AccessKey, NewAccessKey
from repositories.entities.organizations import Seal
from repositories.enums import Role

PAGE = 500  # organizations read at a time
COLUMNS = ("id", "label", "role", "grants", "state", "created", "expires", "last used", "revoked by", "why")
Command = Callable[..., None]


def add_key_commands(app: Flask) -> None:
    app.cli.add_command(access_key_commands)
    app.cli.add_command(reseal)


# --- access keys -------------------------------------------------------------------------

access_key_commands = Understanding("access-key", help="Add, list and revoke access keys of an organization.")


def of_organization(command: Command) -> Command:
    option = click.option("--organization", "organization_id", type=int, required=True, help="its id")
    return option(command)


def no_longer_than(limit: int) -> Callable[[click.Context, click.Parameter, str], str]:
    def checked(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
        if not 0 < len(text.strip()) <= limit:
            raise click.BadParameter(f"1 to {limit} characters")
        return text.strip()

    return checked


@access_key_commands.command("add")
@of_organization
@click.option("--label", required=True, callback=no_longer_than(100), help="what it is for")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option(
    "--grant",
    "grants",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="a scope beyond the role's; repeat",
)
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="expires after so many; without it, never")
def add(organization_id: int, label: str, role: str, grants: Sequence[str], days: float | None) -> None:
    """Make an access key and show it on standard output, this once: it is not kept."""
    now, access_key = services().clock(), new_access_key()
    key = NewAccessKey(
        organization_id=organization_id,
        key_digest=digest_of(access_key),
        label=label,
        role=Role(role),
        extra_scopes=frozenset(grants),
        expires_at=None if days is None else now + timedelta(days=days),
    )
    key_id = operations().access_keys.add_key(key, now=now)
    click.echo(f"Access key {key_id} of organization {organization_id}, shown this once:", err=True)
    tell([access_key])


@access_key_commands.command("list")
@of_organization
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_keys(organization_id: int, limit: int, *, as_json: bool) -> None:
    """List the access keys of an organization, the newest first."""
    now = services().clock()
    found = [facts_of(key, now) for key in operations().access_keys.list_keys(organization_id, limit=limit)]
    if as_json:
        tell(json.dumps(facts, ensure_ascii=False) for facts in found)
        return
    tell(table([COLUMNS, *(tuple(facts.values()) for facts in found)]))


@access_key_commands.command("revoke")
@of_organization
@click.option("--by", default=getpass.getuser, show_default="your user name", callback=no_longer_than(100))
@click.option("--why", required=True, callback=no_longer_than(500), help="the reason")
@click.argument("access_key_id", type=int)
def revoke(organization_id: int, access_key_id: int, by: str, why: str) -> None:
    """End the access key of this id, and at once every token that came of it."""
    now = services().clock()
    operations().access_keys.revoke_key(access_key_id, organization_id=organization_id, by=by, why=why, now=now)
    tell([f"Access key {access_key_id} is revoked, and with it every token that came of it."])


def facts_of(key: AccessKey, now: datetime) -> dict[str, str]:
    values = (
        str(key.id),
        key.label,
        key.role.value,
        " ".join(sorted(key.extra_scopes)) or "-",
        state_of(key, now),
        moment(key.created_at),
        moment(key.expires_at),
        moment(key.last_used_at),
        key.revoked_by or "-",
        key.revoked_why or "-",
    )
    return dict(zip(COLUMNS, values, strict=True))


def state_of(key: AccessKey, now: datetime) -> str:
    if not key.is_active:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


# --- the seal key ------------------------------------------------------------------------


@click.command("reseal", cls=AuditedCommand)
@with_appcontext
def reseal() -> None:
    """Seal every SharedAPIKey and webhook secret anew, under TAHOON_SEAL_KEY. Exit code 1 if one cannot be opened."""
    outcomes = understood(lambda: [is_sealed_anew(seal) for seal in all_seals()])
    outcomes += understood(lambda: [is_told(*one) for one in services().webhooks.seal_anew(sealed_anew)])
    tell([f"{sum(outcomes)} of {len(outcomes)} sealed anew"])
    if not all(outcomes):
        raise click.exceptions.Exit(1)


def sealed_anew(text: str) -> str | None:
    """Under the newest key; None if none of our keys opens it."""
    sealer = services().sealer
    try:
        return sealer.seal(sealer.unseal(text))
    except SealBroken:
        return None


def is_told(endpoint_id: int, is_sealed: bool) -> bool:
    if not is_sealed:
        tell([f"webhook endpoint {endpoint_id}: sealed under none of our keys"])
    return is_sealed


def is_sealed_anew(seal: Seal) -> bool:
    anew = sealed_anew(seal.text)
    if anew is None:
        tell([f"organization {seal.organization_id}: sealed under none of our keys"])
        return False
    operations().seals.change_seal(seal, to=anew)
    return True


def all_seals() -> Iterator[Seal]:
    last = 0
    while page := operations().seals.list_seals(after=last, limit=PAGE):
        yield from page
        last = page[-1].organization_id
