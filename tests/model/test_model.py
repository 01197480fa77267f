"""The model-based run: thousands of random steps on the real repositories. `make chaos` runs more of them."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.engines import SqliteFolder
from tests.model.machine import Machine
from tests.model.world import World

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "40"))
STEPS = 50


@pytest.mark.timeout(3600)
def test_whatever_happens_nothing_is_sold_twice_and_everything_agrees_in_the_end(tmp_path: Path) -> None:
    databases = SqliteFolder(tmp_path)

    class Tahoon(Machine):
        @staticmethod
        def new_world() -> World:
            return World(databases.migrated("psyter_db"), databases.migrated("scheduling_db"))

    run_state_machine_as_test(
        Tahoon,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,) if os.environ.get("MODEL_QUICK") else tuple(Phase),
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
