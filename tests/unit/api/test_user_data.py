"""GET user/export and POST user/erase: the wire; what is erased is in tests/integration/system/test_user_data.py."""

from datetime import date

import pytest

from api.schemas.user_data import ExportSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from repositories.entities.users import Guest, User
from repositories.enums import GenderType, Reason
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named, signed

EXPORT, ERASE = "/api/v1/user/export", "/api/v1/user/erase"


@pytest.fixture
def world() -> World:
    return World()


def a_user(world: World, organization_id: int = OURS) -> User:
    guest = Guest(reference_id="R-1", name="Sara", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
    user: User = world.people.register(guest, organization_id=organization_id, now=NOW)
    return user


def public(user: User) -> str:
    return CIPHER.encrypt(IdKind.USER, user.id)


def erase(world: World, user: User, **headers: str) -> tuple[int, dict[str, object]]:
    body = signed({"userId": public(user)})
    answer = world.client.post(ERASE, json=body, headers=world.bearer(scopes=Scope) | headers)
    return answer.status_code, answer.json


def test_a_user_is_told_as_the_contract_says(world: World) -> None:
    user = a_user(world)
    answer = world.client.get(EXPORT, query_string={"userId": public(user)}, headers=world.bearer(scopes=Scope))
    assert answer.status_code == 200
    told = answer.json
    assert (told["user"]["userId"], told["user"]["name"]) == (public(user), "Sara")
    assert (told["user"]["dob"], told["user"]["genderType"]) == ("1990-05-15", 0)
    assert set(told) == {field.data_key or name for name, field in ExportSchema().fields.items()}
    assert not {"id", "organizationId", "organization_id"} & told["user"].keys()


def test_a_user_is_erased_and_a_repeat_says_the_same(world: World) -> None:
    user = a_user(world)
    first, again = (erase(world, user, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first == again == (200, {"status": 1, "data": {"userId": public(user), "isErased": True}})
    assert world.people.users[user.id].name == ""


def test_a_user_with_a_booking_to_come_is_not_erased(world: World) -> None:
    user = a_user(world)
    world.booking_traces.still_on.add(user.id)
    answer = world.client.post(ERASE, json=signed({"userId": public(user)}), headers=world.bearer(scopes=Scope))
    assert (answer.status_code, answer.json["reason"]) == (409, Reason.USER_HAS_BOOKINGS)
    assert fields_named(answer) == {"userId"}
    assert world.people.users[user.id].name == "Sara"


def test_anothers_user_is_as_good_as_missing(world: World) -> None:
    theirs = a_user(world, OTHERS)
    status, told = erase(world, theirs)
    assert (status, told["reason"]) == (404, Reason.USER_NOT_FOUND)
    assert world.people.users[theirs.id].name == "Sara"


def test_no_role_brings_these_scopes(world: World) -> None:
    user = a_user(world)
    assert world.client.get(EXPORT, query_string={"userId": public(user)}, headers=world.bearer()).status_code == 403
