"""A user's favorite care providers over HTTP."""

from datetime import date
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from repositories.entities.users import Guest
from repositories.enums import GenderType, Reason, Role
from repositories.ports.favorites import MOST_FAVORITES
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named

PATH = "/api/v1/user/favorites"
OUR_USER, THEIR_USER, NOBODY = (CIPHER.encrypt(IdKind.USER, number) for number in (1, 2, 99))


def provider(number: int) -> str:
    return CIPHER.encrypt(IdKind.CARE_PROVIDER, number)


def wish(number: int = 42, **changes: Any) -> dict[str, Any]:
    return {"userId": OUR_USER, "careProviderId": provider(number), **changes}


@pytest.fixture
def world() -> World:
    world = World()
    guest = Guest(reference_id="R-1", name="x", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
    for organization in (OURS, OTHERS):
        world.people.register(guest, organization_id=organization, now=NOW)
    for number in (41, 42):
        world.people.add_provider(id=number, hourly_rate_minor=100)
    return world


def add(world: World, body: dict[str, Any], **headers: str) -> Any:
    return world.book_raw(body, path=PATH, **headers)


def remove(world: World, **query: Any) -> Any:
    return world.client.delete(PATH, query_string=wish() | query, headers=world.bearer())


def marked(world: World) -> list[str]:
    return [one["careProviderId"] for one in world.get(PATH, {"userId": OUR_USER}).json["favoritesList"]]


def test_a_provider_is_marked_listed_and_unmarked(world: World) -> None:
    answer = add(world, wish())
    assert answer.json == {"status": 1, "data": wish() | {"isFavorite": True}}
    (listed,) = world.get(PATH, {"userId": OUR_USER}).json["favoritesList"]
    assert listed == {
        "careProviderId": provider(42),
        "fullNamePLang": "Dr. Sarah Ahmed",
        "fullNameSLang": "د. سارة أحمد",
        "isActive": True,
        "addedAt": "2026-01-05T12:00:00.000Z",
    }
    assert remove(world).json == {"status": 1, "data": wish() | {"isFavorite": False}}
    assert marked(world) == []


def test_doing_it_twice_is_doing_it_once(world: World) -> None:
    assert add(world, wish()).json == add(world, wish()).json
    assert marked(world) == [provider(42)]
    assert remove(world).json == remove(world).json
    assert marked(world) == []


def test_a_user_marks_each_provider_for_itself(world: World) -> None:
    add(world, wish(41))
    add(world, wish(42))
    remove(world, careProviderId=provider(41))
    assert marked(world) == [provider(42)]


def test_a_provider_that_cannot_be_booked_is_not_marked_but_stays_listed(world: World) -> None:
    add(world, wish(41))
    world.favorites.inactive |= {41, 42}
    answer = add(world, wish(42))
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (
        404,
        Reason.NOT_FOUND,
        {"careProviderId"},
    )
    assert world.get(PATH, {"userId": OUR_USER}).json["favoritesList"][0]["isActive"] is False


def test_there_are_only_so_many(world: World) -> None:
    for number in range(100, 100 + MOST_FAVORITES):
        world.people.add_provider(id=number, hourly_rate_minor=100)
        assert add(world, wish(number)).status_code == 200
    answer = add(world, wish(42))
    assert (answer.status_code, answer.json["reason"]) == (409, Reason.FAVORITES_FULL)
    assert add(world, wish(100)).status_code == 200
    assert len(marked(world)) == MOST_FAVORITES


@pytest.mark.parametrize("user_id", [THEIR_USER, NOBODY])
def test_another_organizations_user_has_no_favorites_here(world: World, user_id: str) -> None:
    world.favorites.added[2, 42] = NOW
    for answer in (
        add(world, wish(userId=user_id)),
        remove(world, userId=user_id),
        world.get(PATH, {"userId": user_id}),
    ):
        assert (answer.status_code, answer.json["reason"]) == (400, Reason.USER_NOT_FOUND)
        assert fields_named(answer) == {"userId"}
    assert list(world.favorites.added) == [(2, 42)]


@pytest.mark.parametrize("name", ["userId", "careProviderId"])
def test_every_missing_or_ill_field_is_named(world: World, name: str) -> None:
    for value, reason in [(None, Reason.EMPTY_PARAMETER), ("x", Reason.INVALID_PARAMETER)]:
        answer = add(world, wish() | {name: value})
        assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, reason, {name})
        query = {n: v for n, v in (wish() | {name: value}).items() if v is not None}
        answer = world.client.delete(PATH, query_string=query, headers=world.bearer())
        assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, reason, {name})
    assert not world.favorites.added


def test_a_parameter_given_twice_is_named(world: World) -> None:
    answer = world.get(f"{PATH}?userId={OUR_USER}&userId={OUR_USER}")
    assert (answer.status_code, fields_named(answer)) == (400, {"userId"})


def test_a_replay_answers_as_then_though_the_provider_is_gone(world: World) -> None:
    first = add(world, wish(), Idempotency_Key="k")
    world.favorites.inactive.add(42)
    again = add(world, wish(), Idempotency_Key="k")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert add(world, wish(41), Idempotency_Key="k").status_code == 422


def test_a_reader_reads_and_marks_nothing(world: World) -> None:
    reader = world.bearer(role=Role.READ_ONLY)
    assert add(world, wish(), **reader).status_code == 403
    assert world.client.delete(PATH, query_string=wish(), headers=reader).status_code == 403
    assert world.client.get(PATH, query_string={"userId": OUR_USER}, headers=reader).status_code == 200
