"""What partners see of care providers: on the fake, and on every engine alike."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from repositories.database import Database
from repositories.entities.care_providers import Catalogue
from repositories.ports.care_providers import Profiles
from repositories.psyter_db import tables
from repositories.psyter_db.profiles import FRESH_SECONDS, SqlProfiles
from tests.engines import ENGINES
from tests.fakes.profiles import FakeProfiles
from tests.providers import CATALOGUE, add_catalogue, add_profiles, profile_of, summary_of

BARE = profile_of(
    summary_of(2, language_ids=(), specialty_ids=(), full_name_plang=" "), image_urls=(), qualifications=()
)
KNOWN = [profile_of(summary_of(1)), BARE, profile_of(summary_of(3)), profile_of(summary_of(4))]


@pytest.fixture(params=["fake", *ENGINES])
def profiles(request: pytest.FixtureRequest, fresh_database: Any) -> Profiles:
    """Four care providers, the last of them not active."""
    if request.param == "fake":
        return FakeProfiles(kept=CATALOGUE, known={one.summary.id: one for one in KNOWN}, inactive={4})
    database: Database = fresh_database(request.param, "psyter_db")
    add_catalogue(database)
    add_profiles(database, KNOWN, inactive=[4])
    return SqlProfiles(database)


def test_the_catalogue_has_both_languages(profiles: Profiles) -> None:
    assert profiles.catalogue() == CATALOGUE


def test_a_profile_is_shown_whole(profiles: Profiles) -> None:
    assert profiles.profiles([1, 2]) == {1: KNOWN[0], 2: BARE}


def test_a_summary_is_the_profile_s(profiles: Profiles) -> None:
    assert profiles.summaries([3, 1]) == {1: KNOWN[0].summary, 3: KNOWN[2].summary}


def test_who_is_not_active_or_not_known_is_not_there(profiles: Profiles) -> None:
    assert profiles.summaries([4, 99]) == {}
    assert profiles.profiles([4, 99]) == {}
    assert profiles.profiles([]) == {}


def test_a_new_line_of_the_catalogue_is_seen_within_seconds(psyter_database: Database) -> None:
    now = 100.0
    add_catalogue(psyter_database)
    profiles = SqlProfiles(psyter_database, monotonic=lambda: now)
    assert profiles.catalogue() == CATALOGUE
    line = {"id": 9, "name_plang": "Urdu", "name_slang": "الأردية"}
    psyter_database.write(lambda connection: connection.execute(insert(tables.languages), line))
    now += FRESH_SECONDS - 0.1
    assert profiles.catalogue() == CATALOGUE
    now += 0.1
    assert [line.id for line in profiles.catalogue().languages] == [1, 2, 3, 9]


# --- what follows from a profile -----------------------------------------------------------


@pytest.mark.parametrize(("years", "level"), [(0, 1), (4, 1), (5, 2), (10, 2), (11, 3), (60, 3)])
def test_an_experience_level_begins_with_its_first_year(years: int, level: int) -> None:
    found = CATALOGUE.experience_level_of(years)
    assert found is not None
    assert found.id == level


def test_without_levels_nobody_has_one() -> None:
    empty = Catalogue(languages=(), specialties=(), experience_levels=(), provider_levels=())
    assert empty.experience_level_of(7) is None


def test_a_name_falls_back_on_the_second_language() -> None:
    assert summary_of(1).full_name == "Dr. Sarah 1"
    assert replace(summary_of(1), full_name_plang="  ").full_name == "د. سارة 1"
