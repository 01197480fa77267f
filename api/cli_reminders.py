"""`flask --app api reminders ...`: when care providers are reminded, and what became of a booking's reminders."""

import click

from api.cli import Understanding, moment, operations, table, tell
from api.cli_pushes import booking_id_of
from api.services import services
from repositories.entities.reminders import LONGEST, MOST_REMINDERS, SHORTEST, Preference, Someone
from repositories.enums import Recipient

COLUMNS = ("booking", "recipient", "session", "minutes before", "outcome", "at")

reminders_commands = Understanding("reminders", help="Show and change when care providers are reminded of sessions.")


def of_provider(care_provider_id: int) -> Someone:
    """Raises CareProviderUnknown."""
    provider = operations().providers.get_care_provider(care_provider_id)
    return Someone(recipient=Recipient.CARE_PROVIDER, id=provider.id)


@reminders_commands.command("show")
@click.argument("care_provider", type=click.IntRange(0))
def show(care_provider: int) -> None:
    """Show how many minutes before a session a care provider is reminded."""
    tell_preference(of_provider(care_provider))


@reminders_commands.command("set")
@click.argument("care_provider", type=click.IntRange(0))
@click.option(
    "--minutes",
    "minutes",
    multiple=True,
    type=click.IntRange(SHORTEST, LONGEST),
    help="before a session; repeat it. Without any: no reminders",
)
def set_minutes(care_provider: int, minutes: tuple[int, ...]) -> None:
    """Choose how many minutes before a session a care provider is reminded; coming sessions follow."""
    if len(set(minutes)) > MOST_REMINDERS:
        raise click.BadParameter(f"at most {MOST_REMINDERS}")
    someone = of_provider(care_provider)
    services().reminder_preferences.set(someone, minutes, now=services().clock())
    tell_preference(someone)


@reminders_commands.command("list")
@click.argument("booking")
def list_reminders(booking: str) -> None:
    """List what became of a booking's reminders. BOOKING is booking:NUMBER, or its public id.

    A care provider's that was told is a push: `push list --booking` says how it fares."""
    booking_id = booking_id_of(booking) or 0
    found = operations().reminders.list_reminders(booking_id)
    rows = [
        (
            str(one.booking_id),
            one.recipient.value,
            moment(one.starts_at),
            str(one.minutes),
            one.outcome.value,
            moment(one.at),
        )
        for one in found
    ]
    tell(table([COLUMNS, *rows]))


def tell_preference(someone: Someone) -> None:
    preference: Preference = services().reminder_preferences.of({someone})[someone]
    minutes = " ".join(map(str, preference.minutes)) or "never"
    tell([f"care provider {someone.id}: {minutes}{' (the default)' if preference.is_default else ''}"])
