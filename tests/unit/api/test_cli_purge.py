"""`flask --app api purge`: one deed, the counts of what went, and nothing with --dry-run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.services import Operations
from repositories.enums import Kept
from saga.purge import Purge
from tests.unit.api.world import World

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class FakeForgets:
    old: dict[Kept, int]
    kinds: tuple[Kept, ...] = (Kept.SAGAS, Kept.PUSHES)
    asked: list[datetime] = field(default_factory=list)

    def forget(self, kind: Kept, *, before: datetime, limit: int) -> int:
        self.asked.append(before)
        forgotten = min(limit, self.old[kind])
        self.old[kind] -= forgotten
        return forgotten

    def count(self, kind: Kept, *, before: datetime) -> int:
        return self.old[kind]


class PurgeWorld(World):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.kept = FakeForgets({Kept.SAGAS: 5, Kept.PUSHES: 0})

    def operations(self) -> Operations:
        ages: Mapping[Kept, timedelta] = dict.fromkeys(Kept, timedelta(days=30))
        purge = Purge(databases=(self.kept,), ages=ages, clock=lambda: NOW, batch=2, batches=9)
        others: Any = dict.fromkeys(each.name for each in fields(Operations) if each.name != "purge")
        return Operations(purge=purge, **others)

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=["purge", *arguments])


@pytest.fixture
def world() -> PurgeWorld:
    return PurgeWorld()


def test_what_is_old_goes_and_is_counted(world: PurgeWorld) -> None:
    ran = world.run("--why", "ticket 7")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.split()[-4:] == ["sagas", "5", "pushes", "0"]
    assert world.kept.old[Kept.SAGAS] == 0
    assert set(world.kept.asked) == {NOW - timedelta(days=30)}


def test_its_reason_stands_with_its_deed_and_in_no_line_of_the_log(world: PurgeWorld) -> None:
    with capture_logs() as logged:
        world.run("--why", "ticket 7", "--by", "Huda")
    (deed,) = world.audit_outbox.deeds
    assert (deed.operator, world.command_reasons.of({deed.request_id})) == ("Huda", {deed.request_id: "ticket 7"})
    (line,) = [line for line in logged if line["event"] == "purged_by_hand"]
    assert {"by", "why"}.isdisjoint(line)


def test_the_reason_is_told_with_the_line_of_the_audit_log(world: PurgeWorld) -> None:
    world.run("--why", "ticket 7")
    world.audit_log.seal(world.audit_outbox.deeds, now=NOW)
    shown = world.app.test_cli_runner().invoke(args=["audit", "show"])
    (line,) = [line for line in shown.stdout.splitlines() if "operator.purge" in line]
    assert line.endswith("ticket 7")


def test_a_dry_run_forgets_nothing(world: PurgeWorld) -> None:
    ran = world.run("--why", "ticket 7", "--dry-run")
    assert ran.stdout.split()[-4:] == ["sagas", "5", "pushes", "0"]
    assert world.kept.old[Kept.SAGAS] == 5


def test_without_a_reason_nothing_is_done(world: PurgeWorld) -> None:
    assert world.run().exit_code == 2
