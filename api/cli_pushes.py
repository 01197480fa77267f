"""`flask --app api push ...`: pushes to care providers, those that could not be sent above all. Ids only."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from api.cli import Understanding, booking_named, in_words, operations, said_of, stamp, table, tell
from api.cli_acts import user_name
from api.cli_keys import no_longer_than
from api.services import services
from integrations.ports import NotificationType
from repositories.entities.pushes import PushFilter, PushRecord
from repositories.enums import PushState
from repositories.ports.errors import PushNotFailed, PushOutdated, PushUnknown
from saga.notify import SENT_BY_FLOWS
from saga.operators import NotPossible

COLUMNS = (
    *("push", "type", "provider", "booking", "state", "reason", "attempts", "left_to", "happens_at"),
    *("created_at", "updated_at"),
)
NAMES = {kind.known_as: kind for kind in NotificationType}
NOT_SENT_AGAIN = (PushUnknown, PushNotFailed, PushOutdated, NotPossible)
Command = Callable[..., None]

push_commands = Understanding("push", help="List, send and send again pushes to care providers.")


def kind_named(_context: click.Context, _option: click.Parameter, given: str | None) -> NotificationType | None:
    return None if given is None else NAMES[given]


def asking(command: Command) -> Command:
    """The options that every change needs."""
    for decorate in (
        click.option(
            "--by", default=user_name, show_default="your user name", callback=no_longer_than(100), help="who"
        ),
        click.option("--why", required=True, callback=no_longer_than(500), help="the reason"),
    ):
        command = decorate(command)
    return command


@push_commands.command("list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice([state.value for state in PushState]), help="only these"
)
@click.option("--type", "kind", type=click.Choice(list(NAMES)), callback=kind_named, help="only this type")
@click.option("--provider", "care_provider_id", type=click.IntRange(0), help="only to this care provider")
@click.option("--booking", help="only about this one: booking:NUMBER, or its public id")
@click.option("--reason", help="only those that met with this, such as ProviderUnavailable")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="only those that changed within so many")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_pushes(
    states: tuple[str, ...], booking: str | None, days: float | None, limit: int, *, as_json: bool, **only: Any
) -> None:
    """List pushes, the newest first; without --state those that failed or wait."""
    wanted = PushFilter(
        states=frozenset(map(PushState, states)) or frozenset({PushState.FAILED, PushState.WAITING}),
        booking_id=booking_id_of(booking),
        since=None if days is None else services().clock() - timedelta(days=days),
        **only,
    )
    found = operations().pushes.pushes.list_pushes(wanted, limit=limit + 1)
    listed = [facts_of(record) for record in found[:limit]]
    tell(map(json.dumps, listed) if as_json else table([COLUMNS, *(in_words(facts) for facts in listed)]))
    if len(found) > limit:
        click.echo(f"there are more than {limit}: narrow the search, or raise --limit", err=True)


@push_commands.command("show")
@click.argument("push", type=click.IntRange(0))
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def show(push: int, *, as_json: bool) -> None:
    """Show one push, and who sent it or sent it again by hand."""
    record = operations().pushes.pushes.find(push)
    if record is None:
        raise PushUnknown
    story = story_of(record)
    tell(
        [json.dumps(story, ensure_ascii=False)] if as_json else map(": ".join, zip(story, in_words(story), strict=True))
    )


@push_commands.command("send")
@click.argument(
    "kind",
    metavar="TYPE",
    type=click.Choice([name for name, kind in NAMES.items() if kind not in SENT_BY_FLOWS]),
    callback=kind_named,
)
@click.option("--provider", "care_provider_id", type=click.IntRange(0), help="to this care provider")
@click.option("--booking", help="about this one, to its care provider: booking:NUMBER, or its public id")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="the day that it tells of")
@asking
def send(
    kind: NotificationType, care_provider_id: int | None, booking: str | None, day: datetime | None, by: str, why: str
) -> None:
    """Send a push of a type that no booking causes; the texts are in docs/reference/notifications.md."""
    push_id = operations().pushes.send(
        kind,
        care_provider_id=care_provider_id,
        booking_id=booking_id_of(booking),
        day=None if day is None else day.replace(tzinfo=UTC),
        asked=(by, why),
    )
    tell([f"push {push_id} is waiting to be sent"])


@push_commands.command("resend")
@click.argument("pushes", type=click.IntRange(0), nargs=-1, required=True)
@asking
def resend(pushes: tuple[int, ...], by: str, why: str) -> None:
    """Send failed pushes again, to the platforms that were not told; others are refused, each with its reason.

    One whose booking has changed is refused, and so is one that would come too late: a reminder of a session that has
    started."""
    is_refused = False
    for push_id in pushes:
        try:
            record = operations().pushes.send_again(push_id, asked=(by, why))
            tell([f"push {record.id} is {record.state}"])
        except NOT_SENT_AGAIN as error:
            is_refused = True
            click.echo(f"push {push_id} is not sent again: {said_of(error)}", err=True)
    if is_refused:
        raise click.exceptions.Exit(1)


def booking_id_of(given: str | None) -> int | None:
    if given is None:
        return None
    booking_id = booking_named(given)
    if booking_id is None:
        raise NotPossible("a booking is named as booking:NUMBER, or by its public id")
    return booking_id


# --- how it is told ----------------------------------------------------------------------


def type_name(kind: int) -> str:
    return next((name for name, known in NAMES.items() if known == kind), str(kind))


def facts_of(record: PushRecord) -> Mapping[str, Any]:
    push = record.push
    values = (
        record.id,
        type_name(push.kind),
        push.care_provider_id,
        push.booking_id,
        record.state.value,
        record.reason,
        record.attempts,
        " ".join(record.left_to),
        stamp(push.happens_at),
        stamp(record.created_at),
        stamp(record.updated_at),
    )
    return dict(zip(COLUMNS, values, strict=True))


def story_of(record: PushRecord) -> Mapping[str, Any]:
    return {
        **facts_of(record),
        "key": record.push.key,
        "due_at": stamp(record.due_at),
        "sent_at": stamp(record.sent_at),
        "expires_at": stamp(record.push.expires_at),
        "asked_by": record.asked_by,
        "asked_why": record.asked_why,
    }
