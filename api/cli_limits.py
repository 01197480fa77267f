"""`flask --app api limits ...`: the rate limits of one organization."""

import click

from api.cli import Understanding, table, tell
from api.contract import Limit
from api.services import services

limits_commands = Understanding("limits", help="Show and change how often an organization may call.")

OF_NO_ORGANIZATION = {Limit.UNLIMITED, Limit.TOKEN, Limit.REPORT, Limit.SIGN_IN}
KINDS = [kind.value for kind in Limit if kind not in OF_NO_ORGANIZATION]


@limits_commands.command("show")
@click.argument("organization", type=int)
def show(organization: int) -> None:
    """Show the requests a minute of each kind, and whether they are the organization's own."""
    limiter = services().limiter
    own = limiter.rate_limits.of_organization(organization)
    rows = [(kind, str(own.get(kind, limiter.per_minute[kind])), "own" if kind in own else "-") for kind in KINDS]
    tell(table([("kind", "a minute", "own"), *rows]))


@limits_commands.command("set")
@click.argument("organization", type=int)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("per_minute", type=click.IntRange(1))
def set_limit(organization: int, kind: str, per_minute: int) -> None:
    """Give an organization a limit of its own; it holds in every process within seconds."""
    services().limiter.rate_limits.set_limit(organization, kind, per_minute=per_minute)
    tell([f"organization {organization}: {per_minute} {kind} requests a minute"])


@limits_commands.command("reset")
@click.argument("organization", type=int)
@click.argument("kind", type=click.Choice(KINDS))
def reset(organization: int, kind: str) -> None:
    """Give an organization the limit of the settings again."""
    services().limiter.rate_limits.set_limit(organization, kind, per_minute=None)
    tell([f"organization {organization}: {services().limiter.per_minute[kind]} {kind} requests a minute"])
