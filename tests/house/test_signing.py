"""Every route that is signed refuses what is not, whatever its view does."""

from typing import Any

import pytest
from flask import jsonify

from api.contract import Contract
from api.schemas.fields import SecureHash
from api.security.scopes import Scope
from repositories.enums import Reason
from tests.unit.api.world import World, signed

WORLD = World()


def promises() -> list[tuple[str, Contract]]:
    """Every path and its contract."""
    views: dict[str, Any] = dict(WORLD.app.view_functions)
    return [(rule.rule, views[rule.endpoint].contract) for rule in WORLD.app.url_map.iter_rules()]


def signed_paths() -> list[str]:
    return sorted(path for path, promise in promises() if promise.is_signed)


@pytest.fixture(scope="module")
def reached() -> World:
    """The same routes, with views that let everything in."""
    world = World()
    views: dict[str, Any] = dict(world.app.view_functions)
    for endpoint, view in views.items():

        def stand_in(**_: Any) -> Any:
            return jsonify(status=1)

        stand_in.contract = view.contract  # type: ignore[attr-defined]
        world.app.view_functions[endpoint] = stand_in
    return world


def answer_to(world: World, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = world.client.post(path, json=body, headers=world.bearer(scopes=Scope))
    return answer.status_code, answer.json.get("reason")


def test_the_routes_of_the_inventory_are_signed() -> None:
    assert {f"/api/v1/sessionbooking/{name}" for name in ("booksession", "cancelbooking")} <= set(signed_paths())


@pytest.mark.parametrize("path", signed_paths())
def test_a_signed_route_takes_what_is_signed_and_nothing_else(reached: World, path: str) -> None:
    body = signed({"a": "text", "b": 1, "c": None})
    assert answer_to(reached, path, body)[0] == 200
    for wrong in (
        {**body, "a": "other"},
        {**body, "d": 1},
        {name: value for name, value in body.items() if name != "b"},
        {**body, "secureHash": body["secureHash"][::-1]},
        {**body, "secureHash": body["secureHash"].upper()},
        {**body, "secureHash": ""},
        {**body, "secureHash": None},
        {**body, "secureHash": 1},
        {**body, "secureHash": ["x"]},
        {**body, "e": ["x"]},
        {"a": "text"},
        {},
        signed({"a": "text"}, "another key"),
    ):
        assert answer_to(reached, path, wrong)[0] == 400, wrong


@pytest.mark.parametrize("path", signed_paths())
def test_its_schema_has_the_secure_hash(path: str) -> None:
    (schema,) = (promise.body for known, promise in promises() if known == path and promise.is_signed)
    assert schema is not None
    assert isinstance(schema._declared_fields["secure_hash"], SecureHash)
    answer = WORLD.client.post(path, json={}, headers=WORLD.bearer(scopes=Scope))
    assert answer.json["reason"] == Reason.EMPTY_PARAMETER
    assert "secureHash" in {error["field"] for error in answer.json["errors"]}


def test_no_other_schema_has_one() -> None:
    for _, promise in promises():
        if promise.body is not None and not promise.is_signed:
            assert not any(isinstance(field, SecureHash) for field in promise.body._declared_fields.values())
