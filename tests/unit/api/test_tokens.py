"""Tokens had, narrowed, refreshed and revoked, as a partner sees it."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest

from api.security.key_ring import KeyRing
from api.security.opaque import ACCESS_KEY as ACCESS_KEY_MARK
from api.security.opaque import REFRESH_TOKEN, digest_of, new_access_key, successor_of
from api.security.scopes import BY_GRANT_ONLY, SCOPES_OF, Scope, in_words
from repositories.enums import Reason, Role
from tests.unit.api.world import (
    ACCESS_KEY,
    GRACE,
    KEY,
    NOW,
    THEIR_KEY,
    TOKEN,
    World,
    fields_named,
    new_key,
    view_of,
)

REFRESH, REVOKE = "/api/v1/auth/refresh", "/api/v1/auth/revoke"
CLIENT = {"grant_type": "client_credentials"}
EVERYTHING = {scope.value for scope in SCOPES_OF[Role.FULL_ACCESS]}


@pytest.fixture
def world() -> World:
    return World(view=view_of())


def basic(key: str, user: str = "anyone") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


def had(world: World, access_key: str = ACCESS_KEY, **more: str) -> Mapping[str, Any]:
    """The answer to a password grant."""
    answer = world.client.post(TOKEN, data={"grant_type": "password", "access_key": access_key, **more})
    assert answer.status_code == 200, answer.json
    body: Mapping[str, Any] = answer.json
    return body


def refreshed(world: World, refresh_token: str, **more: str) -> Any:
    return world.client.post(TOKEN, data={"grant_type": "refresh_token", "refresh_token": refresh_token, **more})


def works(world: World, access_token: str) -> bool:
    answer = world.status(Authorization=f"Bearer {access_token}")
    assert answer.status_code in {200, 401}
    return bool(answer.status_code == 200)


def scopes_in(access_token: str) -> set[str]:
    claims: dict[str, str] = jwt.decode(access_token, options={"verify_signature": False})
    return set(claims["scope"].split())


# --- client credentials --------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {**CLIENT, "access_key": ACCESS_KEY}},
        {"data": {**CLIENT, "client_secret": ACCESS_KEY}},
        {"json": {**CLIENT, "client_secret": ACCESS_KEY}},
        {"data": CLIENT, "headers": basic(ACCESS_KEY)},
        {"data": CLIENT, "headers": basic("access%2Dkey", user="")},
        {"data": {"grant_type": "password"}, "headers": basic(ACCESS_KEY)},
    ],
    ids=["access_key", "client_secret", "JSON", "Basic", "Basic, encoded", "password by Basic"],
)
def test_an_access_key_may_be_sent_as_oauth_clients_send_it(world: World, sent: dict[str, Any]) -> None:
    answer = world.client.post(TOKEN, **sent)
    assert answer.status_code == 200
    assert works(world, answer.json["access_token"])


@pytest.mark.parametrize(
    "sent",
    [{"data": {**CLIENT, "client_secret": "wrong"}}, {"data": CLIENT, "headers": basic("wrong")}],
    ids=["client_secret", "Basic"],
)
def test_a_client_without_a_good_key_is_told_how_to_come_back(world: World, sent: dict[str, Any]) -> None:
    answer = world.client.post(TOKEN, **sent)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_client_that_sends_two_keys_is_asked_for_one(world: World) -> None:
    answer = world.client.post(TOKEN, data={**CLIENT, "access_key": ACCESS_KEY}, headers=basic(ACCESS_KEY))
    assert (answer.status_code, answer.json["error"], fields_named(answer)) == (400, "invalid_request", {"access_key"})


def test_a_parameter_that_stands_twice_is_refused(world: World) -> None:
    answer = world.client.post(TOKEN, data={**CLIENT, "access_key": [ACCESS_KEY, "other"]})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.MALFORMED_BODY)


@pytest.mark.parametrize(
    ("grant", "needed"),
    [("password", "access_key"), ("client_credentials", "access_key"), ("refresh_token", "refresh_token")],
)
def test_a_grant_without_its_secret_says_which_one_is_missing(world: World, grant: str, needed: str) -> None:
    answer = world.client.post(TOKEN, data={"grant_type": grant})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert fields_named(answer) == {needed}


# --- scopes --------------------------------------------------------------------------------


def test_without_a_wish_a_token_may_all_that_its_key_may(world: World) -> None:
    body = had(world)
    assert set(body["scope"].split()) == EVERYTHING == scopes_in(body["access_token"])
    assert not EVERYTHING & {scope.value for scope in BY_GRANT_ONLY}


def test_a_token_may_be_had_for_less(world: World) -> None:
    body = had(world, scope="bookings:read users:read")
    assert body["scope"] == "users:read bookings:read"
    assert scopes_in(body["access_token"]) == {"bookings:read", "users:read"}


@pytest.mark.parametrize("role", Role)
def test_a_scope_granted_by_name_comes_on_top_of_the_role(world: World, role: Role) -> None:
    granted = frozenset({Scope.RECORDINGS_READ.value, "horses:ride"})
    world.access.add_key(new_key("richer", role=role, extra_scopes=granted), now=NOW)
    expected = SCOPES_OF[role] | {Scope.RECORDINGS_READ}
    assert had(world, "richer")["scope"] == in_words(expected)
    assert had(world, "richer", scope="recordings:read")["scope"] == "recordings:read"


def test_a_narrowed_family_stays_narrow(world: World) -> None:
    first = had(world, scope="bookings:read users:read")
    second = refreshed(world, first["refresh_token"]).json
    assert second["scope"] == first["scope"]
    third = refreshed(world, second["refresh_token"], scope="users:read").json
    assert third["scope"] == "users:read"
    fourth = refreshed(world, third["refresh_token"]).json
    assert fourth["scope"] == first["scope"]  # RFC 6749 6: as much as the family was granted


def test_a_refresh_for_more_than_was_granted_is_refused_and_uses_nothing_up(world: World) -> None:
    first = had(world, scope="bookings:read")
    for wish in ("users:read", "bookings:read users:read", "horses:ride"):
        answer = refreshed(world, first["refresh_token"], scope=wish)
        assert (answer.status_code, answer.json["error"], fields_named(answer)) == (400, "invalid_scope", {"scope"})
    world.now += 2 * GRACE
    assert refreshed(world, first["refresh_token"]).status_code == 200


# --- refreshing ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "data"])
def test_the_two_ways_to_refresh_are_one(world: World, kind: str) -> None:
    first = had(world)
    token = {"refresh_token": first["refresh_token"]}
    one = world.client.post(REFRESH, **{kind: token}).json
    other = world.client.post(TOKEN, **{kind: {"grant_type": "refresh_token", **token}}).json
    assert one["refresh_token"] == other["refresh_token"] != first["refresh_token"]
    assert one.keys() == other.keys() == first.keys()
    for body in (first, one, other):
        assert works(world, body["access_token"])


def test_a_refresh_token_outlives_its_access_token(world: World) -> None:
    first = had(world)
    world.now += timedelta(days=29)
    assert not works(world, first["access_token"])
    second = refreshed(world, first["refresh_token"]).json
    assert works(world, second["access_token"])
    world.now += timedelta(days=29)
    assert refreshed(world, second["refresh_token"]).status_code == 200


def test_a_refresh_token_expires_at_the_second(world: World) -> None:
    first = had(world)
    world.now += timedelta(days=30) - timedelta(seconds=1)
    second = refreshed(world, first["refresh_token"])
    assert second.status_code == 200
    world.now += timedelta(days=30)
    answer = refreshed(world, second.json["refresh_token"])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_a_lost_answer_can_be_had_again(world: World) -> None:
    first = had(world)
    successors = set()
    for _ in range(3):
        answer = refreshed(world, first["refresh_token"])
        assert works(world, answer.json["access_token"])
        successors.add(answer.json["refresh_token"])
        world.now += GRACE / 2
    assert len(successors) == 1


def test_a_lost_answer_can_be_had_again_from_a_process_with_the_next_signing_key(world: World) -> None:
    first = had(world)
    lost = refreshed(world, first["refresh_token"]).json
    neighbour = World(access=world.access)
    neighbour.tokens = replace(world.tokens, keys=KeyRing("n" * 32, (KEY,)))
    again = refreshed(neighbour, first["refresh_token"]).json
    assert again["refresh_token"] == lost["refresh_token"]
    assert refreshed(neighbour, again["refresh_token"]).status_code == 200


def test_reuse_after_the_grace_ends_the_family(world: World) -> None:
    first, bystander = had(world), had(world)
    second = refreshed(world, first["refresh_token"]).json
    world.now += GRACE + timedelta(seconds=1)
    answer = refreshed(world, first["refresh_token"])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert answer.json["reason"] == Reason.REFRESH_TOKEN_REUSED
    for body in (first, second):
        assert not works(world, body["access_token"])
        assert refreshed(world, body["refresh_token"]).json["error"] == "invalid_grant"
    assert works(world, bystander["access_token"])


def test_the_oldest_of_a_long_line_gives_its_family_away(world: World) -> None:
    first = last = had(world)
    for _ in range(5):
        world.now += timedelta(hours=20)
        last = refreshed(world, last["refresh_token"]).json
    refreshed(world, first["refresh_token"])
    assert not works(world, last["access_token"])


@pytest.mark.parametrize("token", ["x", "tahoon_rt_unknown", ACCESS_KEY, "é" * 50])
def test_an_unknown_refresh_token_is_refused(world: World, token: str) -> None:
    answer = refreshed(world, token)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_a_successor_cannot_be_told_without_our_key() -> None:
    token = "tahoon_rt_x"
    assert successor_of(token, key=KEY) == successor_of(token, key=KEY)
    assert successor_of(token, key=KEY) != successor_of(token, key="o" * 32)
    assert successor_of(token, key=KEY).startswith(REFRESH_TOKEN)
    assert new_access_key().startswith(ACCESS_KEY_MARK)
    assert len({new_access_key() for _ in range(100)}) == 100


def test_no_token_is_kept_as_it_is(world: World) -> None:
    body = had(world)
    again = refreshed(world, body["refresh_token"]).json
    kept = repr(world.access)
    for told in (ACCESS_KEY, body["refresh_token"], again["refresh_token"]):
        assert told not in kept
        assert digest_of(told) in kept


# --- revoking ------------------------------------------------------------------------------


def revoke(world: World, token: str, **sent: Any) -> Any:
    return world.client.post(REVOKE, data={"token": token, **sent.pop("data", {})}, **sent)


OURS_BY = {
    "access_key": {"data": {"access_key": ACCESS_KEY}},
    "client_secret": {"data": {"client_secret": ACCESS_KEY}},
    "Basic": {"headers": basic(ACCESS_KEY)},
}


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("way", OURS_BY)
def test_revoking_either_token_ends_both(world: World, kind: str, way: str) -> None:
    body, bystander = had(world), had(world)
    answer = revoke(world, body[kind], **OURS_BY[way])
    assert (answer.status_code, answer.json) == (200, {"status": 1, "data": {}})
    assert not works(world, body["access_token"])
    assert refreshed(world, body["refresh_token"]).json["error"] == "invalid_grant"
    assert works(world, bystander["access_token"])
    assert revoke(world, body[kind], **OURS_BY[way]).status_code == 200


def test_a_revoked_token_says_so(world: World) -> None:
    body = had(world)
    revoke(world, body["access_token"], **OURS_BY["Basic"])
    answer = world.status(Authorization=f"Bearer {body['access_token']}")
    assert (answer.status_code, answer.json["reason"]) == (401, Reason.TOKEN_REVOKED)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_may_ask_for_its_own_end(world: World) -> None:
    body = had(world, scope="users:read")
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert revoke(world, body["refresh_token"], headers=bearer).status_code == 200
    answer = revoke(world, body["refresh_token"], headers=bearer)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_used_refresh_token_still_ends_its_family(world: World) -> None:
    first = had(world)
    second = refreshed(world, first["refresh_token"]).json
    revoke(world, first["refresh_token"], **OURS_BY["Basic"])
    assert not works(world, second["access_token"])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_nobody_ends_the_tokens_of_others(world: World, kind: str) -> None:
    body = had(world, THEIR_KEY)
    assert revoke(world, body[kind], **OURS_BY["Basic"]).status_code == 200
    assert refreshed(world, body["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "x.y.z", "tahoon_rt_unknown"])
def test_an_unknown_token_is_as_good_as_revoked(world: World, token: str) -> None:
    body = had(world)
    assert revoke(world, token, **OURS_BY["Basic"]).status_code == 200
    assert works(world, body["access_token"])


@pytest.mark.parametrize(
    ("sent", "challenge"),
    [
        ({}, "Basic"),
        ({"data": {"access_key": "wrong"}}, "Basic"),
        ({"headers": basic("wrong")}, "Basic"),
        ({"headers": {"Authorization": "Bearer nonsense"}}, "Bearer"),
    ],
    ids=str,
)
def test_whoever_revokes_says_who_they_are(world: World, sent: dict[str, Any], challenge: str) -> None:
    body = had(world)
    answer = revoke(world, body["access_token"], **sent)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith(challenge)
    assert works(world, body["access_token"])


def test_a_revocation_without_a_token_says_so(world: World) -> None:
    answer = world.client.post(REVOKE, headers=basic(ACCESS_KEY), data={"token_type_hint": "access_token"})
    assert (answer.status_code, fields_named(answer)) == (400, {"token"})


# --- what else ends them -------------------------------------------------------------------


def test_a_revoked_key_ends_its_tokens_and_no_others(world: World) -> None:
    other = world.access.add_key(new_key("second"), now=NOW)
    ours, bystander = had(world, "second"), had(world)
    world.access.revoke_key(other, organization_id=1, by="op", why="leaked", now=NOW)
    assert not works(world, ours["access_token"])
    assert refreshed(world, ours["refresh_token"]).json["error"] == "invalid_grant"
    answer = world.client.post(TOKEN, data={"grant_type": "password", "access_key": "second"})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert works(world, bystander["access_token"])


def test_a_key_that_expires_takes_its_tokens_along(world: World) -> None:
    world.access.add_key(new_key("brief", expires_at=NOW + timedelta(hours=1)), now=NOW)
    body = had(world, "brief")
    world.now += timedelta(hours=1) - timedelta(seconds=1)
    assert works(world, body["access_token"])
    world.now += timedelta(seconds=1)
    assert not works(world, body["access_token"])
    assert refreshed(world, body["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.parametrize("secret", [0, False, {}, []])
def test_a_client_secret_that_is_no_text_is_not_passed_over(world: World, secret: Any) -> None:
    answer = world.client.post(TOKEN, json={**CLIENT, "access_key": ACCESS_KEY, "client_secret": secret})
    assert answer.status_code == 400
