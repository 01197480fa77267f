"""GET audit: an organization's own lines, and nobody else's."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from repositories.entities.audit import Deed
from repositories.enums import DeedOutcome, Reason, Role
from tests.unit.api.world import BOOKING, CIPHER, NOW, OTHERS, OURS, World, fields_named

PATH = "/api/v1/audit"


def a_deed(number: int, **changes: Any) -> Deed:
    deed = Deed(
        id=f"{number:032x}",
        action="booking.accept",
        outcome=DeedOutcome.ACCEPTED,
        http_status=202,
        organization_id=OURS,
        access_key_id=3,
        token_id="t1",
        resource_kind="booking",
        resource_id=str(BOOKING),
        request_id=f"r-{number}",
        occurred_at=NOW + timedelta(seconds=number),
    )
    return replace(deed, **changes)


@pytest.fixture
def world() -> World:
    world = World()
    world.audit_log.seal(
        [
            a_deed(0),
            a_deed(1, organization_id=OTHERS),
            a_deed(2, action="booking.cancel"),
            a_deed(3, organization_id=None, operator="root", action="operator.saga.undo"),
            a_deed(4, outcome=DeedOutcome.REFUSED, http_status=400, reason=Reason.UNSAFE_TEXT, resource_kind=None),
            a_deed(5, resource_kind="token_family", resource_id="9", action="token.issue"),
        ],
        now=NOW,
    )
    return world


def told(world: World, **query: Any) -> list[str]:
    answer = world.get(PATH, query)
    assert answer.status_code == 200, answer.json
    return [line["requestId"] for line in answer.json["auditList"]]


def test_an_organization_sees_its_own_lines_the_newest_first(world: World) -> None:
    assert told(world) == ["r-5", "r-4", "r-2", "r-0"]


def test_a_line_is_told_whole(world: World) -> None:
    line = world.get(PATH, {"limit": 1, "action": "booking.accept", "to": "2026-01-05T12:00:01Z"}).json["auditList"][0]
    assert line == {
        "at": "2026-01-05T12:00:00.000Z",
        "action": "booking.accept",
        "outcome": "accepted",
        "httpStatus": 202,
        "reason": None,
        "resourceKind": "booking",
        "resourceId": CIPHER.encrypt(IdKind.BOOKING, BOOKING),
        "accessKeyId": CIPHER.encrypt(IdKind.ACCESS_KEY, 3),
        "tokenId": "t1",
        "requestId": "r-0",
        "seal": world.audit_log.lines[0].seal,
    }


def test_what_has_no_public_id_is_named_by_its_kind(world: World) -> None:
    line = world.get(PATH, {"action": "token.issue"}).json["auditList"][0]
    assert (line["resourceKind"], line["resourceId"]) == ("token_family", None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"action": "booking.cancel"}, ["r-2"]),
        ({"action": "operator.undo"}, []),
        ({"action": "operator.access-key.add"}, []),
        ({"from": "2026-01-05T12:00:02Z"}, ["r-5", "r-4", "r-2"]),
        ({"to": "2026-01-05T12:00:02Z"}, ["r-0"]),
        ({"from": "2026-01-05T15:00:02+03:00", "to": "2026-01-05T12:00:04.5Z"}, ["r-4", "r-2"]),
        ({"from": "2026-01-05T12:00:02Z", "to": "2026-01-05T12:00:02Z"}, []),
    ],
)
def test_lines_are_found_by_period_and_action(world: World, query: dict[str, str], expected: list[str]) -> None:
    assert told(world, **query) == expected


def test_the_list_goes_on_where_it_ended(world: World) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.get(PATH, {"limit": 1, **cursor}).json
        found += [line["requestId"] for line in answer["auditList"]]
        if answer["nextCursor"] is None:
            break
        cursor = {"cursor": answer["nextCursor"]}
    assert found == told(world)


def test_a_cursor_is_good_for_its_own_list_only(world: World) -> None:
    cursor = world.get(PATH, {"limit": 1}).json["nextCursor"]
    for query in ({"action": "booking.cancel"}, {"from": "2026-01-01T00:00:00Z"}):
        answer = world.get(PATH, {"cursor": cursor, **query})
        assert (answer.status_code, fields_named(answer)) == (400, {"cursor"})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-05"}, "from"),
        ({"from": "2026-01-05T12:00:00"}, "from"),
        ({"from": "2026-13-05T12:00:00Z"}, "from"),
        ({"to": "0001-01-01T00:00:00+14:00"}, "to"),
        ({"to": "9999-12-31T23:59:59-14:00"}, "to"),
        ({"from": "2026-01-05T12:00:00Z", "to": "2026-01-05T11:00:00Z"}, "to"),
        ({"action": "everything"}, "action"),
        ({"action": "booking.accept\n"}, "action"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"user": "x"}, "user"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_what_is_wrong_is_named(world: World, query: dict[str, str], field: str) -> None:
    answer = world.get(PATH, query)
    assert (answer.status_code, fields_named(answer)) == (400, {field})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["from", "to", "action", "cursor", "limit"]), st.text(max_size=40)))
def test_no_query_is_a_fault_of_ours(world: World, query: dict[str, str]) -> None:
    assert world.get(PATH, query).status_code in {200, 400}


def test_it_needs_its_scope(world: World) -> None:
    allowed = world.bearer(role=Role.READ_ONLY)
    assert world.client.get(PATH, headers=allowed).status_code == 200
    without = world.bearer(scopes=set(Scope) - {Scope.AUDIT_READ})
    assert world.client.get(PATH, headers=without).status_code == 403
