"""`flask --app api board` and `flask --app api saga bulk`: what the console's overview and its bulk actions do."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC
from typing import Any

import click
from flask.cli import with_appcontext

from api.cli import STATUSES, as_reason, moment, operations, saga_commands, table, tell, understood
from api.cli_acts import AuditedCommand, user_name
from api.services import services
from repositories.entities.board import Board, BrokerSeen
from repositories.entities.sagas import SagaFilter
from repositories.enums import OPEN_STATUSES, SagaStatus
from saga.bulk import ACTIONS, BulkOperator, CountChanged, TooMany, Wish
from saga.catalogue import NAMES
from saga.in_words import many, span


@click.command("board", cls=AuditedCommand)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@with_appcontext
def board_commands(*, as_json: bool) -> None:
    """Show how everything stands: sagas by state, the oldest booking, the last hour, queues and workers."""
    board = understood(lambda: services().ops.boards.look(now=services().clock()))
    broker = services().ops.broker()
    if as_json:
        tell([json.dumps({**asdict(board), **asdict(broker)}, default=str)])
        return
    tell(board_lines(board, broker))


def board_lines(board: Board, broker: BrokerSeen) -> Iterator[str]:
    rows = [(crowd.name, crowd.status.value, crowd.step or "-", many(crowd.sagas)) for crowd in board.crowds]
    yield from table([("saga", "state", "step", "sagas"), *rows])
    yield ""
    yield f"bookings pending: {many(board.pending_bookings)}"
    if board.oldest is not None:
        yield f"the oldest: {board.oldest.id}, accepted {span(board.at - board.oldest.created_at)} ago"
    yield f"due now: {many(board.due)}, the oldest since {moment(board.oldest_due_at)}"
    yield f"ended in the last hour: {sum(minute.ended for minute in board.minutes)}"
    queues = broker.queues
    yield "queues: not known" if queues is None else f"queues: {', '.join(f'{name} {n}' for name, n in queues.items())}"
    if broker.workers is None:
        yield "workers: not known"
        return
    yield f"workers: {len(broker.workers)}"
    yield from (f"  {one.name}: {one.busy} of {one.threads} busy, up {span(one.uptime)}" for one in broker.workers)


@saga_commands.command("bulk")
@click.argument("action", type=click.Choice(ACTIONS))
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="only these; else all open")
@click.option("--name", type=click.Choice(NAMES), help="only sagas of this name")
@click.option("--step", help="only those that stand at this step")
@click.option("--organization", "organization_id", type=click.IntRange(0), help="only bookings of this organization")
@click.option("--reason", callback=as_reason, help="only those that turned back for this reason")
@click.option("--since", "begun_since", type=click.DateTime(), help="only those begun at this time (UTC) or later")
@click.option("--before", "begun_before", type=click.DateTime(), help="only those begun before this time (UTC)")
@click.option("--expect", type=click.IntRange(0), help="how many they are; without it they are only counted")
@click.option("--by", default=user_name, show_default="your user name", help="who does it")
@click.option("--why", help="the reason, for the audit trail")
def bulk(action: str, statuses: tuple[str, ...], expect: int | None, by: str, why: str | None, **only: Any) -> None:
    """Retry, undo or resolve all sagas that match. Counts first: nothing is done unless --expect is that count."""
    for name in ("begun_since", "begun_before"):
        only[name] = None if only[name] is None else only[name].replace(tzinfo=UTC)
    wanted = SagaFilter(statuses=frozenset(SagaStatus(status) for status in statuses or OPEN_STATUSES), **only)
    many = BulkOperator(records=operations().records, operator=operations().operator)
    try:
        if expect is None:
            tell([f"{len(many.find(wanted))} sagas match; to {action} them, repeat with --expect and --why"])
            return
        if why is None:
            raise click.UsageError("--why is needed, for the audit trail")
        report = many.act(wanted, Wish(action=action, by=by, why=why), expected=expect)
    except (CountChanged, TooMany) as error:
        raise click.ClickException(str(error)) from error
    tell([f"{report.done} done, {len(report.refused)} not"])
    tell(f"  {saga_id}: {message}" for saga_id, message in report.refused)
    if report.refused:
        raise click.exceptions.Exit(1)
