"""POST bulkbooksession: a result for each, or all or none."""

import json
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, Reason
from repositories.ports.errors import KeyReused, ReferenceContradicted, StoreUnavailable
from saga.accept_group import MemberRefused
from saga.slot_choice import SlotContradicted, SlotNotFound
from tests.unit.api.world import BOOKING, CIPHER, World, fields_named, guest_body, signed, without

PATH = "/api/v1/sessionbooking/bulkbooksession"


@pytest.fixture
def world() -> World:
    return World()


def sent(world: World, *bodies: dict[str, Any], all_or_nothing: bool | None = None, **headers: str) -> Any:
    body: dict[str, Any] = {"bookings": list(bodies)}
    if all_or_nothing is not None:
        body["allOrNothing"] = all_or_nothing
    return world.book(json.dumps(body), path=PATH, **headers)


def test_each_booking_has_a_result_of_its_own(world: World) -> None:
    answer = sent(world, signed(guest_body()), {**guest_body(), "secureHash": "0" * 64}, signed(without("name")))
    assert (answer.status_code, answer.json["status"]) == (207, 1)
    fine, unsigned, incomplete = answer.json["data"]["results"]
    assert (fine["index"], fine["httpStatus"], fine["status"]) == (0, 202, 1)
    assert fine["data"]["bookingId"] == CIPHER.encrypt(IdKind.BOOKING, BOOKING)
    assert fine["data"]["bookingStatus"] == BookingStatus.PENDING
    assert (unsigned["index"], unsigned["httpStatus"]) == (1, 400)
    assert unsigned["reason"] == Reason.INVALID_SECURE_HASH
    assert (incomplete["httpStatus"], incomplete["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert [error["field"] for error in incomplete["errors"]] == ["name"]
    assert len(world.asked) == 1


def test_a_key_is_a_key_for_each(world: World) -> None:
    sent(world, signed(guest_body()), signed(guest_body(referenceId="REF-2")), Idempotency_Key="k-1")
    first, second = (request.idempotency for request in world.asked)
    assert first is not None
    assert second is not None
    assert (first.key, second.key) == ("k-1#0", "k-1#1")
    assert first.body_digest == second.body_digest  # of the whole: another list under this key is refused


def test_a_refusal_of_one_is_told_in_its_place(world: World) -> None:
    world.refusal = KeyReused()
    (result,) = sent(world, signed(guest_body()), Idempotency_Key="k-1").json["data"]["results"]
    assert (result["httpStatus"], result["reason"]) == (422, Reason.IDEMPOTENCY_KEY_REUSED)


def test_a_silent_database_ends_the_whole_request(world: World) -> None:
    world.refusal = StoreUnavailable()
    assert sent(world, signed(guest_body())).status_code == 503


def test_all_are_accepted_together(world: World) -> None:
    answer = sent(
        world, signed(guest_body()), signed(guest_body(referenceId="R")), all_or_nothing=True, Idempotency_Key="k-1"
    )
    assert answer.status_code == 202
    ids = [CIPHER.encrypt(IdKind.BOOKING, number) for number in (BOOKING, BOOKING + 1)]
    assert [one["bookingId"] for one in answer.json["data"]["bookings"]] == ids
    assert world.group_key is not None
    assert world.group_key.key == "k-1"
    world.is_replay = True
    assert sent(world, signed(guest_body()), all_or_nothing=True).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (signed(without("name")), Reason.EMPTY_PARAMETER, "bookings.1.name"),
        ({**guest_body(), "secureHash": "0" * 64}, Reason.INVALID_SECURE_HASH, "bookings.1.secureHash"),
        (signed(guest_body(name="<script>")), Reason.UNSAFE_TEXT, "bookings.1.name"),
        (signed(guest_body(unheardOf=1)), Reason.INVALID_PARAMETER, "bookings.1.unheardOf"),
    ],
)
def test_one_wrong_booking_refuses_all(world: World, body: dict[str, Any], reason: Reason, field: str) -> None:
    answer = sent(world, signed(guest_body()), body, all_or_nothing=True)
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (400, reason, {field})
    assert world.asked == []


@pytest.mark.parametrize(
    ("why", "status", "field"),
    [
        (SlotNotFound("applicationMultiSlotId"), 404, "bookings.1.applicationMultiSlotId"),
        (SlotContradicted("slotDate"), 400, "bookings.1.slotDate"),
        (ReferenceContradicted(), 200, "bookings.1.referenceId"),
    ],
)
def test_what_the_business_refuses_is_named_by_its_place(world: World, why: Exception, status: int, field: str) -> None:
    world.refusal = MemberRefused(1, why)
    answer = sent(world, signed(guest_body()), signed(guest_body()), all_or_nothing=True)
    assert (answer.status_code, answer.json["status"], fields_named(answer)) == (status, 0, {field})


@pytest.mark.parametrize("bookings", [[], [signed(guest_body())] * 21, "x", [1], None])
def test_the_list_is_of_1_to_20_bookings(world: World, bookings: Any) -> None:
    answer = world.book(json.dumps({"bookings": bookings}), path=PATH)
    assert answer.status_code == 400
    assert all(error["field"].startswith("bookings") for error in answer.json["errors"])
    assert world.asked == []
