"""A sample of the matrix of `make chaos`: points under every fault, the same ones unless CHAOS_SEED says others."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from demo.commands import shared_memory
from demo.stack import ROOT
from repositories.enums import SagaStatus
from repositories.scheduling_db import tables as scheduling
from saga.definition import Kind
from tests.chaos.arena import Arena, arena
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.matrix import Case, Result, batches, carry_out, cases, record_all
from tests.chaos.storage import SqliteFiles
from tests.chaos.table import Recorded, page
from tests.integration.system.promises import rows, tables_of

SEED = int(os.environ.get("CHAOS_SEED", "7"))
POINTS = 3  # of each fault
PAGE = ROOT / "docs" / "reference" / "crash-points.md"
RACED = {"schedule_booking", "take_time"}  # refuse only who was overtaken after check_slot: see the tests of races

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Outcome:
    page: str
    refusing: set[tuple[str, str]]  # (saga, step) that turned a saga back in some scenario
    may_refuse: set[tuple[str, str]]
    results: list[Result]
    failures: list[str]  # of the world as a whole


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    with (
        tempfile.TemporaryDirectory(prefix="tahoon-chaos-", dir=shared_memory()) as name,
        arena(folder := Path(name), storage := SqliteFiles(folder), workers=8, days=3) as world,
    ):
        recorded = record_all(world)
        refusing = steps_that_refused(world)
        groups = [carry_out(world, batch) for batch in batches(sample(recorded, storage), Random(SEED))]
        yield Outcome(
            page=page(recorded, storage),
            refusing=refusing,
            may_refuse=steps_that_may_refuse(world),
            results=[result for group in groups for result in group.results],
            failures=[group.failure for group in groups if group.failure],
        )


def sample(recorded: Recorded, storage: SqliteFiles) -> list[Case]:
    quick = {fault: [case for case in cases(storage, recorded, fault) if not case.scenario.is_long] for fault in FAULTS}
    return [case for every in quick.values() for case in Random(SEED).sample(every, POINTS)]


def steps_that_refused(world: Arena) -> set[tuple[str, str]]:
    sagas = scheduling.sagas
    return {(saga.name, saga.failed_step) for saga in rows(world.town, sagas, sagas.c.status == SagaStatus.UNDONE)}


def steps_that_may_refuse(world: Arena) -> set[tuple[str, str]]:
    return {
        (name, step.name)
        for name, table in tables_of(world.town).items()
        for step in table
        if step.kind is Kind.COMPENSABLE and step.stops_on and step.name not in RACED
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_promises_hold_at_a_sample_of_points_with(outcome: Outcome, fault: Fault) -> None:
    results = [result for result in outcome.results if result.case.fault is fault]
    assert len(results) == POINTS
    failures = [result.failure for result in results if result.failure]
    assert not failures, f"CHAOS_SEED={SEED}\n" + "\n\n".join(failures)


def test_the_world_as_a_whole_agrees_and_reconciliation_finds_nothing(outcome: Outcome) -> None:
    assert not outcome.failures, "\n\n".join(outcome.failures)


def test_every_step_that_may_refuse_does_so_in_a_scenario(outcome: Outcome) -> None:
    assert outcome.may_refuse <= outcome.refusing


def test_the_page_of_points_is_as_the_processes_have_it(outcome: Outcome) -> None:
    assert PAGE.read_text() == outcome.page, "run: python -m tests.chaos.run --points"
