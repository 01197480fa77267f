"""How often a caller may ask, and what it is told."""

import re
from typing import Any

import pytest

from api.contract import Limit
from api.rate_limits import network_of
from repositories.enums import Reason
from repositories.ports.errors import StoreUnavailable
from tests.unit.api.world import ACCESS_KEY, BOOK, OTHERS, OURS, STATUS, TOKEN, World, view_of

RATE_LIMIT = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


@pytest.fixture
def world() -> World:
    limits = {Limit.BOOKING: 3, Limit.POLLING: 5, Limit.TOKEN: 4, Limit.SEARCH: 2, Limit.OTHER: 2}
    return World(view=view_of(), per_minute={kind.value: number for kind, number in limits.items()})


def left(answer: Any) -> int:
    found = RATE_LIMIT.fullmatch(answer.headers["RateLimit"])
    assert found
    return int(found[2])


def ask_for_token(world: World, access_key: str = ACCESS_KEY, address: str = "192.0.2.1") -> Any:
    wish = {"grant_type": "password", "access_key": access_key}
    return world.client.post(TOKEN, json=wish, environ_base={"REMOTE_ADDR": address})


def test_beyond_the_limit_the_answer_is_429_and_says_when_to_come_back(world: World) -> None:
    assert [world.book().status_code for _ in range(3)] == [202] * 3
    refused = world.book()
    assert (refused.status_code, refused.json["reason"]) == (429, Reason.TOO_MANY_REQUESTS)
    assert len(world.asked) == 3
    wait = int(refused.headers["Retry-After"])
    assert refused.headers["RateLimit"] == f'"booking";r=0;t={wait}'
    world.seconds += wait
    assert world.book().status_code == 202


def test_every_answer_that_was_counted_says_what_is_left(world: World) -> None:
    answers = [world.book(), world.book("{"), world.book(Accept_Language="ar")]
    assert [answer.status_code for answer in answers] == [202, 400, 202]
    assert [left(answer) for answer in answers] == [2, 1, 0]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"booking";q=3;w=60'}


def test_each_kind_of_call_has_a_limit_of_its_own(world: World) -> None:
    for _ in range(4):
        world.book()
    assert left(world.status()) == 4


def test_each_organization_has_limits_of_its_own(world: World) -> None:
    for _ in range(6):
        world.status()
    assert world.status().status_code == 429
    assert world.status(organization_id=OTHERS).status_code != 429


def test_an_alias_counts_like_the_route_it_stands_for(world: World) -> None:
    assert [left(world.book(path=path)) for path in (BOOK, BOOK.replace("/v1", ""), BOOK)] == [2, 1, 0]
    refused = world.book(path=BOOK.replace("/v1", ""))
    assert refused.status_code == 429
    assert "Deprecation" in refused.headers


def test_health_is_not_limited(world: World) -> None:
    answers = [world.client.get("/healthz") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_who_has_no_good_token_uses_up_nobodys_quota(world: World) -> None:
    for _ in range(20):
        assert world.client.get(f"{STATUS}/x").status_code == 401
    assert left(world.status()) == 4


# --- tokens: before anybody is known -------------------------------------------------------


def test_one_address_may_ask_for_so_many_tokens(world: World) -> None:
    for number in range(4):
        assert ask_for_token(world, f"guess-{number}").status_code == 400
    refused = ask_for_token(world)
    assert (refused.status_code, refused.json["error"]) == (429, "temporarily_unavailable")
    assert ask_for_token(world, address="192.0.2.2").status_code == 200


def test_one_access_key_may_ask_for_so_many_tokens(world: World) -> None:
    for number in range(4):
        assert ask_for_token(world, address=f"192.0.2.{number}").status_code == 200
    assert ask_for_token(world, address="192.0.2.9").status_code == 429
    assert ask_for_token(world, "other", address="192.0.2.9").status_code == 400


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "", True),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(one: str | None, other: str | None, is_one: bool) -> None:
    assert (network_of(one) == network_of(other)) is is_one


def test_what_is_kept_names_no_access_key_and_no_address(world: World) -> None:
    ask_for_token(world)
    kept = str(world.limiter.quotas._kept)  # type: ignore[attr-defined]
    assert "stranger" in kept
    assert [word for word in (ACCESS_KEY, "192.0.2.1") if word in kept] == []


# --- limits of an organization's own -------------------------------------------------------


def test_an_organization_may_have_limits_of_its_own(world: World) -> None:
    world.rate_limits.set_limit(OURS, "booking", per_minute=100)
    assert left(world.book()) == 99
    assert world.book().headers["RateLimit-Policy"] == '"booking";q=100;w=60'
    assert left(world.status()) == 4


def test_limits_are_read_again_after_some_seconds_and_not_before(world: World) -> None:
    world.book()
    world.rate_limits.set_limit(OURS, "booking", per_minute=100)
    assert left(world.book()) == 1
    world.seconds += 10
    assert left(world.book()) == 97
    assert world.rate_limits.reads == 2


def test_a_database_that_is_away_stops_nobody_from_calling(world: World) -> None:
    world.rate_limits.set_limit(OURS, "booking", per_minute=100)
    assert left(world.book()) == 99
    world.rate_limits.error = StoreUnavailable()
    world.seconds += 10
    assert left(world.book()) == 98
    assert World(rate_limits=world.rate_limits).book().status_code == 202


# --- behind a proxy ------------------------------------------------------------------------


def test_an_address_in_x_forwarded_for_is_believed_only_of_a_trusted_proxy(world: World) -> None:
    def asked(world: World, address: str) -> int:
        wish = {"grant_type": "password", "access_key": address}
        answer = world.client.post(
            TOKEN, json=wish, headers={"X-Forwarded-For": f"{address}, 198.51.100.{address[-1]}"}
        )
        return left(answer)

    assert [asked(world, f"192.0.2.{number}") for number in range(3)] == [3, 2, 1]
    behind = World(per_minute=world.per_minute, trusted_proxies=1)
    assert [asked(behind, address) for address in ("192.0.2.1", "192.0.2.2", "203.0.113.2")] == [3, 3, 2]
