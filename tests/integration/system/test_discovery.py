"""A partner finds a care provider, books what was found, and no longer finds it: over real HTTP, with real workers."""

from typing import Any

import pytest
from sqlalchemy import update

from demo.partner import Partner
from demo.stack import wait_until
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db.calendars import SqlCalendars
from tests.integration.system.conftest import CONFIRMED, System

ZONE = {"timeZone": "Asia/Kathmandu"}
GUEST = {"referenceId": "FINDER-1", "name": "Sara Ahmed سارة", "dob": "1990-05-15", "genderType": 0}


@pytest.fixture(autouse=True)
def no_promise_is_broken(system: System) -> Any:
    yield
    system.check_promises()
    assert SqlCalendars(system.town.scheduling).check(after=0, limit=1000).wrong == 0


def tomorrow(system: System) -> str:
    """A day of which every slot is still to come when it is booked."""
    return f"{next(system.town.free_slots()).starts_at:%Y-%m-%d}"


def found(partner: Partner, **wish: Any) -> list[dict[str, Any]]:
    answer = partner.search({**ZONE, **wish})
    assert answer.status_code == 200, answer.text
    providers: list[dict[str, Any]] = answer.json()["careProvidersList"]
    return providers


def slots_of(partner: Partner, provider: str, **wish: Any) -> list[str]:
    answer = partner.schedule({**ZONE, "careProviderId": provider, "days": 3, **wish})
    assert answer.status_code == 200, answer.text
    return [slot["applicationMultiSlotId"] for slot in answer.json()["availableSlotsList"]]


def test_what_is_found_can_be_booked_and_is_then_no_longer_found(system: System) -> None:
    partner, day = system.charity, tomorrow(system)
    first = found(partner, scheduleDate=day)[0]
    slot = first["availableSlotsList"][0]
    booking_id = system.booked(partner, {**slot, **GUEST, "catCommunicationTypeId": 1})
    status = system.town.ended(partner, booking_id)
    assert status["bookingStatus"] == CONFIRMED

    again = next(one for one in found(partner, scheduleDate=day) if one["userLoginInfoId"] == first["userLoginInfoId"])
    assert slot not in again["availableSlotsList"]
    seen = partner.schedule(
        {**ZONE, "careProviderId": slot["careProviderId"], "userId": status["userId"], "scheduleDate": day}
    ).json()
    assert [one["bookingId"] for one in seen["bookedSlotsList"]] == [booking_id]
    assert slot["applicationMultiSlotId"] not in slots_of(partner, slot["careProviderId"], scheduleDate=day)

    cancelled = {
        "bookingId": booking_id,
        "userId": status["userId"],
        "careProviderId": slot["careProviderId"],
    }
    assert partner.cancel(cancelled).status_code == 200
    assert slot["applicationMultiSlotId"] in slots_of(partner, slot["careProviderId"], scheduleDate=day)
    assert found(partner, scheduleDate=day)[0]["availableSlotsList"][0] == slot


def test_every_care_provider_is_on_one_page(system: System) -> None:
    """However the pages are cut, and sorted by the start of the first free slot."""
    whole = found(system.ordinary, pageSize=50)
    assert len(whole) == system.data.care_providers
    starts = [
        (one["availableSlotsList"][0]["slotDate"], one["availableSlotsList"][0]["slotStartTime"]) for one in whole
    ]
    assert starts == sorted(starts)
    walked: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = system.ordinary.search({**ZONE, "pageSize": 5, **cursor}).json()
        walked += page["careProvidersList"]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert [one["userLoginInfoId"] for one in walked] == [one["userLoginInfoId"] for one in whole]


def test_a_care_provider_who_changes_is_found_so_within_seconds(system: System) -> None:
    rate = {"filterCriteriaObject": {"minPrice": 7000, "maxPrice": 7000}}
    assert found(system.ordinary, **rate) == []
    change = update(psyter.care_providers).where(psyter.care_providers.c.id == 3).values(hourly_rate_minor=7000_00)
    system.town.psyter.write(lambda connection: connection.execute(change))
    (one,) = wait_until(lambda: found(system.ordinary, **rate), seconds=30, what="the new rate copied", every=0.2)
    assert one["hourlyRate"] == 7000
