"""What a change with an Idempotency-Key relies on: on the fake, and on every engine alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from repositories.database import Database
from repositories.entities.idempotency import Change, IdempotencyKey, KeyUse
from repositories.idempotency import KeyedChanges, KeyRows
from repositories.ports.errors import KeyInFlight, KeyReused, ReferenceContradicted
from repositories.psyter_db.idempotency import PSYTER_KEYS
from repositories.psyter_db.tables import idempotency_keys, languages
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.idempotency import FakeChanges

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
A_DAY = timedelta(hours=24)
KEY = IdempotencyKey(key="k-ключ", body_digest="d" * 64)
OTHER_BODY = IdempotencyKey(key="k-ключ", body_digest="e" * 64)
OURS, THEIRS = 1, 2


@dataclass
class World:
    """Changes that add a number to what is kept, and answer it with the number of what is kept."""

    changes: Any
    work: Callable[[int], Callable[..., Sequence[int]]]
    kept: Callable[[], list[int]]

    def add(
        self, number: int, *, key: IdempotencyKey | None = None, organization: int = OURS, now: datetime = NOW
    ) -> Change:
        made: Change = self.changes.make(self.work(number), key=key, organization_id=organization, now=now)
        return made


@dataclass
class Numbers:
    kept: list[int] = field(default_factory=list)

    def adding(self, number: int) -> Callable[[], Sequence[int]]:
        def add() -> Sequence[int]:
            if number < 0:
                raise ReferenceContradicted
            self.kept.append(number)
            return (number, len(self.kept))

        return add


def sql_world(database: Database) -> World:
    def kept(connection: Connection) -> list[int]:
        return list(connection.execute(select(languages.c.id).order_by(languages.c.id)).scalars())

    def adding(number: int) -> Callable[[Connection], Sequence[int]]:
        def add(connection: Connection) -> Sequence[int]:
            connection.execute(insert(languages), {"id": number, "name_plang": "x", "name_slang": "x"})
            if number < 0:
                raise ReferenceContradicted
            return (number, len(kept(connection)))

        return add

    def all_kept() -> list[int]:
        with database.reading() as connection:
            return kept(connection)

    return World(KeyedChanges(database, PSYTER_KEYS), adding, all_kept)


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    if request.param != "fake":
        return sql_world(fresh_database(request.param, "psyter_db"))
    numbers = Numbers()
    return World(FakeChanges(), numbers.adding, lambda: sorted(numbers.kept))


def test_a_change_without_a_key_is_made_each_time(world: World) -> None:
    assert [world.add(1), world.add(2)] == [Change(ids=(1, 1)), Change(ids=(2, 2))]
    assert world.kept() == [1, 2]


def test_a_change_with_a_key_is_made_once_and_answers_the_same_ids(world: World) -> None:
    assert world.add(1, key=KEY) == Change(ids=(1, 1))
    assert world.add(2, key=KEY) == Change(ids=(1, 1), is_replay=True)
    assert world.changes.find_change(KEY, organization_id=OURS, now=NOW) == Change(ids=(1, 1), is_replay=True)
    assert world.kept() == [1]


def test_a_key_that_was_not_used_stands_for_nothing(world: World) -> None:
    world.add(1)
    assert world.changes.find_change(KEY, organization_id=OURS, now=NOW) is None
    assert world.changes.find_change(None, organization_id=OURS, now=NOW) is None


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(world: World) -> None:
    world.add(1, key=KEY)
    with pytest.raises(KeyReused):
        world.add(2, key=OTHER_BODY)
    with pytest.raises(KeyReused):
        world.changes.find_change(OTHER_BODY, organization_id=OURS, now=NOW)
    assert world.kept() == [1]


def test_keys_of_two_organizations_do_not_meet(world: World) -> None:
    world.add(1, key=KEY)
    assert world.changes.find_change(OTHER_BODY, organization_id=THEIRS, now=NOW) is None
    assert not world.add(2, key=OTHER_BODY, organization=THEIRS).is_replay
    assert world.kept() == [1, 2]


def test_a_key_is_good_for_a_day(world: World) -> None:
    world.add(1, key=KEY)
    assert world.add(2, key=KEY, now=NOW + A_DAY - timedelta(seconds=1)).is_replay
    assert world.changes.find_change(OTHER_BODY, organization_id=OURS, now=NOW + A_DAY) is None
    assert world.add(2, key=OTHER_BODY, now=NOW + A_DAY) == Change(ids=(2, 2))
    assert world.add(3, key=OTHER_BODY, now=NOW + A_DAY).is_replay


def test_a_refused_change_keeps_neither_itself_nor_its_key(world: World) -> None:
    with pytest.raises(ReferenceContradicted):
        world.add(-1, key=KEY)
    assert world.kept() == []
    assert world.add(1, key=OTHER_BODY) == Change(ids=(1, 1))


# --- races, on every engine ------------------------------------------------------------------


def test_who_loses_the_race_for_a_key_answers_what_the_winner_changed(psyter_database: Database) -> None:
    world = sql_world(psyter_database)
    world.add(7, key=KEY)

    class LooksTooEarly(KeyRows):
        """As on an engine with row locks: the winner commits right behind the first look for its key."""

        looks = 0

        def find(self, connection: Connection, organization_id: int, key: str, now: datetime) -> KeyUse | None:
            self.looks += 1
            return None if self.looks == 1 else super().find(connection, organization_id, key, now)

    changes = KeyedChanges(psyter_database, LooksTooEarly(idempotency_keys))
    made = changes.make(world.work(8), key=KEY, organization_id=OURS, now=NOW)
    assert made == Change(ids=(7, 1), is_replay=True)
    assert world.kept() == [7]


def test_work_that_meets_a_unique_key_looks_again(psyter_database: Database) -> None:
    world = sql_world(psyter_database)
    world.add(1)
    tried: list[int] = []

    def add_the_next(connection: Connection) -> Sequence[int]:
        tried.append(1)
        return world.work(len(tried))(connection)

    assert world.changes.make(add_the_next, key=KEY, organization_id=OURS, now=NOW).ids == (2, 2)
    assert world.kept() == [1, 2]


def test_a_key_that_is_always_taken_first_is_in_flight(psyter_database: Database) -> None:
    world = sql_world(psyter_database)

    def work_of_a_rival(connection: Connection) -> Sequence[int]:
        PSYTER_KEYS.add(connection, OURS, KEY, (7,), NOW)
        return (8,)

    with pytest.raises(KeyInFlight):
        world.changes.make(work_of_a_rival, key=KEY, organization_id=OURS, now=NOW)
    assert world.changes.find_change(KEY, organization_id=OURS, now=NOW) is None
