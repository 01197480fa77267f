"""`flask --app api providers ...`: whose hours and slots an organization may open, block and remove."""

import json
from collections.abc import Callable, Sequence

import click

from api.cli import Understanding, moment, operations, stamp, table, tell
from api.cli_acts import user_name
from api.cli_keys import no_longer_than
from api.security.id_cipher import TEXT_LENGTH, IdKind
from api.services import services
from repositories.entities.managed_providers import Decision, ManagingEntry

COLUMNS = ("at", "care provider", "action", "by", "why")
MOST = 1_000  # care providers that one command changes
BIGGEST = 2**63 - 1
Command = Callable[..., None]

providers_commands = Understanding(
    "providers", help="Say which care providers an organization manages. docs/how-to/managed-providers.md is the guide."
)


def deciding(command: Command) -> Command:
    """What every change needs."""
    for decorate in (
        click.option("--by", default=user_name, show_default="your user name", callback=no_longer_than(100)),
        click.option("--why", required=True, callback=no_longer_than(500), help="the reason, for the trail"),
        click.argument("care_providers", nargs=-1, required=True),
        click.argument("organization", type=click.IntRange(1, BIGGEST)),
    ):
        command = decorate(command)
    return command


@providers_commands.command("manage")
@deciding
def manage(organization: int, care_providers: tuple[str, ...], by: str, why: str) -> None:
    """Let ORGANIZATION open, block and remove hours and slots of these care providers: all of them or none.

    A care provider is named by its number, or by its public id as partners know it."""
    decision = decision_of(organization, care_providers, by=by, why=why)
    new = operations().managed_providers.manage(decision)
    tell([f"organization {organization} manages {len(new)} more: {in_line(new)}"])


@providers_commands.command("unmanage")
@deciding
def unmanage(organization: int, care_providers: tuple[str, ...], by: str, why: str) -> None:
    """Take these care providers from ORGANIZATION; hours, slots and bookings stay as they are."""
    decision = decision_of(organization, care_providers, by=by, why=why)
    gone = operations().managed_providers.unmanage(decision)
    tell([f"organization {organization} manages {len(gone)} fewer: {in_line(gone)}"])


@providers_commands.command("managed")
@click.argument("organization", type=click.IntRange(1, BIGGEST))
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="only numbers behind this one")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def managed(organization: int, after: int, limit: int) -> None:
    """List the numbers of the care providers that ORGANIZATION manages, in ascending order, one a line."""
    found = operations().managed_providers.list_managed(organization, after=after, limit=limit + 1)
    tell(str(one) for one in found[:limit])
    if len(found) > limit:
        click.echo(f"there are more: go on with --after {found[limit - 1]}", err=True)


@providers_commands.command("trail")
@click.argument("organization", type=click.IntRange(1, BIGGEST))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def trail(organization: int, limit: int, *, as_json: bool) -> None:
    """Show who gave ORGANIZATION care providers, or took them, and why; the newest first."""
    entries = operations().managed_providers.trail(organization, limit=limit)
    if as_json:
        tell(json.dumps(facts_of(entry), ensure_ascii=False) for entry in entries)
        return
    tell(table([COLUMNS, *(cells_of(entry) for entry in entries)]))


def decision_of(organization: int, care_providers: tuple[str, ...], *, by: str, why: str) -> Decision:
    if len(care_providers) > MOST:
        raise click.UsageError(f"at most {MOST} care providers at a time")
    return Decision(
        organization_id=organization,
        care_provider_ids=tuple(sorted({number_of(one) for one in care_providers})),
        by=by,
        why=why,
        at=services().clock(),
    )


def number_of(care_provider: str) -> int:
    if len(care_provider) == TEXT_LENGTH:
        return services().id_cipher.decrypt(IdKind.CARE_PROVIDER, care_provider)
    if care_provider.isascii() and care_provider.isdigit() and 0 < int(care_provider) <= BIGGEST:
        return int(care_provider)
    raise click.UsageError("a care provider is named by its number or by its public id")


def in_line(care_providers: Sequence[int]) -> str:
    return ", ".join(map(str, care_providers)) or "-"


def facts_of(entry: ManagingEntry) -> dict[str, object]:
    return {
        "at": stamp(entry.at),
        "care_provider": entry.care_provider_id,
        "action": entry.action.value,
        "by": entry.by,
        "why": entry.why,
    }


def cells_of(entry: ManagingEntry) -> tuple[str, ...]:
    return (moment(entry.at), str(entry.care_provider_id), entry.action.value, entry.by, entry.why)
