"""Several processes register, submit and mark at the same time, on every engine: the database decides."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import pytest
from sqlalchemy import update

from repositories.database import open_database
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.ports.errors import FavoritesFull
from repositories.ports.favorites import MOST_FAVORITES
from repositories.psyter_db.assessments import SqlAssessments
from repositories.psyter_db.favorites import SqlFavorites
from repositories.psyter_db.tables import users
from repositories.psyter_db.users import SqlUsers
from tests.conftest import FreshUrl
from tests.contract import test_assessments as assessments
from tests.contract import test_favorites as favorites
from tests.contract import test_psyter as psyter

PROCESSES, MANY = 4, 24
KEY = IdempotencyKey(key="k", body_digest="d" * 64)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def url(fresh_url: FreshUrl) -> str:
    return fresh_url("psyter_db")


def registers(url: str, key: IdempotencyKey | None, number: int) -> Change:
    """With a key each describes another person, as a client does that mixes up its requests."""
    database = open_database(url)
    guest = psyter.GUEST if key is None else replace(psyter.GUEST, reference_id=f"R-{number}")
    try:
        return SqlUsers(database).register_once(guest, organization_id=psyter.CHARITY, key=key, now=psyter.NOW)
    finally:
        database.close()


def test_of_many_registrations_of_one_reference_comes_one_user(url: str, processes: Executor) -> None:
    database = open_database(url)
    psyter.sql_world(database)
    database.close()
    assert len({change.ids for change in processes.map(partial(registers, url, None), range(MANY))}) == 1


def test_of_many_changes_under_one_key_exactly_one_is_made(url: str, processes: Executor) -> None:
    database = open_database(url)
    psyter.sql_world(database)
    database.close()
    changes = list(processes.map(partial(registers, url, KEY), range(MANY)))
    assert [change.is_replay for change in changes].count(False) == 1
    assert len({change.ids for change in changes}) == 1


def submits(url: str, number: int) -> int:
    database = open_database(url)
    world = assessments.World(SqlAssessments(database), lambda *_: None)
    try:
        return world.submit().ids[1]
    finally:
        database.close()


def test_submissions_at_once_are_numbered_one_after_the_other(url: str, processes: Executor) -> None:
    database = open_database(url)
    world = assessments.sql_world(database)
    world.publish(assessments.FIRST, assessments.NOW)
    assert sorted(processes.map(partial(submits, url), range(MANY))) == list(range(1, MANY + 1))
    assert [one.number for one in world.told(limit=MANY)] == list(range(MANY, 0, -1))
    database.close()


def marks(url: str, user: int, number: int) -> bool:
    """Each of eight providers, three times over."""
    database = open_database(url)
    try:
        SqlFavorites(database).add(
            100 + number % 8, user_id=user, organization_id=favorites.OURS, key=None, now=favorites.NOW
        )
    except FavoritesFull:
        return False
    finally:
        database.close()
    return True


def test_room_for_five_favorites_takes_five_however_many_race(url: str, processes: Executor) -> None:
    database = open_database(url)
    world = favorites.sql_world(database)
    database.write(lambda connection: connection.execute(update(users).values(favorites=MOST_FAVORITES - 5)))
    list(processes.map(partial(marks, url, world.user), range(MANY)))
    assert len(world.told()) == 5
    assert world.counted(world.user) == MOST_FAVORITES
    database.close()
