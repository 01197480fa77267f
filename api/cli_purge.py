"""`flask --app api purge`: what beat does by itself every TAHOON_PURGE_EVERY, now; or only its counts."""

import click
import structlog
from flask import Flask
from flask.cli import with_appcontext

from api.cli import operations, tell, understood
from api.cli_acts import AuditedCommand, user_name
from api.cli_keys import no_longer_than
from api.services import services
from repositories.acting import aside
from saga.purge import in_words

log = structlog.get_logger()


@click.command("purge", cls=AuditedCommand)
@click.option("--dry-run", is_flag=True, help="forget nothing, show how much could be")
@click.option("--by", default=user_name, show_default="your user name", callback=no_longer_than(100), help="who")
@click.option("--why", required=True, callback=no_longer_than(500), help="the reason, for the audit log")
@with_appcontext
def purge(*, dry_run: bool, by: str, why: str) -> None:  # noqa: ARG001  `by` is whom the deed names
    """Forget finished sagas, events, deliveries, tokens and keys that are older than the settings say.

    One run is bounded; run it again until it forgets nothing."""
    work = operations().purge
    if dry_run:
        counts = understood(work.preview)
    else:
        understood(lambda: services().command_reasons.leave(why))  # one deed, and not one for each batch
        with aside():
            counts = understood(work)
        log.info("purged_by_hand", forgotten=in_words(counts))
    tell([f"{kind.value}  {number}" for kind, number in counts.items()])


def add_purge_command(app: Flask) -> None:
    app.cli.add_command(purge)
