"""Webhook endpoints by API: managed by their owner, seen by nobody else, their secret shown once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.security.id_cipher import IdKind
from repositories.entities.webhooks import Wish
from repositories.enums import Reason
from repositories.scheduling_db.tables import webhook_endpoints
from repositories.scheduling_db.webhook_queue import SqlWebhookQueue
from tests.unit.api.world import CIPHER, OTHERS, SEALER, World, fields_named, signed

ALL = "/api/v1/webhooks/endpoints"
URL = "https://partner.example/hook"


@pytest.fixture
def world() -> World:
    return World()


def add(world: World, **changes: Any) -> Any:
    headers = changes.pop("headers", {})
    return world.post(ALL, {"url": URL, **changes}, **headers)


def added(world: World, **changes: Any) -> str:
    answer = add(world, **changes)
    assert answer.status_code == 200, answer.json
    return str(answer.json["data"]["endpointId"])


def act(world: World, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.client.post(path, headers=world.bearer() | named)


def test_an_endpoint_is_added_and_shows_its_secret_once(world: World) -> None:
    answer = add(world, description="الاستقبال", eventTypes=["booking.confirmed", "booking.failed"])
    data = answer.json["data"]
    assert data["secret"].startswith("whsec_")
    assert (data["url"], data["description"], data["state"]) == (URL, "الاستقبال", "active")
    assert data["eventTypes"] == ["booking.confirmed", "booking.failed"]
    shown = world.get(f"{ALL}/{data['endpointId']}").json["data"]
    assert "secret" not in shown
    assert shown == {name: value for name, value in data.items() if name != "secret"}
    assert world.get(ALL).json == {"endpointsList": [shown]}


def test_the_secret_is_sealed_in_the_database(world: World) -> None:
    secret = add(world).json["data"]["secret"]
    with world.webhooks.database.reading() as connection:
        sealed = connection.execute(select(webhook_endpoints.c.sealed_secret)).scalar_one()
    assert secret not in sealed
    assert SEALER.unseal(sealed) == secret


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://partner.example/", "Must begin with https://."),
        ("https://user@partner.example/", "Must not hold a user name or password."),
        ("https://partner.example:22/", "The port must be one of: 443."),
        ("https://localhost./#x", "Must not have a fragment."),
    ],
)
def test_what_is_wrong_with_an_address_is_said_of_the_field(world: World, url: str, message: str) -> None:
    for path in (ALL, f"{ALL}/{added(world)}"):
        answer = world.post(path, {"url": url})
        assert (answer.status_code, answer.json["errors"]) == (400, [{"field": "url", "message": message}])
    assert [one["url"] for one in world.get(ALL).json["endpointsList"]] == [URL]


def test_an_unknown_event_type_is_named(world: World) -> None:
    answer = add(world, eventTypes=["booking.confirmed", "booking.born"])
    assert answer.status_code == 400
    assert fields_named(answer) == {"eventTypes.1"}


def test_an_unsigned_endpoint_is_refused(world: World) -> None:
    answer = world.client.post(ALL, json={"url": URL, "secureHash": "0" * 64}, headers=world.bearer())
    assert answer.json["reason"] == Reason.INVALID_SECURE_HASH


def test_a_key_adds_one_endpoint_and_shows_the_same_secret(world: World) -> None:
    first, again = (add(world, headers={"Idempotency_Key": "k1"}) for _ in range(2))
    assert first.json["data"] == again.json["data"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert add(world, description="other", headers={"Idempotency_Key": "k1"}).status_code == 422
    assert len(world.get(ALL).json["endpointsList"]) == 1


def test_there_is_a_bound(world: World) -> None:
    for _ in range(20):
        added(world)
    answer = add(world)
    assert (answer.status_code, answer.json["reason"]) == (409, Reason.WEBHOOK_ENDPOINTS_FULL)


def test_an_endpoint_is_changed(world: World) -> None:
    endpoint = added(world, eventTypes=["booking.failed"])
    path = f"{ALL}/{endpoint}"
    assert world.post(path, {"description": "d"}).json["data"]["eventTypes"] == ["booking.failed"]
    changed = world.post(path, {"url": URL + "2", "eventTypes": []}).json["data"]
    assert (changed["url"], changed["description"], changed["eventTypes"]) == (URL + "2", "d", [])


def test_a_rotation_shows_the_new_secret_once_and_how_long_the_old_one_signs(world: World) -> None:
    endpoint = added(world)
    data = act(world, f"{ALL}/{endpoint}/rotatesecret").json["data"]
    assert data["secret"].startswith("whsec_")
    assert data["earlierSecretUntil"] == "2026-01-06T12:00:00.000Z"
    world.now += timedelta(days=1)
    assert world.get(f"{ALL}/{endpoint}").json["data"]["earlierSecretUntil"] is None


def test_an_endpoint_is_paused_enabled_and_deleted(world: World) -> None:
    endpoint = added(world)
    path = f"{ALL}/{endpoint}"
    assert act(world, f"{path}/pause").json["data"]["state"] == "paused"
    refused = act(world, f"{path}/test")
    assert (refused.status_code, refused.json["reason"]) == (409, Reason.WEBHOOK_ENDPOINT_NOT_ACTIVE)
    assert act(world, f"{path}/enable").json["data"]["state"] == "active"
    gone = world.client.delete(path, headers=world.bearer())
    assert gone.json == {"status": 1, "data": {"endpointId": endpoint}}
    assert world.get(path).status_code == 404
    assert world.get(ALL).json == {"endpointsList": []}


def test_a_test_is_in_the_log_and_can_be_sent_again(world: World) -> None:
    endpoint = added(world)
    test = act(world, f"{ALL}/{endpoint}/test", Idempotency_Key="t1").json["data"]
    assert (test["type"], test["state"], test["bookingId"], test["attemptsList"]) == (
        "webhook.test", "pending", None, [],
    )  # fmt: skip
    assert act(world, f"{ALL}/{endpoint}/test", Idempotency_Key="t1").json["data"] == test
    log = world.get(f"{ALL}/{endpoint}/deliveries").json
    assert [one["deliveryId"] for one in log["deliveriesList"]] == [test["deliveryId"]]
    path = f"/api/v1/webhooks/deliveries/{test['deliveryId']}"
    assert world.get(path).json["data"] == test
    queue = SqlWebhookQueue(world.webhooks.database)
    number = CIPHER.decrypt(IdKind.WEBHOOK_ENDPOINT, endpoint)
    wish = Wish(slots=1, token="t", now=world.now, lease=timedelta(minutes=1))
    assert queue.claim(number, wish) is not None
    assert world.get(path).json["data"]["attempts"] == 1
    assert act(world, f"{path}/resend").json["data"]["attempts"] == 0


def test_the_log_goes_on_with_a_cursor_that_is_good_for_its_filters_only(world: World) -> None:
    endpoint = added(world)
    for _ in range(3):
        act(world, f"{ALL}/{endpoint}/test")
    path = f"{ALL}/{endpoint}/deliveries"
    first = world.get(path, {"limit": 2}).json
    rest = world.get(path, {"limit": 2, "cursor": first["nextCursor"]}).json
    assert len({one["deliveryId"] for one in first["deliveriesList"] + rest["deliveriesList"]}) == 3
    assert rest["nextCursor"] is None
    assert world.get(path, {"state": "delivered", "cursor": first["nextCursor"]}).status_code == 400
    assert world.get(path, {"state": "delivered"}).json["deliveriesList"] == []
    assert fields_named(world.get(path, {"state": "lost"})) == {"state"}


def test_a_replay_says_how_many_events_it_found(world: World) -> None:
    path = f"{ALL}/{added(world)}/replay"
    answer = world.client.post(
        path, json={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, headers=world.bearer()
    )
    assert answer.json["data"]["events"] == 0
    wrong = world.client.post(
        path, json={"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, headers=world.bearer()
    )
    assert fields_named(wrong) == {"to"}


def test_a_foreign_endpoint_is_a_missing_one(world: World) -> None:
    endpoint = added(world)
    delivery = act(world, f"{ALL}/{endpoint}/test").json["data"]["deliveryId"]
    theirs = world.bearer(organization_id=OTHERS)
    assert world.client.get(ALL, headers=theirs).json == {"endpointsList": []}
    one, two = f"{ALL}/{endpoint}", f"/api/v1/webhooks/deliveries/{delivery}"
    for method, path in (
        ("GET", one), ("DELETE", one), ("GET", f"{one}/deliveries"), ("POST", f"{one}/pause"), ("GET", two),
        ("POST", f"{one}/enable"), ("POST", f"{one}/rotatesecret"), ("POST", f"{one}/test"), ("POST", f"{two}/resend"),
    ):  # fmt: skip
        assert world.client.open(path, method=method, headers=theirs).status_code == 404, path
    changed = world.client.post(one, json=signed({"url": URL + "x"}), headers=theirs)
    assert changed.status_code == 404
    assert world.get(one).json["data"]["url"] == URL
    assert world.get(one).json["data"]["state"] == "active"
