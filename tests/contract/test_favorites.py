"""What favorites rely on of PsyterDatabase: on the fake, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from repositories.database import Database
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.users import Guest
from repositories.enums import GenderType
from repositories.ports.errors import CareProviderUnknown, FavoritesFull
from repositories.ports.favorites import MOST_FAVORITES
from repositories.psyter_db import tables
from repositories.psyter_db.favorites import SqlFavorites
from repositories.psyter_db.users import SqlUsers
from tests.conftest import FreshDatabase
from tests.contract import test_psyter as psyter
from tests.engines import ENGINES
from tests.fakes.favorites import FakeFavorites
from tests.fakes.psyter import FakePsyter

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OURS, THEIRS = psyter.CHARITY, psyter.ORDINARY
GUEST = Guest(reference_id="R-1", name="سارة", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
PROVIDERS = range(100, 100 + MOST_FAVORITES + 1)
KEY = IdempotencyKey(key="k", body_digest="d" * 64)


@dataclass
class World:
    favorites: Any
    users: Any
    close_down: Callable[[int], None]
    counted: Callable[[int], int]  # what the user's row says

    def __post_init__(self) -> None:
        self.user = self.users.register(GUEST, organization_id=OURS, now=NOW).id
        self.theirs = self.users.register(GUEST, organization_id=THEIRS, now=NOW).id

    def add(self, provider: int, *, hours: int = 0, **named: Any) -> Any:
        wish = {"user_id": self.user, "organization_id": OURS, "key": None} | named
        return self.favorites.add(provider, now=NOW + timedelta(hours=hours), **wish)

    def remove(self, provider: int, **named: Any) -> None:
        self.favorites.remove_if_present(provider, **({"user_id": self.user, "organization_id": OURS} | named))

    def told(self, user: int | None = None, organization: int = OURS) -> list[int]:
        found = self.favorites.list_favorites(user or self.user, organization_id=organization)
        return [one.care_provider_id for one in found]


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    return fake_world() if request.param == "fake" else sql_world(fresh_database(request.param, "psyter_db"))


def fake_world() -> World:
    fake = FakePsyter()
    for number in PROVIDERS:
        fake.add_provider(id=number, hourly_rate_minor=1)
    favorites = FakeFavorites(fake)

    def counted(user: int) -> int:
        return sum(owner == user for owner, _ in favorites.added)

    return World(favorites, fake, favorites.inactive.add, counted)


def sql_world(database: Database) -> World:
    database.write(psyter.fill)
    database.write(add_providers)
    providers = tables.care_providers

    def close_down(number: int) -> None:
        change = update(providers).where(providers.c.id == number).values(is_active=False)
        database.write(lambda connection: connection.execute(change))

    def counted(user: int) -> int:
        with database.reading() as connection:
            found = connection.execute(select(tables.users.c.favorites).where(tables.users.c.id == user))
            return int(found.scalar_one())

    return World(SqlFavorites(database), SqlUsers(database), close_down, counted)


def add_providers(connection: Any) -> None:
    known = connection.execute(select(tables.care_providers)).mappings().one()
    rows = [{**known, "id": number} for number in PROVIDERS]
    connection.execute(tables.care_providers.insert(), rows)


def test_a_favorite_is_told_with_its_names_and_when_it_was_added(world: World) -> None:
    world.add(100)
    (told,) = world.favorites.list_favorites(world.user, organization_id=OURS)
    assert (told.care_provider_id, told.is_active, told.added_at) == (100, True, NOW)
    assert (told.full_name_plang, told.full_name_slang) == ("Dr. Sarah Ahmed", "د. سارة أحمد")


def test_the_newest_comes_first(world: World) -> None:
    for hours, provider in enumerate((102, 100, 101)):
        world.add(provider, hours=hours)
    assert world.told() == [101, 100, 102]


def test_adding_twice_is_adding_once(world: World) -> None:
    assert world.add(100).ids == world.add(100, hours=1).ids == (world.user, 100)
    assert (world.told(), world.counted(world.user)) == ([100], 1)


def test_removing_twice_is_removing_once(world: World) -> None:
    world.add(100)
    world.add(101)
    for _ in range(3):
        world.remove(100)
    assert (world.told(), world.counted(world.user)) == ([101], 1)


def test_an_unknown_or_inactive_provider_is_refused(world: World) -> None:
    world.close_down(101)
    for provider in (99, 101):
        with pytest.raises(CareProviderUnknown):
            world.add(provider, key=KEY)
    assert (world.told(), world.counted(world.user)) == ([], 0)


def test_one_who_became_inactive_is_still_told_and_can_be_removed(world: World) -> None:
    world.add(100)
    world.close_down(100)
    (told,) = world.favorites.list_favorites(world.user, organization_id=OURS)
    assert not told.is_active
    world.remove(100)
    assert world.told() == []


def test_there_are_only_so_many_and_removing_makes_room(world: World) -> None:
    *fitting, one_more = PROVIDERS
    for provider in fitting:
        world.add(provider)
    with pytest.raises(FavoritesFull):
        world.add(one_more)
    world.add(fitting[0])
    assert len(world.told()) == MOST_FAVORITES
    world.remove(fitting[0])
    world.add(one_more)
    assert len(world.told()) == MOST_FAVORITES


def test_another_organization_changes_and_sees_nothing(world: World) -> None:
    world.add(100)
    with pytest.raises(FavoritesFull):
        world.add(101, organization_id=THEIRS)
    world.remove(100, organization_id=THEIRS)
    assert world.told(world.user, THEIRS) == []
    assert (world.told(), world.counted(world.user)) == ([100], 1)


def test_the_same_key_is_one_change(world: World) -> None:
    world.add(100, key=KEY)
    world.remove(100)
    assert world.add(100, key=KEY).is_replay
    assert world.told() == []


ACTS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(100, 103)), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_whatever_is_added_and_removed_list_and_number_agree(world: World, acts: list[tuple[str, int]]) -> None:
    for provider in range(100, 104):
        world.remove(provider)
    marked: set[int] = set()
    for act, provider in acts:
        if act == "add":
            world.add(provider)
            marked.add(provider)
        else:
            world.remove(provider)
            marked.discard(provider)
    assert set(world.told()) == marked
    assert world.counted(world.user) == len(marked)
