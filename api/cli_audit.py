"""`flask --app api audit ...`: whether the audit log still is what was sealed, and where it ends."""

import re

import click

from api.cli import Understanding, moment, table, tell
from api.services import services
from repositories.entities.audit import SealedDeed
from saga.audit import Anchor

ANCHOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
COLUMNS = ("line", "at", "action", "outcome", "http", "reason", "organization", "by", "about", "request", "why")

audit_commands = Understanding("audit", help="Verify and read the audit log.")


def anchor_of(_ctx: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[Anchor, ...]:
    found = [ANCHOR.fullmatch(one) for one in given]
    if not all(found):
        raise click.BadParameter("LINE:SEAL, as `audit head` prints it")
    return tuple(Anchor(int(one[1]), one[2]) for one in found if one)


@audit_commands.command("verify")
@click.option("--anchor", "anchors", multiple=True, callback=anchor_of, help="LINE:SEAL, kept from an earlier head")
def verify(anchors: tuple[Anchor, ...]) -> None:
    """Read the whole log and say whether it is what was sealed; else the first broken line, and exit code 1."""
    verdict = services().verify_audit(anchors=anchors)
    if verdict.broken is not None:
        tell([str(verdict.broken)])
        raise click.exceptions.Exit(1)
    tell([f"{verdict.lines} lines, all as they were sealed", f"anchor: {verdict.lines}:{verdict.seal}"])


@audit_commands.command("head")
def head() -> None:
    """Print where the log ends, to be kept elsewhere as an anchor."""
    found = services().audit_log.head()
    tell([f"{found.sequence}:{found.seal}"])


@audit_commands.command("show")
@click.option("--after", type=click.IntRange(0), default=0, show_default=True, help="only lines behind this one")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def show(after: int, limit: int) -> None:
    """Show lines of the log, the oldest first; of commands that concern nothing else, why they were given."""
    lines = services().audit_log.read(after=after, limit=limit)
    reasons = services().command_reasons.of({line.deed.request_id for line in lines if line.deed.operator is not None})
    tell(table([COLUMNS, *((*cells_of(line), reasons.get(line.deed.request_id, "-")) for line in lines)]))


def cells_of(line: SealedDeed) -> tuple[str, ...]:
    deed = line.deed
    about = None if deed.resource_kind is None else f"{deed.resource_kind}:{deed.resource_id}"
    by = deed.operator or (None if deed.access_key_id is None else f"key:{deed.access_key_id}")
    facts = (deed.http_status, deed.reason and int(deed.reason), deed.organization_id, by, about, deed.request_id)
    told = ("-" if fact is None else str(fact) for fact in facts)
    return (str(line.sequence), moment(deed.occurred_at), deed.action, deed.outcome.value, *told)
