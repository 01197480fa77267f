"""A partner cancels over HTTP; workers give everything back."""

from typing import Any

import pytest
import requests

from demo.stack import wait_until
from repositories.enums import BookingStatus, Reason
from tests.integration.system.conftest import CONFIRMED, System

CANCELLED = BookingStatus.CANCELLED
WAIT = {"Prefer": "wait=20"}


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def cancellation(body: dict[str, Any], answer: requests.Response) -> dict[str, Any]:
    data = answer.json()["data"]
    return {
        "bookingId": data["bookingId"],
        "userId": data["userId"],
        "careProviderId": body["careProviderId"],
        "cancellationReason": "لا أستطيع الحضور",
    }


def test_a_confirmed_session_is_cancelled_and_everything_is_given_back(system: System) -> None:
    before = system.town.balance()
    body = system.next_body()
    booked = system.charity.book(body, headers=WAIT)
    assert system.town.balance() < before
    system.town.when_quiet()
    wish = cancellation(body, booked)
    answer = system.charity.cancel(wish)
    assert (answer.status_code, answer.json()["data"]["bookingStatus"]) == (200, CANCELLED)
    system.town.when_quiet()
    assert system.town.balance() == before
    assert booked.json()["data"]["meetingId"] not in system.stack.open_rooms()
    status = system.charity.status(wish["bookingId"]).json()
    assert status["bookingStatus"] == CANCELLED
    assert status["cancellation"]["by"] == "partner"
    assert status["cancellation"]["reason"] == "لا أستطيع الحضور"
    steps = [line["step"] for line in status["timeline"]]
    assert steps[-3:] == ["refund_order", "close_meeting", "notify_cancellation"]
    pushes = requests.get(f"{system.stack.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
    told = [push["data"] for push in pushes if push["data"]["bookingId"] == wish["bookingId"]]
    assert sorted(data["notificationType"] for data in told) == ["2", "2", "7", "7"]
    assert system.charity.cancel(wish).json() == answer.json()
    assert system.ordinary.book(body, headers=WAIT).status_code == 200


def test_a_booking_that_waits_for_videosdk_is_withdrawn(system: System) -> None:
    system.stack.fault(route="videosdk.create_room", kind="status", status=401)
    body = system.next_body()
    answer = system.charity.book(body)
    calls = system.stack.calls_of("videosdk.create_room")
    wait_until(lambda: system.stack.calls_of("videosdk.create_room") > calls, seconds=20, what="the call")
    withdrawn = system.charity.cancel(cancellation(body, answer), headers=WAIT)
    assert (withdrawn.status_code, withdrawn.json()["data"]["bookingStatus"]) == (200, CANCELLED)
    status = system.charity.status(answer.json()["data"]["bookingId"]).json()
    assert (status["reason"], status["failedStep"]) == (Reason.BOOKING_WITHDRAWN, "create_meeting")


def test_a_cancellation_right_behind_a_booking_always_ends_cancelled(system: System) -> None:
    for _ in range(10):
        body = system.next_body()
        answer = system.charity.book(body)
        cancelled = system.charity.cancel(cancellation(body, answer), headers=WAIT)
        assert (cancelled.status_code, cancelled.json()["data"]["bookingStatus"]) == (200, CANCELLED)


def test_another_organization_or_user_cancels_nothing(system: System) -> None:
    body = system.next_body()
    wish = cancellation(body, system.charity.book(body, headers=WAIT))
    assert system.ordinary.cancel(wish).status_code == 404
    other = system.charity.book(system.next_body("SOMEONE-ELSE"), headers=WAIT).json()["data"]["userId"]
    assert system.charity.cancel({**wish, "userId": other}).status_code == 404
    assert system.charity.status(wish["bookingId"]).json()["bookingStatus"] == CONFIRMED
