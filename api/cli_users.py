"""`flask --app api users ...`: all that is known of one user, told or erased. The one command that shows names."""

import json

import click
import structlog

from api.cli import Understanding, tell
from api.cli_acts import user_name
from api.cli_keys import no_longer_than
from api.security.id_cipher import TEXT_LENGTH, IdKind
from api.services import services
from repositories.acting import about

log = structlog.get_logger()

users_commands = Understanding("users", help="Export or erase one user's data.")

by_whom = click.option(
    "--by", default=user_name, show_default="your user name", callback=no_longer_than(100), help="who"
)
for_what = click.option("--why", required=True, callback=no_longer_than(500), help="the reason; no names")


def user_named(_context: click.Context, _option: click.Parameter, given: str) -> int:
    """A user's number, or its public id as the partner knows it. Raises IdTampered."""
    if len(given) == TEXT_LENGTH:
        return services().id_cipher.decrypt(IdKind.USER, given)
    if given.isascii() and given.isdigit() and len(given) < 19:
        return int(given)
    raise click.BadParameter("a user is named by number, or by its public id")


which_user = click.option("--user", "user_id", required=True, callback=user_named, help="number or public id")


@users_commands.command("export")
@which_user
@by_whom
@for_what
def export(user_id: int, by: str, why: str) -> None:  # noqa: ARG001  `by` is whom the deed names
    """Write all that is known of a user to standard output, as JSON."""
    found = services().user_data.export(user_id)
    about("user", user_id, action="user.export", organization_id=found["user"]["organization_id"])
    services().command_reasons.leave(why)  # a deed, though nothing changes
    log.info("user_exported", user_id=user_id)
    tell([json.dumps(found, ensure_ascii=False, indent=1)])


@users_commands.command("erase")
@which_user
@by_whom
@for_what
def erase(user_id: int, by: str, why: str) -> None:
    """Erase a user's personal data; bookings, orders and ledger stay. Refused while a booking is pending or to come."""
    services().user_data.erase(user_id, asked=(by, why))
    tell([f"user {user_id} is erased"])
