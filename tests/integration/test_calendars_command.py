"""`flask --app api calendars`: an operator compares what searches read, and makes it right."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bootstrap import build_api
from config import read_settings
from demo.town import Town
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling


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
    town.settle_in(providers=3, days=2)
    yield town
    town.close()


def told(town: Town, *arguments: str) -> tuple[int, str]:
    outcome = build_api(read_settings(town.environment)).test_cli_runner().invoke(args=["calendars", *arguments])
    return outcome.exit_code, outcome.output.strip()


def change(town: Town, statement: Any) -> None:
    database = town.psyter if statement.table.metadata is psyter.metadata else town.scheduling
    database.write(lambda connection: connection.execute(statement))


def test_what_is_wrong_is_counted_and_mended(town: Town) -> None:
    slots = scheduling.slots
    assert told(town, "check") == (0, "0 slots are wrong")
    change(town, update(slots).where(slots.c.id.in_([1, 2])).values(next_after=5))
    assert told(town, "check") == (1, "2 slots are wrong")
    assert told(town, "rebuild", "--provider", "3") == (0, "0 slots were wrong and are mended")
    assert told(town, "rebuild", "--provider", "1") == (0, "2 slots were wrong and are mended")
    change(town, update(slots).values(next_after=None))
    assert told(town, "rebuild")[0] == 0
    assert told(town, "check") == (0, "0 slots are wrong")


def test_facts_are_copied_at_once_when_asked(town: Town) -> None:
    assert told(town, "copy-facts") == (0, "0 care providers had changed")
    change(town, update(psyter.care_providers).values(hourly_rate_minor=1))
    assert told(town, "copy-facts") == (0, "3 care providers had changed")
    assert town.count(scheduling.provider_facets, scheduling.provider_facets.c.hourly_rate_minor != 1) == 0
