"""What operators see of outside services, and do to them."""

import json
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

import pytest

from api.services import Operations
from repositories.entities.services import ServiceState
from repositories.enums import Service, Trouble
from repositories.ports.errors import StoreUnavailable
from saga.service_operator import ServiceOperator
from tests.fakes.services import FakeServices
from tests.unit.api.world import NOW, World

OPEN = ServiceState(
    service=Service.VIDEOSDK,
    failures=5,
    trouble=Trouble.FAILING,
    error="ProviderUnavailable",
    opened_at=NOW,
    open_until=NOW + timedelta(seconds=10),
)


@dataclass
class OperatorsWorld(World):
    kept: FakeServices = field(default_factory=FakeServices)

    def operations(self) -> Operations:
        others: Any = dict.fromkeys(field.name for field in fields(Operations) if field.name != "outside")
        return Operations(outside=ServiceOperator(services=self.kept, clock=lambda: self.now), **others)

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=("service", *arguments))

    def listed(self) -> dict[str, dict[str, Any]]:
        lines = [json.loads(line) for line in self.run("list", "--json").stdout.splitlines()]
        return {line["service"]: line for line in lines}

    def pause(self, service: str = "fcm", why: str = "مفتاح جديد") -> Any:
        return self.run("pause", service, "--by", "سارة", "--why", why)


@pytest.fixture
def world() -> OperatorsWorld:
    return OperatorsWorld()


def test_every_service_is_listed(world: OperatorsWorld) -> None:
    assert [(name, line["state"]) for name, line in world.listed().items()] == [
        ("videosdk", "closed"),
        ("fcm", "closed"),
    ]
    assert world.run("list").stdout.startswith("service ")


def test_an_open_breaker_says_why_since_when_and_until_when(world: OperatorsWorld) -> None:
    world.kept.states[Service.VIDEOSDK] = OPEN
    line = world.listed()["videosdk"]
    assert (line["state"], line["failures"], line["error"]) == ("open: failing", 5, "ProviderUnavailable")
    assert (line["open_since"], line["next_try_at"]) == (f"{NOW:%Y-%m-%dT%H:%M:%S}Z", f"{NOW:%Y-%m-%dT%H:%M}:10Z")
    world.now += timedelta(seconds=10)
    assert world.listed()["videosdk"]["state"] == "open, to be tried: failing"


def test_a_paused_service_says_who_paused_it_and_why(world: OperatorsWorld) -> None:
    ran = world.pause()
    assert (ran.exit_code, ran.stdout) == (0, "fcm is paused\n")
    line = world.listed()["fcm"]
    assert (line["state"], line["paused_by"], line["paused_why"]) == ("paused", "سارة", "مفتاح جديد")
    assert world.listed()["videosdk"]["state"] == "closed"


def test_a_resumed_service_is_asked_again(world: OperatorsWorld) -> None:
    world.pause()
    ran = world.run("resume", "fcm", "--by", "Ali", "--why", "done")
    assert (ran.exit_code, ran.stdout) == (0, "fcm is closed\n")
    assert world.listed()["fcm"]["state"] == "closed"


def test_resuming_tries_an_open_breaker_at_once(world: OperatorsWorld) -> None:
    world.kept.states[Service.VIDEOSDK] = OPEN
    ran = world.run("resume", "videosdk", "--why", "the key is right again")
    assert ran.stdout == "videosdk is open, to be tried: failing\n"


def test_what_operators_did_is_shown_the_newest_first(world: OperatorsWorld) -> None:
    world.pause(why="first")
    world.now += timedelta(minutes=1)
    world.run("resume", "fcm", "--by", "Ali", "--why", "second")
    told = world.run("show", "fcm").stdout
    assert told.index("second") < told.index("first")
    assert "Ali" in told
    assert "second" not in world.run("show", "videosdk").stdout
    assert "first" not in world.run("show", "fcm", "--limit", "1").stdout


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("pause", "fcm", "--by", "Ali", "--why", "again"), "سارة paused it already: مفتاح جديد"),
        (("resume", "videosdk", "--why", "x"), "it is neither paused, nor is its breaker open"),
        (("pause", "fcm"), "Missing option '--why'"),
        (("pause", "fcm", "--why", " "), "1 to 500 characters"),
        (("pause", "smtp", "--why", "x"), "'smtp' is not one of"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line_and_changes_nothing(
    world: OperatorsWorld, arguments: tuple[str, ...], refusal: str
) -> None:
    world.pause()
    before = replace(world.kept.states[Service.FCM]), dict(world.kept.states), len(world.kept.entries)
    ran = world.run(*arguments)
    assert ran.exit_code != 0
    assert refusal in ran.output
    assert "Traceback" not in ran.output
    assert (replace(world.kept.states[Service.FCM]), world.kept.states, len(world.kept.entries)) == before


def test_a_database_that_does_not_answer_is_one_clear_line(world: OperatorsWorld) -> None:
    def away(**_given: Any) -> Any:
        raise StoreUnavailable

    world.kept.look = away  # type: ignore[method-assign]
    ran = world.run("list")
    assert (ran.exit_code, "did not answer" in ran.output) == (1, True)
