"""`flask --app api calendars ...`: what searches read of slots and care providers, compared and made anew."""

from collections.abc import Callable, Iterator
from functools import partial

import click

from api.cli import Understanding, operations, tell, understood
from repositories.entities.availability import CalendarsSeen

AT_ONCE = 200  # care providers
calendars_commands = Understanding("calendars", help="Compare what searches read with what it is made from.")


@calendars_commands.command("check")
def check() -> None:
    """Count the slots of which searches read something wrong. Exit code 1 if there are any."""
    wrong = sum(seen.wrong for seen in each(operations().calendars.check))
    tell([f"{wrong} slots are wrong"])
    if wrong:
        raise click.exceptions.Exit(1)


@calendars_commands.command("rebuild")
@click.option("--provider", type=int, help="only this care provider, by its own id")
def rebuild(provider: int | None) -> None:
    """Make it right, after somebody else wrote slots straight to the database. Safe at any time."""
    work = operations().calendars.rebuild
    if provider is not None:
        mended = understood(lambda: work(after=provider - 1, limit=1)).wrong
    else:
        mended = sum(seen.wrong for seen in each(work))
    tell([f"{mended} slots were wrong and are mended"])


@calendars_commands.command("copy-facts")
def copy_facts() -> None:
    """Copy now what care providers can be filtered by; beat does so every TAHOON_COPY_FACTS_EVERY seconds."""
    tell([f"{understood(operations().copy_facts)} care providers had changed"])


def each(work: Callable[..., CalendarsSeen]) -> Iterator[CalendarsSeen]:
    seen = understood(lambda: work(after=0, limit=AT_ONCE))
    while seen.upto is not None:
        yield seen
        seen = understood(partial(work, after=seen.upto, limit=AT_ONCE))
