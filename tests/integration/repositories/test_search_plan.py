"""A page of a search reads as many slots as it needs, however many are free: on PostgreSQL, where its plan decides."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from repositories.database import Database
from repositories.entities.availability import ProviderFilter
from repositories.enums import GenderType
from repositories.scheduling_db.calendars import GAPS
from repositories.scheduling_db.search import SqlSearch
from repositories.scheduling_db.tables import provider_facets, slot_durations, slots
from tests.contract.test_scheduling import NOW

PROVIDERS, DAYS = 1_500, 3
LOOK = 256
DAY = 86_400
CLASS = next(number for number, gap in enumerate(GAPS) if gap >= DAY)
MOST_ROWS = 2 * LOOK
EVERYONE = ProviderFilter(
    genders=(GenderType.MALE,),
    experience_level_ids=(1,),
    provider_level_ids=(1,),
    min_rate_minor=0,
    max_rate_minor=10_000,
)


@pytest.fixture
def database(scheduling_database: Database) -> Database:
    """Each care provider is free once a day."""
    if scheduling_database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's plan is not chosen by what is in the tables; `make bench-search` measures it")
    first = int(NOW.timestamp()) // 300 * 300

    def fill(connection: Any) -> None:
        connection.execute(insert(slot_durations), {"id": 1, "minutes": 60})
        rows: list[dict[str, Any]] = []
        for provider in range(1, PROVIDERS + 1):
            for day in range(DAYS):
                starts = first + day * DAY + provider % 100 * 300
                at = NOW + timedelta(seconds=starts - first)
                rows.append(
                    {
                        "care_provider_id": provider,
                        "starts_at": at,
                        "ends_at": at + timedelta(hours=1),
                        "slot_duration_id": 1,
                        "is_open": True,
                        "next_after": starts - DAY,
                        "gap_class": CLASS,
                    }
                )
        connection.execute(insert(slots), rows)
        facets = {"language_id": 0, "specialty_id": 0, "gender": GenderType.MALE, "experience_level_id": 1}
        facets |= {"provider_level_id": 1, "hourly_rate_minor": 100}
        numbers = range(1, PROVIDERS + 1)
        connection.execute(insert(provider_facets), [{"care_provider_id": one, **facets} for one in numbers])

    scheduling_database.write(fill)
    with scheduling_database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return scheduling_database


@pytest.mark.parametrize("wanted", [None, EVERYONE], ids=["no filter", "many match"])
def test_a_page_reads_no_more_than_it_needs(database: Database, wanted: ProviderFilter | None) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    found = SqlSearch(database).find_openings(wanted, since=NOW + timedelta(days=1), behind=None, limit=20)
    event.remove(database.engine, "before_cursor_execute", note)
    assert len(found.found) == 20
    assert rows_of_slots(database, *sent[-1]) <= MOST_ROWS


def rows_of_slots(database: Database, statement: str, parameters: Any) -> float:
    with database.reading() as connection:
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    (whole,) = json.loads(explained) if isinstance(explained, str) else explained
    scans = [part for part in parts(whole["Plan"]) if part.get("Relation Name") == "slots"]
    assert scans
    return float(
        sum((one["Actual Rows"] + one.get("Rows Removed by Filter", 0)) * one["Actual Loops"] for one in scans)
    )


def parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from parts(inner)
