"""`flask --app api saga ...` and `flask --app api reconcile`: what an operator sees and may do. Ids only."""

import getpass
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
from flask import Flask
from flask.cli import AppGroup

from api.services import Operations, services
from repositories.entities.sagas import Attempt, AuditEntry, SagaState
from repositories.enums import SagaStatus
from repositories.ports.errors import AccessKeyUnknown, OrganizationUnknown, SagaMoved, StoreUnavailable
from saga.operators import NotPossible, Order, SagaNotFound

T = TypeVar("T")
Command = Callable[..., None]


class Understanding(AppGroup):
    """Commands whose refusals are one clear line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        return understood(lambda: super(Understanding, self).invoke(ctx))


def understood(work: Callable[[], T]) -> T:
    try:
        return work()
    except REFUSALS as error:
        raise click.ClickException(str(error) or (type(error).__doc__ or "").strip()) from error


saga_commands = Understanding("saga", help="List, show and unstick sagas.")


def add_commands(app: Flask) -> None:
    app.cli.add_command(saga_commands)
    app.cli.add_command(reconcile)


def operations() -> Operations:
    return services().operations()


# --- looking -----------------------------------------------------------------------------


@saga_commands.command("list")
@click.option("--status", type=click.Choice([status.value for status in SagaStatus]), help="only these")
@click.option("--name", help="only sagas of this name, such as book_session")
@click.option("--unchanged-for", type=float, metavar="MINUTES", help="only those that have not moved for so long")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_sagas(status: str | None, name: str | None, unchanged_for: float | None, limit: int, *, as_json: bool) -> None:
    """List sagas, the longest unchanged first; without --status those that have not ended."""
    since = None if unchanged_for is None else services().clock() - timedelta(minutes=unchanged_for)
    wanted = [SagaStatus(status)] if status else [SagaStatus.STUCK, SagaStatus.UNDOING, SagaStatus.RUNNING]
    found: list[SagaState] = []
    for one in wanted:
        found += operations().records.list_sagas(
            status=one, name=name, unchanged_since=since, limit=max(limit - len(found), 0)
        )
    if as_json:
        tell(json.dumps(facts_of(state)) for state in found)
        return
    tell(table([SAGA_COLUMNS, *(tuple(str(fact) for fact in facts_of(state).values()) for state in found)]))


@saga_commands.command("show")
@click.argument("saga_id")
def show(saga_id: str) -> None:
    """Show one saga: where it stands, its timeline, and what operators did. SAGA_ID may be booking:NUMBER."""
    for one in saga_ids(saga_id):
        record = operations().records.find_record(one)
        if record is None:
            raise SagaNotFound
        tell([f"{name}: {value}" for name, value in facts_of(record.state).items()])
        tell([f"owed: {', '.join(record.state.owed) or '-'}", f"claims: {record.state.claims}", ""])
        tell(table([LINE_COLUMNS, *(line_of(line) for line in record.timeline)]))
        if record.audit:
            tell(["", *table([AUDIT_COLUMNS, *(entry_of(entry) for entry in record.audit)])])
        tell([""])


def saga_ids(given: str) -> list[str]:
    kind, _, number = given.partition(":")
    if kind != "booking":
        return [given]
    if not number.isdigit():
        raise click.UsageError("booking:NUMBER, where the number is the booking's own id, not the public one")
    found = [state.id for state in operations().records.find_sagas_of(int(number))]
    if not found:
        raise SagaNotFound
    return found


# --- stepping in -------------------------------------------------------------------------


def stepping_in(command: Command) -> Command:
    """The options that every change needs."""
    for decorate in (
        click.option("--by", default=getpass.getuser, show_default="your user name", help="who does it"),
        click.option("--why", required=True, help="the reason, for the audit trail"),
        click.argument("saga_id"),
    ):
        command = decorate(command)
    return command


@saga_commands.command("retry")
@stepping_in
def retry(saga_id: str, by: str, why: str) -> None:
    """Run a stuck or waiting saga now, with its tries and its age before it again."""
    tell_state(operations().operator.retry(Order(saga_id=saga_id, by=by, why=why)))


@saga_commands.command("skip")
@click.option(
    "--receipt", default="{}", help='what the step would have answered, such as {"meeting_id": "abcd-efgh-ijkl"}'
)
@stepping_in
def skip(saga_id: str, by: str, why: str, receipt: str) -> None:
    """Go on as if the current step, or its undo, were done."""
    order = Order(saga_id=saga_id, by=by, why=why)
    tell_state(operations().operator.skip(order, receipt=receipt_of(receipt)))


@saga_commands.command("undo")
@stepping_in
def undo(saga_id: str, by: str, why: str) -> None:
    """Turn a saga back from where it stands; not once its decision has been taken."""
    tell_state(operations().operator.undo(Order(saga_id=saga_id, by=by, why=why)))


@saga_commands.command("resolve")
@stepping_in
def resolve(saga_id: str, by: str, why: str) -> None:
    """Close a stuck saga that was mended by hand; a booking still pending ends failed, its time is released."""
    tell_state(operations().operator.resolve(Order(saga_id=saga_id, by=by, why=why)))


def receipt_of(text: str) -> Mapping[str, Any]:
    try:
        receipt = json.loads(text)
    except ValueError as error:
        raise click.UsageError("--receipt must be a JSON object") from error
    if not isinstance(receipt, dict):
        raise click.UsageError("--receipt must be a JSON object")
    return receipt


# --- reconciliation ----------------------------------------------------------------------


@click.command("reconcile")
@click.option("--days", type=click.FloatRange(0.01, 365), default=3.0, show_default=True, help="how far to look back")
@click.option("--dry-run", is_flag=True, help="mend nothing")
def reconcile(days: float, *, dry_run: bool) -> None:
    """Compare bookings, time, orders, ledger and rooms. Exit code 1 if something disagrees and was not mended."""
    report = understood(lambda: operations().reconcile(window=timedelta(days=days), mend=not dry_run))
    for finding in report.findings:
        which = {"booking": finding.booking_id, "organization": finding.organization_id, "saga": finding.saga_id}
        named = " ".join(f"{name}={value}" for name, value in which.items() if value is not None)
        tell([f"{finding.kind.value}  {named}{'  mended' if finding.is_mended else ''}"])
    tell([f"{report.looked_at} bookings looked at, {len(report.findings)} disagreements"])
    if any(not finding.is_mended for finding in report.findings):
        raise click.exceptions.Exit(1)


# --- how it is told ----------------------------------------------------------------------

SAGA_COLUMNS = ("saga", "name", "booking", "status", "step", "failures", "error", "due", "created")
LINE_COLUMNS = ("at", "step", "kind", "try", "outcome", "error")
AUDIT_COLUMNS = ("at", "action", "step", "by", "why")
REFUSALS = (SagaNotFound, NotPossible, SagaMoved, StoreUnavailable, OrganizationUnknown, AccessKeyUnknown)


def facts_of(state: SagaState) -> dict[str, Any]:
    values = (
        state.id,
        state.name,
        state.booking_id,
        state.status.value,
        state.step or "-",
        state.failures,
        state.error or "-",
        moment(state.due_at),
        moment(state.created_at),
    )
    return dict(zip(SAGA_COLUMNS, values, strict=True))


def line_of(line: Attempt) -> tuple[str, ...]:
    return (
        moment(line.started_at),
        line.step,
        line.kind.value,
        str(line.number),
        line.outcome.value,
        line.error or "-",
    )


def entry_of(entry: AuditEntry) -> tuple[str, ...]:
    return (moment(entry.at), entry.action, entry.step or "-", entry.by, entry.why)


def moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


def table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def tell_state(state: SagaState) -> None:
    tell([f"{state.id} is {state.status.value}" + (f" at {state.step}" if state.step else "")])
