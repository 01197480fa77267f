"""Whatever is sent, the answer is precise, and never a fault of ours."""

import json
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.security.id_cipher import IdKind
from repositories.enums import Reason
from tests.unit.api.world import BOOK, BOOKING, CIPHER, STATUS, TOKEN, World, guest_body, signed, view_of

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = [*guest_body(), "userId", "timeZone", "gmtTimeDiffrenceHours", "secureHash"]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@QUICK
@given(body=JSON_VALUES)
def test_no_json_is_a_fault_of_ours(world: World, body: Any) -> None:
    assert 400 <= world.book(json.dumps(body)).status_code < 500


@QUICK
@given(
    name=st.sampled_from([*guest_body(), "userId", "timeZone", "gmtTimeDiffrenceHours", "secureHash"]),
    value=JSON_VALUES,
)
def test_no_value_of_a_field_is_a_fault_of_ours(world: World, name: str, value: Any) -> None:
    answer = world.book_raw({**signed(guest_body()), name: value})
    assert answer.status_code < 500
    assert answer.status_code == 202 or answer.json["status"] == 0


@QUICK
@given(body=st.binary(max_size=200))
def test_no_bytes_are_a_fault_of_ours(world: World, body: bytes) -> None:
    assert 400 <= world.book(body).status_code < 500


@QUICK
@given(body=JSON_VALUES)
def test_no_token_request_is_a_fault_of_ours(world: World, body: Any) -> None:
    answer = world.client.post(TOKEN, data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "null", '"x"', "1", "NaN", '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1,"a":2}',
        '{"a":{"b":1,"b":1}}', "[" * 60_000, '{"a":' * 9_000, b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"a":"\xff"}', "{}x",
        '{"a":' + "9" * 5_000 + "}", "{'a':1}",
    ],
    ids=lambda body: repr(body)[:20],
)  # fmt: skip
def test_a_body_that_is_not_one_plain_object_is_malformed(world: World, body: str | bytes) -> None:
    answer = world.book(body)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.MALFORMED_BODY)


@pytest.mark.parametrize("value", ["1e999", "9223372036854775808", "-9223372036854775809"])
def test_a_number_beyond_64_bits_is_refused(world: World, value: str) -> None:
    body = json.dumps(signed(guest_body())).replace('"genderType": 0', f'"genderType": {value}')
    answer = world.book(body)
    assert (answer.status_code, answer.json["status"]) == (400, 0)


@pytest.mark.parametrize("text", ["Sara\x00", "Sa\nra", "Sara\x1b[2J", "Sara\x85"])
def test_a_name_is_one_line_of_text(world: World, text: str) -> None:
    answer = world.book(signed({**guest_body(), "name": text}))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert [error["field"] for error in answer.json["errors"]] == ["name"]


@pytest.mark.parametrize(("letter", "fits"), [("é", 100), ("س", 100), ("😀", 50)])
def test_a_text_is_as_long_as_every_database_can_keep(world: World, letter: str, fits: int) -> None:
    for length, status in ((fits, 202), (fits + 1, 400)):
        answer = world.book_raw(signed({**guest_body(), "referenceId": letter * length}))
        assert answer.status_code == status


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_media_type_is_a_415(world: World, media_type: str) -> None:
    answer = world.book(Content_Type=media_type)
    assert (answer.status_code, answer.json["reason"]) == (415, Reason.UNSUPPORTED_MEDIA_TYPE)


def test_a_body_over_64_kib_is_a_413(world: World) -> None:
    answer = world.book("x" * (64 * 1024 + 1))
    assert (answer.status_code, answer.json["reason"]) == (413, Reason.BODY_TOO_LARGE)


@pytest.mark.parametrize("values", [{"name": [1] * 5_000}, {f"x{number}": 1 for number in range(5_001)}])
def test_a_body_of_too_many_values_is_refused(world: World, values: dict[str, Any]) -> None:
    answer = world.book_raw({**guest_body(), **values})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.BODY_TOO_COMPLEX)


def test_unknown_paths_and_methods_answer_in_the_houses_shape(world: World) -> None:
    client = world.client
    missing = client.get("/nowhere", headers={"X-Request-Id": "0af7651916cd43dd8448eb211c80319c"})
    assert (missing.status_code, missing.json["reason"], missing.json["requestId"]) == (
        404,
        Reason.NOT_FOUND,
        "0af7651916cd43dd8448eb211c80319c",
    )
    refused = client.delete(BOOK)
    assert (refused.status_code, refused.json["reason"]) == (405, Reason.METHOD_NOT_ALLOWED)
    assert "POST" in refused.headers["Allow"]


# --- what surrounds every answer -----------------------------------------------------------


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "a/b", "ü", "Zaynab", "1961-07-23", "a" * 15])
def test_a_request_id_that_we_do_not_like_is_replaced(world: World, given: str) -> None:
    ids = {world.client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] for _ in "ab"}
    assert len(ids) == 2
    assert given not in ids


def test_every_answer_is_careful_with_browsers_and_says_its_id() -> None:
    world = World()

    def broken(_look: int) -> None:
        raise ZeroDivisionError

    world.at_look = broken
    answers = [
        world.book(),
        world.book("{"),
        world.book("x" * (64 * 1024 + 1)),
        world.status(X_Request_Id="0af7651916cd43dd8448eb211c80319c"),
        world.client.get(STATUS + "/x", headers={"X-Request-Id": "0af7651916cd43dd8448eb211c80319c"}),
        world.client.get("/nowhere", headers={"X-Request-Id": "0af7651916cd43dd8448eb211c80319c"}),
        world.client.delete(BOOK),
        world.client.options(BOOK),
        world.client.head("/healthz"),
    ]
    assert [answer.status_code for answer in answers] == [202, 400, 413, 500, 401, 404, 405, 401, 200]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        assert answer.headers["X-Request-Id"]
    for refused in answers[1:-1]:
        assert refused.json["requestId"] == refused.headers["X-Request-Id"]
    assert [answer.headers["X-Request-Id"] for answer in answers[3:6]] == ["0af7651916cd43dd8448eb211c80319c"] * 3


def test_a_request_leaves_a_line_that_names_the_route_and_not_what_was_asked_for() -> None:
    world = World(view=view_of())
    with capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        world.status(X_Request_Id="0af7651916cd43dd8448eb211c80319c")
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["request_id"], line["status"]) == ("0af7651916cd43dd8448eb211c80319c", 200)
    assert line["route"].endswith("/getbookingstatus/<booking_id>")
    assert CIPHER.encrypt(IdKind.BOOKING, BOOKING) not in str(lines)


# --- health --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("up", "http_status", "word"),
    [
        ({"psyterDatabase": True, "redis": True}, 200, "ready"),
        ({"psyterDatabase": True, "redis": False}, 200, "degraded"),
        ({"psyterDatabase": False, "redis": True}, 503, "unready"),
        ({"psyterDatabase": False, "redis": False}, 503, "unready"),
    ],
)
def test_readiness_needs_the_databases_and_not_redis(up: dict[str, bool], http_status: int, word: str) -> None:
    client = World(up=up).client
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (http_status, word)
    assert answer.json["dependencies"] == {name: "up" if is_up else "down" for name, is_up in up.items()}
    assert client.get("/healthz").status_code == 200
