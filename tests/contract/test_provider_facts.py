"""What providers can be filtered by: read from one database, copied into the other."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import insert, update

from repositories.database import Database
from repositories.entities.availability import ProviderFacts
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.provider_facts import SqlKnownFacts
from repositories.scheduling_db.provider_facts import SqlCopiedFacts
from saga import copy_facts
from saga.copy_facts import CopyFacts
from tests.contract.test_search import HOUR, NOW, InDatabase, facts_of, found, slot
from tests.engines import ENGINES
from tests.fakes.availability import FakeAvailability
from tests.providers import add_catalogue, add_profiles, profile_of, summary_of

KNOWN = [
    profile_of(summary_of(1)),
    profile_of(summary_of(2, language_ids=(), specialty_ids=(3, 5), experience_years=4), qualifications=()),
    profile_of(summary_of(4, experience_years=11)),
    profile_of(summary_of(5)),
]
FACTS = {
    1: facts_of(1),
    2: facts_of(2, language_ids=(), specialty_ids=(3, 5), experience_level_id=1),
    4: facts_of(4, experience_level_id=3),
}


@dataclass
class FakeKnownFacts:
    facts: dict[int, ProviderFacts] = field(default_factory=lambda: dict(FACTS))

    def facts_after(self, care_provider_id: int, *, limit: int) -> list[ProviderFacts]:
        later = [one for number, one in sorted(self.facts.items()) if number > care_provider_id]
        return later[:limit]


@pytest.fixture(params=["fake", *ENGINES])
def known(request: pytest.FixtureRequest, fresh_database: object) -> object:
    """Four care providers, the last of them not active."""
    if request.param == "fake":
        return FakeKnownFacts()
    database: Database = fresh_database(request.param, "psyter_db")  # type: ignore[operator]
    add_catalogue(database)
    add_profiles(database, KNOWN, inactive=[5])
    return SqlKnownFacts(database)


def test_the_facts_of_active_providers_come_in_the_order_of_their_ids(known: SqlKnownFacts) -> None:
    assert known.facts_after(0, limit=10) == [FACTS[1], FACTS[2], FACTS[4]]
    assert known.facts_after(0, limit=2) == [FACTS[1], FACTS[2]]
    assert known.facts_after(2, limit=2) == [FACTS[4]]
    assert known.facts_after(4, limit=2) == []


def test_years_that_reach_no_level_are_level_zero(psyter_database: Database) -> None:
    add_catalogue(psyter_database)
    add_profiles(psyter_database, [profile_of(summary_of(1, experience_years=0))])
    change = update(psyter.experience_levels).values(min_years=3)
    psyter_database.write(lambda connection: connection.execute(change))
    assert SqlKnownFacts(psyter_database).facts_after(0, limit=1)[0].experience_level_id == 0


@pytest.mark.parametrize("at_once", [1, 2, 3, 500])
def test_a_round_of_copying_goes_through_everyone(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(copy_facts, "AT_ONCE", at_once)
    known, copy = FakeKnownFacts(), FakeAvailability()
    round_ = CopyFacts(known=known, copied=copy)
    assert round_() == 3
    assert copy.facts == FACTS
    assert round_() == 0
    del known.facts[2]
    known.facts |= {4: facts_of(4, hourly_rate_minor=1), 9: facts_of(9)}
    assert round_() == 3
    assert copy.facts == known.facts


def test_who_changes_in_one_database_is_found_so_in_the_other(
    psyter_database: Database, scheduling_database: Database
) -> None:
    add_catalogue(psyter_database)
    add_profiles(psyter_database, KNOWN, inactive=[5])
    world = InDatabase(scheduling_database)
    copy = CopyFacts(known=SqlKnownFacts(psyter_database), copied=SqlCopiedFacts(scheduling_database))
    for provider in (1, 2, 4, 5):
        world.add_slot(slot(provider, provider, NOW + HOUR))
    assert copy() == 3
    assert [provider for provider, _ in found(world)] == [1, 2, 4]
    providers = psyter.care_providers
    leaves = update(providers).where(providers.c.id == 1).values(is_active=False)
    speaks = insert(psyter.care_provider_languages).values(care_provider_id=2, language_id=3)
    for change in (leaves, speaks):
        psyter_database.write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]
    assert copy() == 2
    assert [provider for provider, _ in found(world)] == [2, 4]
    assert copy() == 0
