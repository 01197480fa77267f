"""A partner moves a confirmed booking over HTTP; everything agrees afterwards."""

from typing import Any

import pytest
import requests

from repositories.enums import BookingStatus, Reason
from tests.integration.system.conftest import CONFIRMED, System

WAIT = {"Prefer": "wait=20"}
SLOT_FIELDS = ("careProviderId", "applicationMultiSlotId", "slotDate", "slotStartTime", "slotEndTime")


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def two_slots_of_one_provider(system: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two bodies to book with, of the same care provider."""
    first = system.next_body()
    while (second := system.next_body())["careProviderId"] != first["careProviderId"]:
        pass
    return first, second


def wish(to: dict[str, Any], booked: requests.Response) -> dict[str, Any]:
    data = booked.json()["data"]
    return {"bookingId": data["bookingId"], "userId": data["userId"], **{name: to[name] for name in SLOT_FIELDS}}


def test_a_confirmed_booking_goes_to_another_time_and_its_old_one_is_free(system: System) -> None:
    home, there = two_slots_of_one_provider(system)
    booked = system.charity.book(home, headers=WAIT)
    moved = system.charity.reschedule(wish(there, booked), headers=WAIT)
    assert (moved.status_code, moved.json()["data"]["bookingStatus"]) == (200, CONFIRMED)
    assert moved.json()["data"]["meetingId"] == booked.json()["data"]["meetingId"]
    assert moved.json()["data"]["startsAt"].startswith(f"{there['slotDate']}T{there['slotStartTime']}")
    system.town.when_quiet()
    status = system.charity.status(booked.json()["data"]["bookingId"]).json()
    assert (status["bookingStatus"], status["reschedule"]["state"]) == (CONFIRMED, "done")
    steps = [line["step"] for line in status["timeline"]]
    assert steps.count("check_slot") == 2
    of_move = ["take_time", "settle_difference", "move_booking", "notify_reschedule"]
    assert [step for step in steps if step in of_move] == of_move
    pushes = requests.get(f"{system.stack.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
    told = [push["data"]["notificationType"] for push in pushes if push["data"]["bookingId"] == status["bookingId"]]
    assert sorted(told) == ["2", "2", "5", "5"]
    assert system.ordinary.book(home, headers=WAIT).status_code == 200
    assert system.ordinary.book(there, headers=WAIT).json()["reason"] == Reason.RECORD_ALREADY_EXIST
    cancelled = {name: wish(there, booked)[name] for name in ("bookingId", "userId", "careProviderId")}
    answer = system.charity.cancel(cancelled)
    assert answer.json()["data"]["bookingStatus"] == BookingStatus.CANCELLED


def test_a_time_that_is_taken_leaves_the_booking_where_it_is(system: System) -> None:
    home, there = two_slots_of_one_provider(system)
    assert system.ordinary.book(there, headers=WAIT).status_code == 200
    booked = system.charity.book(home, headers=WAIT)
    refused = system.charity.reschedule(wish(there, booked), headers=WAIT)
    assert (refused.status_code, refused.json()["reason"]) == (200, Reason.RECORD_ALREADY_EXIST)
    status = system.charity.status(booked.json()["data"]["bookingId"]).json()
    assert (status["bookingStatus"], status["reschedule"]["state"]) == (CONFIRMED, "failed")


def test_a_worker_killed_while_it_moves_a_booking_leaves_it_whole(system: System) -> None:
    home, there = two_slots_of_one_provider(system)
    booked = system.charity.book(home, headers=WAIT)
    system.town.when_quiet()
    assert system.charity.reschedule(wish(there, booked)).status_code == 202
    system.stack.kill("worker")
    system.stack.start_worker()
    system.town.when_quiet()
    moved = system.charity.status(booked.json()["data"]["bookingId"])
    assert moved.json()["reschedule"]["state"] == "done"
