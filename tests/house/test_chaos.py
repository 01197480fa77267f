"""No saga escapes the matrix of `make chaos`."""

from saga.catalogue import NAMES
from tests.chaos.faults import FAULTS
from tests.chaos.scenarios import SCENARIOS


def test_every_saga_of_the_catalogue_has_a_scenario() -> None:
    assert {scenario.walks for scenario in SCENARIOS} == set(NAMES)


def test_scenarios_and_faults_are_told_apart_by_name() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
