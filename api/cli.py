"""`flask --app api saga ...` and `flask --app api reconcile`: what an operator sees and may do. Ids only.

Exit codes: 0 done, 1 refused (one line says why) or something is left to mend, 2 the command line makes no sense.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from api.cli_acts import AuditedCommand, user_name
from api.security.id_cipher import TEXT_LENGTH, IdKind, IdTampered
from api.services import Operations, services
from repositories.entities.sagas import Attempt, AuditEntry, SagaFilter, SagaRecord, SagaState
from repositories.enums import OPEN_STATUSES, Reason, SagaStatus
from repositories.ports.errors import (
    AccessKeyUnknown,
    CareProviderUnknown,
    OrganizationUnknown,
    PushNotFailed,
    PushOutdated,
    PushUnknown,
    SagaMoved,
    StoreUnavailable,
    UserHasBookings,
    UserUnknown,
)
from saga.engine import is_ended
from saga.in_words import why
from saga.operators import Intervention, NotPossible, SagaNotFound
from saga.reconcile import Finding

T = TypeVar("T")
Command = Callable[..., None]
REFUSALS = (
    *(SagaNotFound, NotPossible, SagaMoved),
    *(StoreUnavailable, IdTampered, OrganizationUnknown, AccessKeyUnknown, CareProviderUnknown),
    *(UserUnknown, UserHasBookings),
    *(PushUnknown, PushNotFailed, PushOutdated),
)
SAGA_ID = re.compile(r"[0-9a-f]{32}")
BOOKING_NUMBER = re.compile(r"[0-9]{1,18}")
STATUSES = [status.value for status in SagaStatus]


class Understanding(AppGroup):
    """Commands whose refusals are one clear line and exit code 1, and whose changes leave a deed."""

    command_class = AuditedCommand

    def invoke(self, ctx: click.Context) -> Any:
        return understood(lambda: super(Understanding, self).invoke(ctx))


def understood(work: Callable[[], T]) -> T:
    try:
        return work()
    except REFUSALS as error:
        raise click.ClickException(said_of(error)) from error


def said_of(error: Exception) -> str:
    """A refusal in one line."""
    return str(error) or (type(error).__doc__ or "").strip()


saga_commands = Understanding("saga", help="List, show and unstick sagas. docs/how-to/unstick-a-saga.md is the guide.")


def add_commands(app: Flask) -> None:
    app.cli.add_command(saga_commands)
    app.cli.add_command(reconcile)


def operations() -> Operations:
    return services().operations()


def as_reason(_context: click.Context, _option: click.Parameter, given: str | None) -> Reason | None:
    named = {str(int(reason)): reason for reason in Reason} | {reason.name: reason for reason in Reason}
    if given is None or given in named:
        return None if given is None else named[given]
    raise click.BadParameter("a reason is a number or a name of docs/reference/reasons.md")


# --- looking -----------------------------------------------------------------------------


@saga_commands.command("list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice([status.value for status in SagaStatus]), help="only these"
)
@click.option("--name", help="only sagas of this name, such as book_session")
@click.option("--step", help="only those that stand at this step")
@click.option("--organization", "organization_id", type=click.IntRange(0), help="only bookings of this organization")
@click.option("--reason", callback=as_reason, help="only those that turned back for this reason, such as 1015")
@click.option("--since", "begun_since", type=click.DateTime(), help="only those begun at this time (UTC) or later")
@click.option("--before", "begun_before", type=click.DateTime(), help="only those begun before this time (UTC)")
@click.option("--unchanged-for", type=float, metavar="MINUTES", help="only those that have not moved for so long")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_sagas(
    statuses: tuple[str, ...], unchanged_for: float | None, limit: int, *, as_json: bool, **only: Any
) -> None:
    """List sagas, the longest unchanged first; without --status those that have not ended."""
    since = None if unchanged_for is None else services().clock() - timedelta(minutes=unchanged_for)
    of_these = frozenset(SagaStatus(status) for status in statuses or OPEN_STATUSES)
    for name in ("begun_since", "begun_before"):
        only[name] = None if only[name] is None else only[name].replace(tzinfo=UTC)
    wanted = SagaFilter(statuses=of_these, unchanged_since=since, **only)
    found = operations().records.list_sagas(wanted, limit=limit + 1)
    listed, has_more = found[:limit], len(found) > limit
    if as_json:
        tell(json.dumps(facts_of(state)) for state in listed)
    else:
        tell(table([SAGA_COLUMNS, *(in_words(facts_of(state)) for state in listed)]))
    if has_more:
        click.echo(f"there are more than {limit}: narrow the search, or raise --limit", err=True)


@saga_commands.command("show")
@click.argument("saga")
@click.option("--json", "as_json", is_flag=True, help="one JSON object for each saga")
def show(saga: str, *, as_json: bool) -> None:
    """Show where a saga stands, its timeline, and what operators did.

    SAGA is a saga's id, booking:NUMBER, or the booking's public id as the partner knows it (also as booking:ID); of a
    booking all sagas are shown."""
    for saga_id in saga_ids(saga):
        record = operations().records.find_record(saga_id)
        if record is None:
            raise SagaNotFound
        tell([json.dumps(story_of(record))] if as_json else page_of(record))


# --- which saga ----------------------------------------------------------------------------


def saga_ids(given: str) -> list[str]:
    booking_id = booking_named(given)
    return [given] if booking_id is None else [state.id for state in sagas_of(booking_id)]


def one_saga(given: str) -> str:
    """The saga to change; of a booking, the one that has not ended."""
    booking_id = booking_named(given)
    if booking_id is None:
        return given
    sagas = sagas_of(booking_id)
    still_open = [state for state in sagas if state.status in OPEN_STATUSES]
    if len(still_open) > 1:
        ids = ", ".join(f"{state.id} ({state.name})" for state in still_open)
        raise NotPossible(f"several sagas of this booking have not ended, name one of them: {ids}")
    return (still_open or sagas)[-1].id


def sagas_of(booking_id: int) -> list[SagaState]:
    if not (found := list(operations().records.find_sagas_of(booking_id))):
        raise SagaNotFound("There is no such booking.")
    return found


def booking_named(given: str) -> int | None:
    """The booking that is meant, unless a saga is named by its own id."""
    text = given.removeprefix("booking:")
    if BOOKING_NUMBER.fullmatch(text) and text != given:
        return int(text)
    if len(text) == TEXT_LENGTH:
        return services().id_cipher.decrypt(IdKind.BOOKING, text)
    if SAGA_ID.fullmatch(given):
        return None
    raise click.UsageError("a saga is named by its id, as booking:NUMBER, or by the booking's public id")


# --- stepping in -------------------------------------------------------------------------


def stepping_in(command: Command) -> Command:
    """The options that every change needs."""
    for decorate in (
        click.option("--by", default=user_name, show_default="your user name", help="who does it"),
        click.option("--why", required=True, help="the reason, for the audit trail"),
        click.argument("saga"),
    ):
        command = decorate(command)
    return command


def intervention(saga: str, by: str, why: str) -> Intervention:
    return Intervention(saga_id=one_saga(saga), by=by, why=why)


@saga_commands.command("retry")
@stepping_in
def retry(**wish: str) -> None:
    """Run a stuck or waiting saga now, with its tries and its age before it again."""
    tell_state(operations().operator.retry(intervention(**wish)))


@saga_commands.command("skip")
@click.option("--step", required=True, help="where the saga stands; if it has moved on, nothing is skipped")
@click.option(
    "--receipt",
    "parts",
    multiple=True,
    metavar="NAME=VALUE",
    help="what the step would have answered, such as meeting_id=abcd-efgh-ijkl",
)
@stepping_in
def skip(step: str, parts: tuple[str, ...], **wish: str) -> None:
    """Go on as if the current step, or its undo, were done: somebody did it by hand."""
    tell_state(operations().operator.skip(intervention(**wish), step=step, receipt=receipt_of(parts)))


@saga_commands.command("undo")
@stepping_in
def undo(**wish: str) -> None:
    """Turn a saga back from where it stands; not once its decision has been taken."""
    tell_state(operations().operator.undo(intervention(**wish)))


@saga_commands.command("resolve")
@stepping_in
def resolve(**wish: str) -> None:
    """Close a stuck saga that was mended by hand; a booking still pending ends failed, its time is released."""
    tell_state(operations().operator.resolve(intervention(**wish)))


def receipt_of(parts: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [part.partition("=") for part in parts]
    twice = [name for name, times in Counter(name for name, _, _ in pairs).items() if times > 1]
    if twice or not all(name and separator for name, separator, _ in pairs):
        raise click.UsageError("--receipt is NAME=VALUE, each name once")
    return {name: value for name, _, value in pairs}


# --- reconciliation ----------------------------------------------------------------------


@click.command("reconcile", cls=AuditedCommand)
@click.option("--days", type=click.FloatRange(0.01, 3650), default=3.0, show_default=True, help="how far to look back")
@click.option("--dry-run", is_flag=True, help="mend nothing")
@click.option("--json", "as_json", is_flag=True, help="one JSON object for each disagreement, and one for the counts")
@with_appcontext
def reconcile(days: float, *, dry_run: bool, as_json: bool) -> None:
    """Compare bookings, time, orders, ledger and rooms. Exit code 1 if something disagrees and was not mended."""

    def tell_finding(finding: Finding) -> None:
        tell([json.dumps(asdict(finding)) if as_json else str(finding)])

    window = timedelta(days=days)
    report = understood(lambda: operations().reconcile(window=window, tell=tell_finding, mend=not dry_run))
    tell([json.dumps(asdict(report)) if as_json else str(report)])
    if not report.is_clean:
        raise click.exceptions.Exit(1)


# --- how it is told ----------------------------------------------------------------------

SAGA_COLUMNS = (
    *("saga", "name", "booking", "organization", "status", "step", "failures", "error", "reason"),
    *("due_at", "created_at"),
)
LINE_COLUMNS = ("at", "step", "kind", "try", "outcome", "error")
AUDIT_COLUMNS = ("at", "action", "step", "by", "why")


def facts_of(state: SagaState) -> dict[str, Any]:
    values = (
        state.id,
        state.name,
        state.booking_id,
        state.input.get("organization_id"),
        state.status.value,
        state.step,
        state.failures,
        state.error,
        None if state.reason is None else int(state.reason),
        stamp(state.due_at),
        stamp(state.created_at),
    )
    return dict(zip(SAGA_COLUMNS, values, strict=True))


def story_of(record: SagaRecord) -> dict[str, Any]:
    state = record.state
    booking = services().bookings.find_booking(state.booking_id, organization_id=state.input["organization_id"])
    return {
        **facts_of(state),
        "why": why(
            operations().operator.sagas.get(state.name), record, operations().outside.look(), now=services().clock()
        ),
        "public_booking": services().id_cipher.encrypt(IdKind.BOOKING, state.booking_id),
        "booking_status": None if booking is None else booking.status.name,
        "updated_at": stamp(record.updated_at),
        "deadline_at": stamp(state.deadline_at),
        "failed_step": state.failed_step,
        "waits_for": None if state.in_line is None else state.in_line.service.value,
        "waits_since": None if state.in_line is None else stamp(state.in_line.since),
        "owed": list(state.owed),
        "receipts": {step: dict(receipt) for step, receipt in state.receipts.items()},
        "claims": state.claims,
        "timeline": [line_of(line) for line in record.timeline],
        "audit": [entry_of(entry) for entry in record.audit],
    }


def page_of(record: SagaRecord) -> Iterator[str]:
    story = story_of(record)
    timeline, audit = story.pop("timeline"), story.pop("audit")
    yield from (f"{name}: {word}" for name, word in zip(story, in_words(story), strict=True))
    yield ""
    yield from table([LINE_COLUMNS, *(in_words(line) for line in timeline)])
    if audit:
        yield ""
        yield from table([AUDIT_COLUMNS, *(in_words(entry) for entry in audit)])
    yield ""


def line_of(line: Attempt) -> dict[str, Any]:
    values = (stamp(line.started_at), line.step, line.kind.value, line.number, line.outcome.value, line.error)
    return dict(zip(LINE_COLUMNS, values, strict=True))


def entry_of(entry: AuditEntry) -> dict[str, Any]:
    return dict(zip(AUDIT_COLUMNS, (stamp(entry.at), entry.action, entry.step, entry.by, entry.why), strict=True))


def moment(at: datetime | None) -> str:
    return stamp(at) or "-"


def stamp(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def in_words(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_word(value) for value in facts.values())


def _word(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value) if value else "-"
    return "-" if value is None else str(value)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def tell_state(state: SagaState) -> None:
    at = "" if is_ended(state) else f" at {state.step}"
    tell([f"{state.id} is {state.status.value}{at}"])
