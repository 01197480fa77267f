"""`python -m databases upgrade | encrypt | decrypt`: what an operator does with the two databases."""

import sys

import click

from config import SHORTEST_SECRET, SettingsWrong, given_settings, read_settings
from databases.segments import Segment, SegmentCipher
from databases.strings import ConnectionStringWrong, decrypted, map_segments
from repositories.migrations import script, upgrade
from repositories.ports.errors import DriverMissing, StoreUnavailable
from repositories.store_errors import translated

KEY = "TAHOON_CONNECTION_KEY"


class Understanding(click.Group):
    """Commands whose refusals are one clear line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (ConnectionStringWrong, SettingsWrong, DriverMissing) as error:
            raise click.ClickException(str(error)) from None
        except StoreUnavailable as error:
            raise click.ClickException(f"{error}: {' '.join(str(error.__cause__).split())[:300]}") from None


@click.group(cls=Understanding)
def commands() -> None:
    """Migrate both databases; encrypt and decrypt their connection strings."""


# --- migrating -----------------------------------------------------------------------------


@commands.command("upgrade")
@click.option("--sql", "dialect", type=click.Choice(["mssql", "postgresql"]), help="only print the SQL that would run")
def upgrade_both(dialect: str | None) -> None:
    """Bring PsyterDatabase and SchedulingDatabase to the newest version. Safe to repeat; run it before the new code."""
    if dialect is not None:
        for tree in ("psyter_db", "scheduling_db"):
            click.echo(f"-- {tree}\n{script(tree, dialect)}")
        return
    settings = read_settings()
    for tree, url in (("psyter_db", settings.psyter_db_url), ("scheduling_db", settings.scheduling_db_url)):
        with translated():
            upgrade(url, tree=tree)
        click.echo(f"{tree} is up to date")


# --- segments ------------------------------------------------------------------------------

of_segment = click.option(
    "--segment",
    type=click.Choice(list(Segment), case_sensitive=False),
    help="the value is this segment's; without it a whole connection string is read",
)


@commands.command("encrypt")
@of_segment
def encrypt(segment: Segment | None) -> None:
    """Encrypt a segment, or the four of a connection string, which is asked for or read from standard input."""
    cipher, text = cipher_of_settings(), secret_of(segment)
    click.echo(cipher.encrypt(segment, text) if segment else map_segments(text, cipher.encrypt))


@commands.command("decrypt")
@of_segment
def decrypt(segment: Segment | None) -> None:
    """Decrypt a segment, or the four of a connection string, which is asked for or read from standard input."""
    cipher, text = cipher_of_settings(), secret_of(segment)

    def clear(one: Segment, value: str) -> str:
        return decrypted(one, value, cipher)

    click.echo(clear(segment, text) if segment else map_segments(text, clear))


def cipher_of_settings() -> SegmentCipher:
    """No other setting need be there yet."""
    key = given_settings().get("connection_key", "")
    if len(key) < SHORTEST_SECRET:
        raise ConnectionStringWrong(f"{KEY} must be set, to {SHORTEST_SECRET} characters or more")
    return SegmentCipher(key)


def secret_of(segment: Segment | None) -> str:
    """Never an argument of the command: those are seen by everyone on the machine."""
    if sys.stdin.isatty():
        return str(click.prompt(segment or "Connection string", hide_input=True))
    return sys.stdin.read().rstrip("\r\n")


if __name__ == "__main__":
    commands(prog_name="python -m databases")
