"""A partner books over HTTP; workers carry the booking; the partner polls. Nothing in between is faked."""

import time
from typing import Any

import pytest
import requests

from demo.stack import wait_until
from repositories.enums import Reason
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import CONFIRMED, FAILED, System

WAIT = {"Prefer": "wait=20"}


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def test_a_session_is_booked_and_the_partner_sees_it_confirmed(system: System) -> None:
    booking_id = system.booked(system.charity, system.next_body())
    status = system.town.ended(system.charity, booking_id)
    assert status["bookingStatus"] == CONFIRMED
    assert status["meetingId"] in system.stack.open_rooms()
    assert [line["step"] for line in status["timeline"]][:5] == [
        "check_slot",
        "schedule_booking",
        "save_order",
        "create_meeting",
        "confirm_booking",
    ]


def test_prefer_wait_answers_as_the_inventory_does(system: System) -> None:
    answer = system.ordinary.book(system.next_body(), headers=WAIT)
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=20"
    data = answer.json()["data"]
    assert answer.json()["status"] == 1
    assert set(data) == {"meetingId", "bookingId", "userId", "bookingStatus"}


def test_both_devices_of_the_provider_are_told(system: System) -> None:
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    system.town.when_quiet()
    pushes = requests.get(f"{system.stack.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
    told = [push for push in pushes if push["data"]["meetingId"] == status["meetingId"]]
    android, ios = sorted(told, key=lambda push: str(push["topic"]))
    assert android["topic"].startswith("android_doctor_")
    assert android["topic"].endswith("~")
    assert android["android"]["priority"] == "high"
    assert "notification" not in android
    assert ios["notification"]["title"] == "New booking"
    assert ios["data"]["bookingId"] == status["bookingId"]


def test_the_same_guest_twice_is_one_user(system: System) -> None:
    answers = [system.charity.book(system.next_body("TWICE")).json()["data"] for _ in range(2)]
    assert answers[0]["userId"] == answers[1]["userId"]
    again = {**system.next_body(), "userId": answers[0]["userId"]}
    for name in ("referenceId", "name", "dob", "genderType"):
        del again[name]
    assert system.charity.book(again).json()["data"]["userId"] == answers[0]["userId"]


def test_an_idempotency_key_books_once(system: System) -> None:
    body = system.next_body()
    first = system.charity.book(body, headers={"Idempotency-Key": "k-1"})
    again = system.charity.book(body, headers={"Idempotency-Key": "k-1"})
    assert again.status_code == 202
    assert again.json()["data"] == first.json()["data"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = system.charity.book(system.next_body(), headers={"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["reason"]) == (422, Reason.IDEMPOTENCY_KEY_REUSED)


def test_another_organization_sees_no_such_booking(system: System) -> None:
    booking_id = system.booked(system.charity, system.next_body())
    foreign = system.ordinary.status(booking_id)
    assert (foreign.status_code, foreign.json()["reason"]) == (404, Reason.NOT_FOUND)


def test_an_unchanged_status_is_not_sent_again(system: System) -> None:
    booking_id = system.booked(system.charity, system.next_body())
    system.town.ended(system.charity, booking_id)
    system.town.when_quiet()
    etag = system.charity.status(booking_id).headers["ETag"]
    again = system.charity.status(booking_id, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


# --- every refusal of the inventory's error table ------------------------------------------


def test_a_slot_already_booked_is_refused(system: System) -> None:
    body = system.next_body()
    system.town.ended(system.charity, system.booked(system.charity, body))
    answer = system.ordinary.book(body, headers=WAIT)
    assert (answer.status_code, answer.json()["reason"]) == (200, Reason.RECORD_ALREADY_EXIST)
    status = system.ordinary.status(answer.json()["data"]["bookingId"]).json()
    assert (status["bookingStatus"], status["reason"], status["failedStep"]) == (FAILED, 4, "check_slot")


def test_a_slot_that_the_provider_closed_is_refused(system: System) -> None:
    slot = next(system.slots)
    system.town.close_slot(slot.id)
    answer = system.charity.book(system.town.body(slot, "GUEST-1"), headers=WAIT)
    assert (answer.status_code, answer.json()["reason"]) == (404, Reason.NOT_ALLOWED)
    assert answer.json()["failedStep"] == "check_slot"


def test_a_charity_out_of_balance_is_refused(system: System) -> None:
    kept = system.balance
    spent = kept - system.town.balance()
    system.town.set_balance(0)
    answer = system.charity.book(system.next_body(), headers=WAIT)
    system.town.set_balance(kept - spent)
    assert (answer.status_code, answer.json()["reason"]) == (200, Reason.CHARITY_ORGANIZATION_BALANCE_OUT)
    assert answer.json()["failedStep"] == "save_order"


def test_an_unknown_user_is_refused(system: System) -> None:
    foreign = system.ordinary.book(system.next_body()).json()["data"]["userId"]
    before = system.town.count(scheduling.bookings)
    answer = system.charity.book({**system.next_body(), "userId": foreign, "referenceId": None})
    assert (answer.status_code, answer.json()["reason"]) == (400, Reason.USER_NOT_FOUND)
    assert system.town.count(scheduling.bookings) == before


def test_missing_parameters_are_refused_by_name(system: System) -> None:
    body = system.next_body()
    del body["careProviderId"]
    answer = system.charity.book(body)
    assert (answer.status_code, answer.json()["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert [error["field"] for error in answer.json()["errors"]] == ["careProviderId"]


# --- outside services ----------------------------------------------------------------------


def test_videosdk_down_then_up_confirms(system: System) -> None:
    system.stack.fault(route="videosdk.*", kind="status", status=503, times=3)
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    assert status["bookingStatus"] == CONFIRMED
    tried = [line["outcome"] for line in status["timeline"] if line["step"] == "create_meeting"]
    assert tried == ["unknown", "unknown", "unknown", "done"]


def test_videosdk_down_for_good_undoes_everything(system: System) -> None:
    system.stack.fault(route="videosdk.create_room", kind="status", status=503)
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    assert (status["bookingStatus"], status["reason"]) == (FAILED, Reason.SERVICE_UNAVAILABLE)
    assert status["failedStep"] == "create_meeting"
    undone = [line["step"] for line in status["timeline"] if (line["kind"], line["outcome"]) == ("undo", "done")]
    assert undone == ["save_order", "schedule_booking", "create_meeting"]  # VideoSDK is not asked meanwhile


def test_a_slot_whose_booking_failed_can_be_booked_again(system: System) -> None:
    body = system.next_body()
    system.stack.fault(route="videosdk.create_room", kind="status", status=400, times=1)
    refused = system.charity.book(body, headers=WAIT)
    assert (refused.status_code, refused.json()["reason"]) == (502, Reason.MEETING_REFUSED)
    assert system.charity.book(body, headers=WAIT).status_code == 200


@pytest.mark.parametrize("kind", ["drop_after_effect", "malformed", "hang"])
def test_a_room_opened_behind_a_lost_answer_is_used_and_not_doubled(system: System, kind: str) -> None:
    system.stack.fault(route="videosdk.create_room", kind=kind, times=1, delayMs=1500, afterEffect=True)
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    assert status["bookingStatus"] == CONFIRMED


def test_videosdk_refusing_our_key_pauses_and_then_confirms(system: System) -> None:
    system.stack.fault(route="videosdk.*", kind="status", status=401, times=2)
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    assert status["bookingStatus"] == CONFIRMED
    assert [line["outcome"] for line in status["timeline"]][3:5] == ["misconfigured", "done"]  # the probe told no news


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "status", "status": 404}, {"kind": "hang"}]
)
def test_fcm_down_never_fails_a_booking(system: System, fault: dict[str, Any]) -> None:
    system.stack.fault(route="fcm.send", **fault)
    status = system.town.ended(system.charity, system.booked(system.charity, system.next_body()))
    assert status["bookingStatus"] == CONFIRMED
    system.town.when_quiet(seconds=90)


# --- Redis ---------------------------------------------------------------------------------


def test_bookings_are_accepted_while_redis_hangs_and_carried_when_it_is_back(system: System) -> None:
    system.stack.pause("redis")
    started = time.monotonic()
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(3)]
    assert time.monotonic() - started < 10
    system.stack.resume("redis")
    for booking_id in accepted:
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED


def test_bookings_are_accepted_while_redis_is_gone_and_carried_when_it_is_back(system: System) -> None:
    system.stack.kill("redis")
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(3)]
    assert requests.get(f"{system.stack.api_url}/readyz", timeout=10).json()["status"] == "degraded"
    system.stack.start_redis()
    for booking_id in accepted:
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED


def test_a_flushed_broker_loses_no_booking(system: System) -> None:
    system.stack.stop("worker")
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(5)]
    system.stack.flush_redis()
    system.stack.start_worker()
    for booking_id in accepted:
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED


# --- a worker killed in the middle ---------------------------------------------------------


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_worker_killed_while_it_opens_the_room_leaves_a_booking_that_still_ends(
    system: System, after_effect: bool
) -> None:
    system.stack.fault(route="videosdk.create_room", kind="hang", times=1, delayMs=900, afterEffect=after_effect)
    before = system.stack.calls_of("videosdk.create_room")
    booking_id = system.booked(system.charity, system.next_body())
    wait_until(lambda: system.stack.calls_of("videosdk.create_room") > before, seconds=20, what="the call")
    system.stack.kill("worker")
    system.stack.start_worker()
    assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED


def test_a_worker_told_to_stop_leaves_every_booking_to_the_next(system: System) -> None:
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(10)]
    system.stack.stop("worker")
    system.stack.start_worker()
    for booking_id in accepted:
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED
