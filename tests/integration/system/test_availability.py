"""An organization opens, blocks and removes hours and slots of whom it manages: over HTTP, with real workers."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from api.security.id_cipher import IdKind
from demo.data import CHARITY
from demo.partner import Partner
from demo.stack import ROOT
from repositories.enums import Reason
from repositories.scheduling_db.calendars import SqlCalendars
from tests.integration.system.conftest import CONFIRMED, System

ZONE = {"timeZone": "Asia/Kathmandu"}  # a quarter of an hour off the grid of others
GUEST = {"referenceId": "OPENED-1", "name": "Sara Ahmed سارة", "dob": "1990-05-15", "genderType": 0}
PROVIDER = 9
DAYS = iter(range(30, 60))  # ahead: the town has slots of the first days only


@pytest.fixture(scope="module")
def manager(system: System) -> Iterator[Partner]:
    """The charity, with the key that was granted availability:write; an operator lets it manage one care provider."""
    words = ("providers", "manage", str(CHARITY), str(PROVIDER), "--why", "ticket 1")
    command = [sys.executable, "-m", "flask", "--app", "api", *words]
    environment = {**system.stack.environment, "PATH": ""}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=300)
    known = system.data.charity
    partner = Partner(system.stack.api_url, known.granted_key or "", known.shared_api_key)
    partner.sign_in()
    yield partner
    partner.close()


@pytest.fixture(autouse=True)
def no_promise_is_broken(system: System) -> Iterator[None]:
    yield
    system.check_promises()
    assert SqlCalendars(system.town.scheduling).check(after=0, limit=1000).wrong == 0


@pytest.fixture
def day() -> str:
    """One that nothing is open on yet."""
    return f"{datetime.now(UTC).date() + timedelta(days=next(DAYS))}"


def public(system: System, provider: int = PROVIDER) -> str:
    return system.town.cipher.encrypt(IdKind.CARE_PROVIDER, provider)


def send(system: System, partner: Partner, what: str, body: dict[str, Any], **headers: str) -> requests.Response:
    return partner.session.post(
        f"{system.stack.api_url}/api/v1/careprovider/availability/{what}",
        json={"careProviderId": public(system), **ZONE, **body},
        headers=headers,
        timeout=60,
    )


def hours(day: str) -> dict[str, str]:
    return {"scheduleDate": day, "startTime": "09:00:00", "endTime": "12:00:00"}


def slot(day: str, hour: int) -> dict[str, str]:
    return {"slotDate": day, "slotStartTime": f"{hour:02}:00:00", "slotEndTime": f"{hour:02}:45:00"}


def opened(system: System, partner: Partner, day: str) -> dict[str, Any]:
    """Three hours, and a slot in each of them."""
    answer = send(
        system, partner, "open", {"hoursList": [hours(day)], "slotsList": [slot(day, n) for n in (9, 10, 11)]}
    )
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def ids(data: dict[str, Any]) -> list[str]:
    return [one["applicationMultiSlotId"] for one in data["slotsList"]]


def found_on(system: System, partner: Partner, day: str) -> list[str]:
    """The slots of the care provider that a search of that day finds."""
    answer = partner.search({**ZONE, "scheduleDate": day})
    assert answer.status_code == 200, answer.text
    return [
        one["applicationMultiSlotId"]
        for provider in answer.json()["careProvidersList"]
        if provider["userLoginInfoId"] == public(system)
        for one in provider["availableSlotsList"]
        if one["slotDate"] == day
    ]


def booked(system: System, partner: Partner, day: str, slot_id: str, hour: int) -> str:
    wish = {"careProviderId": public(system), "applicationMultiSlotId": slot_id, **ZONE, **slot(day, hour), **GUEST}
    booking_id = system.booked(partner, {**wish, "catCommunicationTypeId": 1})
    assert system.town.ended(partner, booking_id)["bookingStatus"] == CONFIRMED
    return booking_id


def test_what_is_opened_is_found_and_booked_and_what_is_blocked_or_removed_is_not(
    system: System, manager: Partner, day: str
) -> None:
    assert found_on(system, manager, day) == []
    data = opened(system, manager, day)
    first, second, third = ids(data)
    assert found_on(system, manager, day) == [first, second, third]
    assert [(one["isOpen"], one["isBooked"]) for one in data["slotsList"]] == [(True, False)] * 3
    booked(system, manager, day, first, 9)
    assert found_on(system, manager, day) == [second, third]

    blocked = send(system, manager, "block", {"applicationMultiSlotIds": [second]}).json()["data"]
    assert [(one["applicationMultiSlotId"], one["isOpen"]) for one in blocked["slotsList"]] == [(second, False)]
    assert found_on(system, manager, day) == [third]
    again = send(system, manager, "open", {"slotsList": [slot(day, 10)]}).json()["data"]
    assert ids(again) == [second]
    assert found_on(system, manager, day) == [second, third]

    removed = send(system, manager, "remove", {"applicationMultiSlotIds": [third]}).json()["data"]
    assert (removed["slotsList"], removed["removedApplicationMultiSlotIds"]) == ([], [third])
    assert found_on(system, manager, day) == [second]


def test_a_slot_that_is_booked_is_not_removed_and_its_booking_stays(system: System, manager: Partner, day: str) -> None:
    data = opened(system, manager, day)
    first, second, third = ids(data)
    booking_id = booked(system, manager, day, first, 9)
    hours_id = data["workingHoursList"][0]["slotAvailabilityId"]
    removed = send(system, manager, "remove", {"slotAvailabilityIds": [hours_id]}).json()["data"]
    assert set(removed["removedApplicationMultiSlotIds"]) == {second, third}
    assert [(one["applicationMultiSlotId"], one["isOpen"], one["isBooked"]) for one in removed["slotsList"]] == [
        (first, False, True)
    ]
    assert found_on(system, manager, day) == []
    status = manager.status(booking_id).json()
    assert status["bookingStatus"] == CONFIRMED

    wish = {"bookingId": booking_id, "userId": status["userId"], "careProviderId": public(system)}
    assert manager.cancel(wish).status_code == 200
    assert found_on(system, manager, day) == []  # it is free, and blocked


def test_slots_that_overlap_or_lie_outside_the_hours_open_nothing(system: System, manager: Partner, day: str) -> None:
    opened(system, manager, day)
    before = found_on(system, manager, day)
    overlapping = {"slotDate": day, "slotStartTime": "10:30:00", "slotEndTime": "11:15:00"}
    for wish, reason in ((overlapping, Reason.AVAILABILITY_OVERLAPS), (slot(day, 13), Reason.OUTSIDE_HOURS)):
        answer = send(system, manager, "open", {"slotsList": [wish]})
        assert (answer.status_code, answer.json()["reason"]) == (409, reason)
    assert found_on(system, manager, day) == before


def test_a_request_that_is_repeated_under_its_key_is_done_once(system: System, manager: Partner, day: str) -> None:
    body = {"hoursList": [hours(day)], "slotsList": [slot(day, 9)]}
    first, again = (send(system, manager, "open", body, **{"Idempotency-Key": f"open-{day}"}) for _ in range(2))
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert found_on(system, manager, day) == ids(first.json()["data"])


@pytest.mark.parametrize("what", ["open", "block", "remove"])
def test_a_care_provider_whom_others_manage_is_answered_as_a_missing_one(
    system: System, manager: Partner, day: str, what: str
) -> None:
    slot_id = ids(opened(system, manager, day))[0]
    wish: dict[str, Any] = {"slotsList": [slot(day, 11)]} if what == "open" else {"applicationMultiSlotIds": [slot_id]}
    answers = []
    for provider in (1, 10**6):  # managed by the other organization; not there at all
        answer = send(system, manager, what, {**wish, "careProviderId": public(system, provider)})
        answers.append({**answer.json(), "requestId": None})
        assert answer.status_code == 404
    assert answers[0] == answers[1]
    assert slot_id in found_on(system, manager, day)


@pytest.mark.parametrize("what", ["open", "block", "remove"])
def test_a_key_without_the_scope_is_refused_though_the_organization_manages(
    system: System, manager: Partner, day: str, what: str
) -> None:
    slot_id = ids(opened(system, manager, day))[0]
    wish: dict[str, Any] = {"slotsList": [slot(day, 11)]} if what == "open" else {"applicationMultiSlotIds": [slot_id]}
    answer = send(system, system.charity, what, wish)
    assert answer.status_code == 403
    assert "availability:write" in answer.text
    assert slot_id in found_on(system, manager, day)
