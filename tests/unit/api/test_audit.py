"""What a request leaves for the audit log."""

from typing import Any

import pytest

from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from repositories.acting import acting
from repositories.entities.audit import Deed
from repositories.enums import DeedOutcome, Reason, Role
from repositories.ports.errors import StoreUnavailable
from saga.slot_choice import SlotInPast
from tests.unit.api.world import (
    ACCESS_KEY,
    BOOK,
    BOOKING,
    CIPHER,
    KEY_OF,
    NOW,
    OURS,
    TOKEN,
    World,
    guest_body,
    signed,
    view_of,
)

BULK = "/api/v1/sessionbooking/bulkbooksession"
RECORDINGS = f"/api/v1/sessionbooking/getrecording/{CIPHER.encrypt(IdKind.BOOKING, BOOKING)}"


@pytest.fixture
def world() -> World:
    return World(view=view_of())


def only_deed(world: World) -> Deed:
    (deed,) = world.audit_outbox.deeds
    return deed


def read_recordings(world: World, path: str = RECORDINGS) -> Any:
    return world.client.get(
        path,
        headers={**world.bearer(scopes={Scope.RECORDINGS_READ}), "X-Request-Id": "0af7651916cd43dd8448eb211c80319c"},
    )


def test_a_sensitive_read_says_who_read_what_when_and_by_which_request(world: World) -> None:
    assert read_recordings(world).status_code == 200
    deed = only_deed(world)
    assert deed == Deed(
        id=deed.id,
        action="recording.read",
        outcome=DeedOutcome.ANSWERED,
        http_status=200,
        organization_id=OURS,
        access_key_id=KEY_OF[OURS],
        token_id="t1",
        resource_kind="booking",
        resource_id=str(BOOKING),
        request_id="0af7651916cd43dd8448eb211c80319c",
        occurred_at=NOW,
    )


def test_a_sensitive_read_is_not_answered_unless_its_deed_is_written(world: World) -> None:
    world.audit_outbox.error = StoreUnavailable()
    answer = read_recordings(world)
    assert (answer.status_code, answer.json["reason"]) == (503, Reason.SERVICE_UNAVAILABLE)
    assert "recordingsList" not in answer.json
    assert answer.headers["X-Request-Id"] == answer.json["requestId"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({**guest_body(), "genderType": 7}, 400, Reason.INVALID_PARAMETER),
        ({**guest_body(), "name": "<script>"}, 400, Reason.UNSAFE_TEXT),
        ("{", 400, Reason.MALFORMED_BODY),
        ("x" * 70_000, 413, None),
    ],
)
def test_a_refused_change_says_why(world: World, body: Any, status: int, reason: Reason | None) -> None:
    assert world.book(body).status_code == status
    told = [(deed.action, deed.outcome, deed.http_status, deed.reason) for deed in world.audit_outbox.deeds]
    expected = [("booking.accept", DeedOutcome.REFUSED, status, reason)]
    assert told == (expected if reason else [])  # nobody is known before the body is


def test_a_refusal_of_the_business_is_told_like_one_of_the_form(world: World) -> None:
    world.refusal = SlotInPast("slotDate")
    world.book()
    assert (only_deed(world).outcome, only_deed(world).reason) == (DeedOutcome.REFUSED, Reason.SLOT_IN_PAST)


def test_a_scope_that_is_missing_is_told(world: World) -> None:
    world.client.post(BOOK, headers=world.bearer(role=Role.READ_ONLY))
    assert (only_deed(world).http_status, only_deed(world).reason) == (403, Reason.FORBIDDEN)


def test_a_refusal_is_answered_also_if_its_deed_is_lost(world: World) -> None:
    world.audit_outbox.error = StoreUnavailable()
    assert world.book("{").status_code == 400


def test_what_failed_on_our_side_is_told(world: World) -> None:
    world.refusal = ZeroDivisionError()
    assert world.book().status_code == 500
    assert only_deed(world).reason == Reason.INTERNAL_ERROR


def test_a_repeat_that_changed_nothing_is_told_as_answered(world: World) -> None:
    world.book()  # the fakes have no transaction that would leave its own
    assert (only_deed(world).outcome, only_deed(world).http_status) == (DeedOutcome.ANSWERED, 202)


def test_each_refused_part_of_a_request_for_several_is_told(world: World) -> None:
    bodies = [signed(guest_body()), {**signed(guest_body()), "name": "changed"}, signed({**guest_body(), "dob": "x"})]
    assert world.book_raw({"bookings": bodies}, path=BULK).status_code == 207
    told = [(deed.outcome, deed.reason) for deed in world.audit_outbox.deeds]
    assert told == [
        (DeedOutcome.REFUSED, Reason.INVALID_SECURE_HASH),
        (DeedOutcome.REFUSED, Reason.INVALID_PARAMETER),
    ]


def test_who_is_not_known_leaves_nothing(world: World) -> None:
    world.client.post(BOOK)
    world.client.post(BOOK, headers={"Authorization": "Bearer nonsense"})
    world.client.post(TOKEN, json={"grant_type": "password", "access_key": "wrong"})
    world.client.options(BOOK, headers=world.bearer())
    assert world.audit_outbox.deeds == []


def test_who_calls_too_often_leaves_nothing(world: World) -> None:
    world = World(per_minute={**world.per_minute, "booking": 1})
    assert [world.book("{").status_code for _ in range(5)] == [400] + [429] * 4
    assert len(world.audit_outbox.deeds) == 1


def test_what_needs_no_audit_leaves_nothing(world: World) -> None:
    world.status()
    world.client.get("/healthz")
    assert world.audit_outbox.deeds == []


def test_an_alias_leaves_what_its_route_leaves(world: World) -> None:
    read_recordings(world, RECORDINGS.replace("/v1", ""))
    assert only_deed(world).action == "recording.read"


def test_a_token_is_told_with_the_access_key_that_asked(world: World) -> None:
    world.client.post(TOKEN, json={"grant_type": "password", "access_key": ACCESS_KEY})
    deed = only_deed(world)
    assert (deed.action, deed.organization_id, deed.access_key_id) == ("token.issue", OURS, KEY_OF[OURS])


def test_nobody_acts_after_a_request(world: World) -> None:
    world.book()
    assert acting() is None
