"""POST user/register and GET user/{userId}."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from repositories.entities.users import Guest
from repositories.enums import GenderType, Reason, Role
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named, signed

REGISTER, USERS = "/api/v1/user/register", "/api/v1/user"
PERSON = {"referenceId": "ORG-USER-123", "name": "سارة O'Brien", "dob": "1990-05-15", "genderType": 0}


@pytest.fixture
def world() -> World:
    return World()


def test_a_user_is_registered_as_described(world: World) -> None:
    answer = world.post(REGISTER, PERSON)
    (user,) = world.people.users.values()
    assert (user.organization_id, user.reference_id, user.name) == (OURS, "ORG-USER-123", "سارة O'Brien")
    assert (user.dob, user.gender) == (date(1990, 5, 15), GenderType.FEMALE)
    public_id = CIPHER.encrypt(IdKind.USER, user.id)
    assert (answer.status_code, answer.json) == (
        200,
        {"status": 1, "data": {"userLoginInfoId": public_id, "userId": public_id}},
    )


def test_the_same_request_again_is_the_same_user(world: World) -> None:
    first, again = world.post(REGISTER, PERSON), world.post(REGISTER, PERSON | {"name": " سارة  O'BRIEN"})
    assert again.json == first.json
    assert "Idempotency-Replayed" not in again.headers
    assert len(world.people.users) == 1


@pytest.mark.parametrize("other", [{"name": "سارة"}, {"dob": "1990-05-16"}, {"genderType": 1}], ids=str)
def test_other_details_under_one_reference_already_exist(world: World, other: dict[str, Any]) -> None:
    world.post(REGISTER, PERSON)
    answer = world.post(REGISTER, PERSON | other)
    assert (answer.status_code, answer.json["reason"]) == (200, Reason.RECORD_ALREADY_EXIST)
    assert (answer.json["status"], fields_named(answer)) == (0, {"referenceId"})
    assert len(world.people.users) == 1


def test_a_reference_is_one_organizations_own(world: World) -> None:
    theirs = world.people.register(
        Guest(reference_id="ORG-USER-123", name="x", dob=date(1980, 1, 1), gender=GenderType.MALE),
        organization_id=OTHERS,
        now=NOW,
    )
    answer = world.post(REGISTER, PERSON)
    assert answer.json["data"]["userId"] != CIPHER.encrypt(IdKind.USER, theirs.id)


@pytest.mark.parametrize("empty", ["absent", None, "", "  "])
@pytest.mark.parametrize("name", [*PERSON, "secureHash"])
def test_every_missing_field_is_named(world: World, name: str, empty: str | None) -> None:
    body = signed(PERSON) | {name: empty}
    if empty == "absent":
        del body[name]
    answer = world.book_raw(body, path=REGISTER)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert fields_named(answer) == {name}
    assert not world.people.users


ILL: list[tuple[str, Any]] = [
    ("referenceId", "R" * 101),
    ("referenceId", 7),
    ("name", "N" * 201),
    ("name", ["a"]),
    ("name", "two\nlines"),
    ("dob", "2026-01-05"),
    ("dob", "1899-12-31"),
    ("dob", "1990-02-30"),
    ("dob", "15/05/1990"),
    ("genderType", 2),
    ("genderType", "1"),
    ("genderType", True),
    ("userId", "x"),
]


@pytest.mark.parametrize(("name", "value"), ILL)
def test_every_ill_field_is_named(world: World, name: str, value: Any) -> None:
    answer = world.book_raw(signed(PERSON) | {name: value}, path=REGISTER)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert fields_named(answer) == {name}
    assert not world.people.users


@pytest.mark.parametrize("name", ["referenceId", "name"])
def test_text_that_a_browser_could_run_is_refused(world: World, name: str) -> None:
    answer = world.post(REGISTER, PERSON | {name: "<script>alert(1)</script>"})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.UNSAFE_TEXT)
    assert fields_named(answer) == {name}
    assert not world.people.users


@pytest.mark.parametrize("name", PERSON)
def test_every_field_is_signed(world: World, name: str) -> None:
    other = {"referenceId": "R-2", "name": "Other", "dob": "1991-05-15", "genderType": 1}
    answer = world.book_raw(signed(PERSON) | {name: other[name]}, path=REGISTER)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_SECURE_HASH)
    assert not world.people.users


def test_a_reader_registers_nobody(world: World) -> None:
    answer = world.post(REGISTER, PERSON, **world.bearer(role=Role.READ_ONLY))
    assert answer.status_code == 403


# --- Idempotency-Key -----------------------------------------------------------------------


def test_the_same_key_answers_the_same_user_and_says_so(world: World) -> None:
    first = world.post(REGISTER, PERSON, Idempotency_Key="k")
    world.people.users[1] = replace(world.people.users[1], name="Renamed since")
    again = world.post(REGISTER, PERSON, Idempotency_Key="k")
    assert (again.status_code, again.json) == (200, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_the_same_key_for_another_person_is_refused(world: World) -> None:
    world.post(REGISTER, PERSON, Idempotency_Key="k")
    answer = world.post(REGISTER, PERSON | {"referenceId": "R-2"}, Idempotency_Key="k")
    assert (answer.status_code, answer.json["reason"]) == (422, Reason.IDEMPOTENCY_KEY_REUSED)
    assert len(world.people.users) == 1


def test_what_was_refused_keeps_no_key(world: World) -> None:
    world.post(REGISTER, PERSON)
    refused = world.post(REGISTER, PERSON | {"name": "Other"}, Idempotency_Key="k")
    assert refused.json["status"] == 0
    assert world.post(REGISTER, PERSON, Idempotency_Key="k").json["status"] == 1


def test_what_a_key_keeps_names_nobody(world: World) -> None:
    world.post(REGISTER, PERSON, Idempotency_Key="k")
    ((use, _at),) = world.changes.keys.values()
    assert use.ids == (1,)
    assert "O'Brien" not in repr(use)


# --- GET user/{userId} ---------------------------------------------------------------------


def test_a_registered_user_is_found_under_its_reference(world: World) -> None:
    user_id = world.post(REGISTER, PERSON).json["data"]["userId"]
    answer = world.get(f"{USERS}/{user_id}")
    assert answer.json == {"userId": user_id, "userLoginInfoId": user_id, "referenceId": "ORG-USER-123"}
    assert world.get(f"/api/user/{user_id}").json == answer.json


def test_a_foreign_user_is_as_good_as_missing(world: World) -> None:
    user_id = world.post(REGISTER, PERSON).json["data"]["userId"]
    foreign = world.client.get(f"{USERS}/{user_id}", headers=world.bearer(organization_id=OTHERS))
    missing = world.get(f"{USERS}/{CIPHER.encrypt(IdKind.USER, 99)}")
    assert (foreign.status_code, foreign.json["reason"]) == (404, Reason.USER_NOT_FOUND)
    assert {**foreign.json, "requestId": ""} == {**missing.json, "requestId": ""}


@pytest.mark.parametrize("text", ["A" * 43, CIPHER.encrypt(IdKind.BOOKING, 1)])
def test_an_id_that_is_not_a_users_is_named(world: World, text: str) -> None:
    answer = world.get(f"{USERS}/{text}")
    assert (answer.status_code, fields_named(answer)) == (400, {"userId"})


def test_what_does_not_even_look_like_an_id_is_no_route(world: World) -> None:
    assert world.get(f"{USERS}/x").status_code == 404
