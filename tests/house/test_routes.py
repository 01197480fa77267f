"""What holds for every route, also for those that are written later."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from api.contract import Contract
from api.security.key_ring import KeyRing
from api.security.scopes import Scope
from repositories.enums import Reason, Role
from tests.unit.api.world import KEY_OF, OURS, World

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
    """Every method of every route, enumerated from the app itself; those of the console are in test_console.py."""
    found = []
    for rule in WORLD.app.url_map.iter_rules():
        view = WORLD.app.view_functions[rule.endpoint]
        if promise_of(view).operators is None and (promise_of(view).scope is None) is is_public:
            path = re.sub(r"<[^<>]+>", "x" * 43, rule.rule)
            found += [Door(method, path, promise_of(view).scope) for method in sorted(rule.methods or ())]
    return found


CLOSED = doors(is_public=False)
TOKENS = {f"{api}/auth/{what}" for api in ("/api", "/api/v1") for what in ("token", "refresh", "revoke")}
REPORTS = "/webhooks/videosdk"
PUBLIC = {REPORTS, "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/" + "x" * 43, *TOKENS}
PUBLIC |= {"/ops/login", "/ops/static/" + "x" * 43}


def knock(door: Door, headers: dict[str, str], world: World = WORLD) -> Any:
    return world.client.open(door.path, method=door.method, headers=headers)


def test_what_is_open_is_open_on_purpose() -> None:
    assert {door.path for door in doors(is_public=True)} == PUBLIC
    assert len(CLOSED) >= 4


def test_what_is_open_and_changes_something_says_what_shows_who_calls() -> None:
    for rule in WORLD.app.url_map.iter_rules():
        promise = promise_of(WORLD.app.view_functions[rule.endpoint])
        is_open = promise.scope is None and promise.operators is None
        if is_open and (rule.methods or set()) - READING and rule.rule not in {*TOKENS, "/ops/login"}:
            assert promise.proof, rule.rule


def test_every_route_has_a_contract_and_says_what_it_is_for() -> None:
    for rule in WORLD.app.url_map.iter_rules():
        view = WORLD.app.view_functions[rule.endpoint]
        assert isinstance(getattr(view, "contract", None), Contract), rule.rule
        assert (view.__doc__ or "").strip(), rule.rule


def test_a_route_without_a_contract_is_closed_to_everybody() -> None:
    world = World()
    world.app.add_url_rule("/forgotten", view_func=lambda: "open")
    assert world.client.get("/forgotten", headers=world.bearer()).status_code == 403


def refuse_nothing(world: World) -> None:
    """What every other case is held against: this token is good."""


def let_it_expire(world: World) -> None:
    world.now += world.tokens.lifetime


def revoke_it(world: World) -> None:
    for family_id in world.access.families:
        world.access.end_family(family_id, organization_id=OURS, now=world.now)


def revoke_its_key(world: World) -> None:
    world.access.revoke_key(KEY_OF[OURS], organization_id=OURS, by="op", why="leaked", now=world.now)


def let_its_key_expire(world: World) -> None:
    key = world.access.keys[KEY_OF[OURS]]
    world.access.keys[key.id] = replace(key, expires_at=world.now)


def close_its_organization(world: World) -> None:
    world.access.closed.add(OURS)


SPOILED = (let_it_expire, revoke_it, revoke_its_key, let_its_key_expire, close_its_organization)


@pytest.mark.parametrize("spoil", [refuse_nothing, *SPOILED], ids=lambda spoil: spoil.__name__)
def test_every_route_asks_who_is_calling(spoil: Callable[[World], None]) -> None:
    world = World()
    headers = world.bearer(scopes=Scope)
    spoil(world)
    for door in CLOSED:
        answer = knock(door, headers, world)
        assert (answer.status_code == 401) is (spoil is not refuse_nothing), door
        if spoil is not refuse_nothing:
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_no_route_takes_anything_else_for_a_token(headers: dict[str, str]) -> None:
    for door in CLOSED:
        answer = knock(door, headers)
        assert answer.status_code == 401, door
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_no_route_takes_a_token_that_others_signed() -> None:
    forger = World()
    forger.tokens = replace(forger.tokens, keys=KeyRing("f" * 32))
    for door in CLOSED:
        assert knock(door, forger.bearer(scopes=Scope)).status_code == 401, door


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_the_routes_that_name_it_and_no_others(scope: Scope) -> None:
    for door in (one for one in CLOSED if one.method != "OPTIONS"):  # which a path's views share
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


OF_THE_INVENTORY = {
    "POST /api/auth/token",
    "POST /api/user/register",
    "GET /api/user/getassessmentquestions",
    "POST /api/user/submituserassessmentquestions",
    "POST /api/careprovider/getcareproviderslistwithschedule",
    "POST /api/careprovider/getcareproviderschedule",
    "POST /api/careprovider/getcareprovidersprofiledata",
    "GET /api/careprovider/getcataloguedataforfilters",
    "POST /api/sessionbooking/booksession",
    "POST /api/sessionbooking/cancelbooking",
    "GET /api/sessionbooking/getrecording/<booking_id>",
    "GET /api/user/bookings",
    "POST /api/auth/refresh",
}


def test_every_path_of_the_inventory_is_there_with_its_alias() -> None:
    found = {f"{method} {rule.rule}" for rule in WORLD.app.url_map.iter_rules() for method in rule.methods or ()}
    versioned = {path.replace("/api/", "/api/v1/") for path in OF_THE_INVENTORY}
    assert (OF_THE_INVENTORY | versioned) - found == set()


def test_an_alias_has_the_view_of_its_route_and_so_its_contract() -> None:
    endpoints = {rule.rule: rule.endpoint for rule in WORLD.app.url_map.iter_rules()}
    aliases = [path for path in endpoints if path.startswith("/api/") and not path.startswith("/api/v1/")]
    assert len(aliases) > 10
    for path in aliases:
        assert endpoints[path] == endpoints[path.replace("/api/", "/api/v1/", 1)]
