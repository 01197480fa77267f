"""Whatever changes something is audited: routes and commands, also those that are written later."""

from collections.abc import Iterator

import click
import pytest

from api.cli_acts import AuditedCommand
from api.contract import Contract, Limit
from api.security.scopes import Scope
from tests.unit.api.world import World

WORLD = World()
READING = {"GET", "HEAD", "OPTIONS"}
READ_BY_POST = {Scope.PROVIDERS_READ}  # the inventory searches by POST
SENSITIVE = {Scope.RECORDINGS_READ, Scope.ASSESSMENTS_READ}
OF_NOBODY = {f"{root}/user/getassessmentquestions" for root in ("/api/v1", "/api")}  # the questions only


def promises() -> Iterator[tuple[str, set[str], Contract]]:
    for rule in WORLD.app.url_map.iter_rules():
        view = WORLD.app.view_functions[rule.endpoint]
        yield rule.rule, set(rule.methods or ()), view.contract  # type: ignore[union-attr]


PROMISES = list(promises())
NAMES = [f"{path} {' '.join(sorted(methods))}" for path, methods, _ in PROMISES]


@pytest.mark.parametrize(("path", "methods", "promise"), PROMISES, ids=NAMES)
def test_every_route_that_changes_something_or_shows_what_is_sensitive_is_audited(
    path: str, methods: set[str], promise: Contract
) -> None:
    changes = bool(methods - READING) and promise.scope not in READ_BY_POST and promise.proof is None
    is_sensitive = promise.scope in SENSITIVE and path not in OF_NOBODY
    if changes or is_sensitive or promise.limit is Limit.TOKEN:
        assert promise.audit, f"{path}: name its action in the contract (audit=...)"


@pytest.mark.parametrize("name", sorted({promise.audit for _, _, promise in promises() if promise.audit}))
def test_an_action_is_a_noun_and_what_was_done_to_it(name: str) -> None:
    noun, verb = name.split(".")
    assert noun.replace("_", "").isalpha()
    assert verb.replace("_", "").isalpha()
    assert len(name) <= 40


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}".strip(), command


COMMANDS = list(commands(WORLD.app.cli))


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_is_audited(name: str, command: click.Command) -> None:
    assert isinstance(command, AuditedCommand), f"{name}: make it a command of an Understanding, or cls=AuditedCommand"
