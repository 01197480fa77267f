"""What holds for every route, also for those that are written later."""

from typing import Any, NamedTuple

import pytest

from api.contract import Contract
from api.security.scopes import Scope
from repositories.enums import Reason, Role
from tests.unit.api.world import World

WORLD = World()
READING = {"GET", "HEAD", "OPTIONS"}


class Door(NamedTuple):
    method: str
    path: str
    scope: Scope | None


def promise_of(view: Any) -> Contract:
    promise: Contract = view.contract
    return promise


def doors(*, is_public: bool) -> list[Door]:
    """Every method of every route, enumerated from the app itself."""
    found = []
    for rule in WORLD.app.url_map.iter_rules():
        view = WORLD.app.view_functions[rule.endpoint]
        if (promise_of(view).scope is None) is is_public:
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<{argument}>", "x")
            found += [Door(method, path, promise_of(view).scope) for method in sorted(rule.methods or ())]
    return found


CLOSED = doors(is_public=False)
PUBLIC = {
    *("/healthz", "/readyz", "/api/v1/auth/token", "/api/auth/token"),
    *("/openapi.json", "/docs", "/docs/x"),
}


def knock(door: Door, headers: dict[str, str]) -> Any:
    return WORLD.client.open(door.path, method=door.method, headers=headers)


def test_what_is_open_is_open_on_purpose() -> None:
    assert {door.path for door in doors(is_public=True)} == PUBLIC
    assert len(CLOSED) >= 4


def test_every_route_has_a_contract_and_says_what_it_is_for() -> None:
    for rule in WORLD.app.url_map.iter_rules():
        view = WORLD.app.view_functions[rule.endpoint]
        assert isinstance(getattr(view, "contract", None), Contract), rule.rule
        assert (view.__doc__ or "").strip(), rule.rule


def test_a_route_without_a_contract_is_closed_to_everybody() -> None:
    world = World()
    world.app.add_url_rule("/forgotten", view_func=lambda: "open")
    assert world.client.get("/forgotten", headers=world.bearer()).status_code == 403


@pytest.mark.parametrize("door", CLOSED, ids=lambda door: f"{door.method} {door.path}")
def test_every_route_asks_who_is_calling(door: Door) -> None:
    for headers in [{}, {"Authorization": "Bearer nonsense"}]:
        answer = knock(door, headers)
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_the_routes_that_name_it_and_no_others(scope: Scope) -> None:
    for door in CLOSED:
        answer = knock(door, WORLD.bearer(scopes={scope}))
        is_refused = "insufficient_scope" in answer.headers.get("WWW-Authenticate", "")
        assert is_refused == (door.scope is not scope), door
        assert answer.status_code != 401


CHANGING = [door for door in CLOSED if door.method not in READING and not str(door.scope).endswith(":read")]


@pytest.mark.parametrize("door", CHANGING, ids=lambda door: f"{door.method} {door.path}")
def test_a_reader_changes_nothing(door: Door) -> None:
    answer = knock(door, WORLD.bearer(role=Role.READ_ONLY))
    assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)


@pytest.mark.parametrize("door", [*CLOSED, *doors(is_public=True)], ids=lambda door: f"{door.method} {door.path}")
def test_every_route_refuses_a_body_that_is_too_large(door: Door) -> None:
    headers = {**WORLD.bearer(), "Content-Type": "application/json"}
    answer = WORLD.client.open(door.path, method=door.method, headers=headers, data=b" " * 10_000_000)
    assert answer.status_code == 413
