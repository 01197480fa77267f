"""Several bookings in one request, over HTTP and real workers."""

import json
from typing import Any

import pytest
import requests

from repositories.enums import BookingStatus, Reason
from tests.integration.system.conftest import CONFIRMED, System

PATH = "/api/v1/sessionbooking/bulkbooksession"


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def sent(system: System, bodies: list[dict[str, Any]], *, all_or_nothing: bool) -> requests.Response:
    body = {"allOrNothing": all_or_nothing, "bookings": [system.charity.signed(one) for one in bodies]}
    return system.charity.session.post(
        system.stack.api_url + PATH,
        data=json.dumps(body),
        headers={"Content-Type": "application/json", "Idempotency-Key": f"bulk-{bodies[0]['applicationMultiSlotId']}"},
        timeout=30,
    )


def ended(system: System, answer: requests.Response) -> list[dict[str, Any]]:
    ids = [one["bookingId"] for one in answer.json()["data"]["bookings"]]
    system.town.when_quiet()
    return [system.charity.status(id).json() for id in ids]


def test_each_by_itself_some_are_booked_and_some_are_not(system: System) -> None:
    taken = system.next_body()
    assert system.ordinary.book(taken, headers={"Prefer": "wait=20"}).status_code == 200
    bodies = [system.next_body(), taken, {**system.next_body(), "slotDate": "2020-01-01"}]
    answer = sent(system, bodies, all_or_nothing=False)
    assert answer.status_code == 207
    first, second, third = answer.json()["data"]["results"]
    assert (third["httpStatus"], third["reason"]) == (400, Reason.SLOT_CONTRADICTED)
    assert system.town.ended(system.charity, first["data"]["bookingId"])["bookingStatus"] == CONFIRMED
    assert system.town.ended(system.charity, second["data"]["bookingId"])["reason"] == Reason.RECORD_ALREADY_EXIST
    again = sent(system, bodies, all_or_nothing=False).json()["data"]["results"]
    assert [one["data"]["bookingId"] for one in again[:2]] == [first["data"]["bookingId"], second["data"]["bookingId"]]
    assert again[0]["isReplay"] is True


def test_all_of_a_group_are_confirmed(system: System) -> None:
    answer = sent(system, [system.next_body() for _ in range(3)], all_or_nothing=True)
    assert answer.status_code == 202
    assert [status["bookingStatus"] for status in ended(system, answer)] == [CONFIRMED] * 3


def test_if_one_of_a_group_is_refused_none_is_left(system: System) -> None:
    balance = system.town.balance()
    system.stack.fault(route="videosdk.create_room", kind="status", status=400, times=1)
    answer = sent(system, [system.next_body() for _ in range(3)], all_or_nothing=True)
    statuses = ended(system, answer)
    kinds = sorted(status["bookingStatus"] for status in statuses)
    assert kinds == [BookingStatus.CANCELLED, BookingStatus.CANCELLED, BookingStatus.FAILED]
    told = {status["cancellation"]["by"] for status in statuses if status["cancellation"]}
    assert told == {"group"}
    assert system.town.balance() == balance


def test_a_group_with_one_wrong_booking_is_not_accepted(system: System) -> None:
    bodies = [system.next_body(), {**system.next_body(), "slotDate": "2020-01-01"}]
    answer = sent(system, bodies, all_or_nothing=True)
    assert (answer.status_code, answer.json()["reason"]) == (400, Reason.SLOT_CONTRADICTED)
    assert answer.json()["errors"][0]["field"] == "bookings.1.slotDate"
