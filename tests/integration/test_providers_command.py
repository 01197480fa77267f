"""`flask --app api providers`: an operator says whose hours and slots an organization may change."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from api.security.id_cipher import IdKind
from bootstrap import build_api
from config import read_settings
from demo.data import CHARITY, ORDINARY
from demo.town import Town
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.managed_providers import SqlManagedProviders
from tests.integration.system.promises import rows

WHY = ("--by", "nora", "--why", "contract 12 عقد")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(
        {
            "TAHOON_SANDBOX": "1",
            "TAHOON_PSYTER_DB_URL": f"sqlite:///{tmp_path / 'psyter.db'}",
            "TAHOON_SCHEDULING_DB_URL": f"sqlite:///{tmp_path / 'scheduling.db'}",
            "TAHOON_LOG_LEVEL": "ERROR",
        }
    )
    town.settle_in(providers=12, days=0)
    yield town
    town.close()


def run(town: Town, *arguments: str) -> Result:
    return build_api(read_settings(town.environment)).test_cli_runner().invoke(args=["providers", *arguments])


def told(town: Town, *arguments: str) -> str:
    outcome = run(town, *arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output.strip()


def managed(town: Town, organization: int) -> list[int]:
    providers = SqlManagedProviders(town.psyter)
    return [one for one in range(1, 13) if providers.is_managed(one, organization_id=organization)]


def deeds(town: Town) -> list[tuple[Any, ...]]:
    found = rows(town, psyter.audit_outbox)
    return [(deed.action, deed.operator, deed.organization_id, deed.resource_id) for deed in found]


def test_an_organization_manages_whom_an_operator_gives_it_until_they_are_taken(town: Town) -> None:
    public = town.cipher.encrypt(IdKind.CARE_PROVIDER, 5)
    assert told(town, "manage", str(CHARITY), "3", public, "3", *WHY) == "organization 1 manages 2 more: 3, 5"
    assert (managed(town, CHARITY), managed(town, ORDINARY)) == ([2, 3, 5, 12], [1, 11])
    assert told(town, "managed", str(CHARITY)).split() == ["2", "3", "5", "12"]
    assert told(town, "unmanage", str(CHARITY), "3", "4", *WHY) == "organization 1 manages 1 fewer: 3"
    assert managed(town, CHARITY) == [2, 5, 12]
    assert deeds(town) == [
        ("operator.providers.manage", "nora", CHARITY, "3"),
        ("operator.providers.manage", "nora", CHARITY, "5"),
        ("operator.providers.unmanage", "nora", CHARITY, "3"),
    ]


def test_what_was_so_before_changes_nothing_and_leaves_no_trace(town: Town) -> None:
    assert told(town, "manage", str(ORDINARY), "1", *WHY) == "organization 2 manages 0 more: -"
    assert told(town, "unmanage", str(ORDINARY), "2", *WHY) == "organization 2 manages 0 fewer: -"
    assert deeds(town) == []
    assert told(town, "trail", str(ORDINARY), "--json") == ""


def test_the_trail_says_who_and_why_the_newest_first(town: Town) -> None:
    told(town, "manage", str(CHARITY), "3", "4", *WHY)
    told(town, "unmanage", str(CHARITY), "4", "--by", "omar", "--why", "left")
    told(town, "manage", str(ORDINARY), "2", *WHY)
    lines = [json.loads(line) for line in told(town, "trail", str(CHARITY), "--json").splitlines()]
    facts = [(line["care_provider"], line["action"], line["by"], line["why"]) for line in lines]
    assert facts[0] == (4, "unmanage", "omar", "left")
    assert sorted(facts[1:]) == [(number, "manage", "nora", "contract 12 عقد") for number in (3, 4)]
    assert told(town, "trail", str(CHARITY), "--limit", "1").splitlines()[1].split()[1:] == [
        *("4", "unmanage", "omar", "left")
    ]


def test_a_long_list_is_shown_in_parts(town: Town) -> None:
    outcome = run(town, "managed", str(ORDINARY), "--limit", "1")
    assert (outcome.stdout, outcome.stderr) == ("1\n", "there are more: go on with --after 1\n")
    assert told(town, "managed", str(ORDINARY), "--after", "1", "--limit", "1") == "11"


@pytest.mark.parametrize(
    ("organization", "providers", "exit_code", "message"),
    [
        ("1", ("3", "13"), 1, "There is no care provider 13."),
        ("9", ("3",), 1, "There is no such organization."),
        ("1", ("three",), 2, "a care provider is named by its number or by its public id"),
        ("1", ("0",), 2, "a care provider is named by its number or by its public id"),
        ("1", (), 2, "Missing argument"),
        ("0", ("3",), 2, "0 is not in the range"),
    ],
)
def test_a_wrong_name_is_refused_and_nothing_is_changed(
    town: Town, organization: str, providers: tuple[str, ...], exit_code: int, message: str
) -> None:
    outcome = run(town, "manage", organization, *providers, *WHY)
    assert (outcome.exit_code, message in outcome.output) == (exit_code, True), outcome.output
    assert (managed(town, CHARITY), managed(town, ORDINARY), deeds(town)) == ([2, 12], [1, 11], [])


def test_the_id_of_something_else_is_refused(town: Town) -> None:
    booking = town.cipher.encrypt(IdKind.BOOKING, 3)
    assert run(town, "manage", str(CHARITY), booking, *WHY).exit_code == 1
    assert managed(town, CHARITY) == [2, 12]


@pytest.mark.parametrize("command", ["manage", "unmanage"])
def test_a_reason_is_asked_for(town: Town, command: str) -> None:
    for why in ((), ("--why", " "), ("--why", "x" * 501)):
        assert run(town, command, str(ORDINARY), "1", "2", *why).exit_code == 2
    assert managed(town, ORDINARY) == [1, 11]
