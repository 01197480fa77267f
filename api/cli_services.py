"""`flask --app api service ...`: how outside services fare, and their pausing by hand."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click
from flask import Flask

from api.cli import Understanding, in_words, moment, operations, stamp, table, tell
from api.cli_acts import user_name
from api.cli_keys import no_longer_than
from api.services import services
from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service
from saga.breaker import Permit, permit

COLUMNS = (
    *("service", "state", "failures", "error", "open_since", "next_try_at"),
    *("waiting", "waiting_since", "paused_by", "paused_why"),
)
AUDIT_COLUMNS = ("at", "action", "by", "why")
IN_WORDS = {
    Permit.ASK: "closed",
    Permit.OPEN: "open",
    Permit.PROBE: "open, to be tried",
    Permit.PAUSED: "paused",
}
Command = Callable[..., None]

service_commands = Understanding("service", help="List, pause and resume outside services.")


def add_service_commands(app: Flask) -> None:
    app.cli.add_command(service_commands)


@service_commands.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def list_services(*, as_json: bool) -> None:
    """Show each service: its breaker, and how many sagas wait for it."""
    outside, now = operations().outside, services().clock()
    waiting = outside.count_waiting()
    found = [facts_of(view, waiting, now) for view in outside.look().values()]
    if as_json:
        tell(json.dumps(facts, ensure_ascii=False) for facts in found)
        return
    tell(table([COLUMNS, *(in_words(facts) for facts in found)]))


@service_commands.command("show")
@click.argument("service", type=click.Choice([service.value for service in Service]))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="of the audit trail")
def show(service: str, limit: int) -> None:
    """Show one service, and what operators did to it, the newest first."""
    outside, now = operations().outside, services().clock()
    facts = facts_of(outside.look()[Service(service)], outside.count_waiting(), now)
    tell(f"{name}: {word}" for name, word in zip(facts, in_words(facts), strict=True))
    trail = outside.trail(Service(service), limit=limit)
    tell(["", *table([AUDIT_COLUMNS, *(entry_of(entry) for entry in trail)])])


def changing(command: Command) -> Command:
    """The options that every change needs."""
    for decorate in (
        click.option(
            "--by", default=user_name, show_default="your user name", callback=no_longer_than(100), help="who"
        ),
        click.option("--why", required=True, callback=no_longer_than(500), help="the reason, for the audit trail"),
        click.argument("service", type=click.Choice([service.value for service in Service])),
    ):
        command = decorate(command)
    return command


@service_commands.command("pause")
@changing
def pause(service: str, by: str, why: str) -> None:
    """Have nobody ask a service; sagas wait for it, and do not age."""
    tell_state(operations().outside.pause(Service(service), by=by, why=why))


@service_commands.command("resume")
@changing
def resume(service: str, by: str, why: str) -> None:
    """Have a paused service asked again, or try at once one whose breaker is open."""
    tell_state(operations().outside.resume(Service(service), by=by, why=why))


# --- how it is told ----------------------------------------------------------------------


def facts_of(view: ServiceView, waiting: Mapping[Service, int], now: datetime) -> dict[str, Any]:
    state = view.state
    values = (
        state.service.value,
        state_of(state, now),
        state.failures,
        state.error,
        stamp(state.opened_at),
        stamp(state.open_until),
        waiting.get(state.service, 0),
        stamp(view.waiting_since),
        state.paused_by,
        state.paused_why,
    )
    return dict(zip(COLUMNS, values, strict=True))


def state_of(state: ServiceState, now: datetime) -> str:
    word = IN_WORDS[permit(state, now)]
    return word if state.trouble is None else f"{word}: {state.trouble}"


def entry_of(entry: ServiceAudit) -> tuple[str, ...]:
    return (moment(entry.at), entry.action, entry.by, entry.why)


def tell_state(state: ServiceState) -> None:
    tell([f"{state.service} is {state_of(state, services().clock())}"])
