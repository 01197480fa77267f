"""Demo data: the same seed gives the same rows, a second run adds nothing, a later day tops up."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from demo.data import CHARITY, CHARITY_BALANCE, ORDINARY, DemoData, fill
from repositories.database import Database
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.search import SqlSearch
from tests.conftest import FreshDatabase

TODAY = date(2026, 1, 5)
Pair = tuple[Database, Database]


@pytest.fixture
def pairs(engine: str, fresh_database: FreshDatabase) -> list[Pair]:
    return [(fresh_database(engine, "psyter_db"), fresh_database(engine, "scheduling_db")) for _ in range(2)]


def filled(pair: Pair, *, seed: int = 7, today: date = TODAY) -> DemoData:
    return fill(
        *pair, seed=seed, providers=5, days=3, today=today, seal=lambda text: f"sealed-{text}", videosdk={"K": "v"}
    )


def rows(database: Database, table: Any) -> list[Any]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]


TABLES = [(0, table) for table in psyter.metadata.sorted_tables] + [
    (1, table) for table in scheduling.metadata.sorted_tables
]


def everything(pair: Pair) -> dict[str, list[Any]]:
    return {table.name: rows(pair[which], table) for which, table in TABLES}


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(pairs: list[Pair]) -> None:
    one, two = pairs
    filled(one)
    filled(two)
    assert everything(one) == everything(two)


def test_another_seed_gives_other_slots(pairs: list[Pair]) -> None:
    one, two = pairs
    filled(one)
    filled(two, seed=8)
    assert rows(one[1], scheduling.slots) != rows(two[1], scheduling.slots)


def test_filling_again_adds_nothing(pairs: list[Pair]) -> None:
    pair = pairs[0]
    first = filled(pair)
    before = everything(pair)
    assert filled(pair) == first
    assert everything(pair) == before


def test_a_later_day_adds_its_slots_only(pairs: list[Pair]) -> None:
    pair = pairs[0]
    filled(pair)
    before = rows(pair[1], scheduling.slots)
    filled(pair, today=TODAY + timedelta(days=2))
    after = rows(pair[1], scheduling.slots)
    assert after[: len(before)] == before
    assert {row[2].date() for row in after[len(before) :]} == {TODAY + timedelta(days=3), TODAY + timedelta(days=4)}


def test_slots_sit_on_cells_and_never_overlap_within_a_provider(pairs: list[Pair]) -> None:
    pair = pairs[0]
    filled(pair)
    held: dict[int, list[int]] = defaultdict(list)
    lengths = set()
    with pair[1].reading() as connection:
        for slot in connection.execute(select(scheduling.slots)):
            held[slot.care_provider_id] += cells_of(slot.starts_at, slot.ends_at)
            lengths.add((slot.ends_at - slot.starts_at) // timedelta(minutes=1))
    assert lengths == {30, 45, 50, 60}
    assert all(len(set(cells)) == len(cells) for cells in held.values())


def test_what_is_free_can_be_searched(pairs: list[Pair]) -> None:
    pair = pairs[0]
    filled(pair)
    assert SqlCalendars(pair[1]).check(after=0, limit=100).wrong == 0
    free = [slot for slot in rows(pair[1], scheduling.slots) if slot[5]]
    since = datetime.combine(TODAY, time(), UTC)
    found = SqlSearch(pair[1]).find_openings(None, since=since, behind=None, limit=100).found
    assert {one.place.care_provider_id for one in found} == {1, 2, 3, 4, 5}
    assert found[0].place.starts_at == min(slot[2] for slot in free)


def test_there_is_a_charity_with_a_balance_and_a_partner_without(pairs: list[Pair]) -> None:
    pair = pairs[0]
    data = filled(pair)
    assert rows(pair[0], psyter.organization_balances) == [
        (data.charity.organization_id, CHARITY_BALANCE, CHARITY_BALANCE)
    ]
    assert data.charity.is_charity
    assert not data.ordinary.is_charity
    arabic = [row for row in rows(pair[0], psyter.care_providers) if row[2].startswith("د. ")]
    assert len(arabic) == 5


def test_what_is_added_by_others_gets_ids_of_its_own(pairs: list[Pair]) -> None:
    psyter_database, _ = pair = pairs[0]
    filled(pair)
    organization = {"name": "n", "is_charity": False, "is_active": True, "sealed_shared_api_key": "k"}
    add = insert(psyter.organizations).values(organization)
    added = psyter_database.write(lambda connection: connection.execute(add).inserted_primary_key[0])  # type: ignore[index]
    assert added not in {CHARITY, ORDINARY}
