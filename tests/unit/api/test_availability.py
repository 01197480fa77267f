"""Opening, blocking and removing: who may, what is asked, and what is answered."""

from datetime import timedelta
from typing import Any

import pytest

from api.schemas.availability import ManagedAnswerSchema
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from repositories.enums import Reason
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named

PATH = "/api/v1/careprovider/availability/"
PROVIDER = 42
HOURS = {"scheduleDate": "2026-01-06", "startTime": "09:00", "endTime": "17:00"}
SLOT = {"slotDate": "2026-01-06", "slotStartTime": "10:00:00", "slotEndTime": "10:45:00"}
ZONE = {"timeZone": "Asia/Riyadh"}


@pytest.fixture
def world() -> World:
    return World(managed={(OURS, PROVIDER)})


def send(world: World, what: str, body: dict[str, Any], *, organization_id: int = OURS, key: str | None = None) -> Any:
    wish = {"careProviderId": CIPHER.encrypt(IdKind.CARE_PROVIDER, PROVIDER), **body}
    headers = world.bearer(scopes={Scope.AVAILABILITY_WRITE}, organization_id=organization_id)
    return world.client.post(PATH + what, json=wish, headers=headers | ({"Idempotency-Key": key} if key else {}))


def opened(world: World, **body: Any) -> Any:
    return send(world, "open", {**ZONE, "hoursList": [HOURS], "slotsList": [SLOT], **body})


def test_hours_and_slots_are_opened_in_the_partners_zone(world: World) -> None:
    answer = opened(world)
    assert answer.status_code == 200, answer.json
    with world.app.app_context():
        assert ManagedAnswerSchema().validate(answer.json) == {}
    (slot,) = answer.json["data"]["slotsList"]
    (hours,) = answer.json["data"]["workingHoursList"]
    assert {name: slot[name] for name in SLOT} == SLOT
    assert (slot["isOpen"], slot["isBooked"]) == (True, False)
    assert (hours["startTime"], hours["endTime"]) == ("09:00:00", "17:00:00")
    (kept,) = world.availability.scheduling.slots.values()
    assert kept.starts_at == NOW.replace(day=6, hour=7)


def test_what_is_blocked_and_removed_is_told(world: World) -> None:
    data = opened(world).json["data"]
    slot_id = data["slotsList"][0]["applicationMultiSlotId"]
    hours_id = data["workingHoursList"][0]["slotAvailabilityId"]
    blocked = send(world, "block", {"applicationMultiSlotIds": [slot_id]}).json["data"]
    assert [(one["applicationMultiSlotId"], one["isOpen"]) for one in blocked["slotsList"]] == [(slot_id, False)]
    assert blocked["removedApplicationMultiSlotIds"] == []
    removed = send(world, "remove", {"slotAvailabilityIds": [hours_id]}).json["data"]
    assert (removed["slotsList"], removed["workingHoursList"]) == ([], [])
    assert removed["removedApplicationMultiSlotIds"] == [slot_id]


@pytest.mark.parametrize("what", ["open", "block", "remove"])
def test_a_care_provider_of_others_is_missing(world: World, what: str) -> None:
    slot_id = CIPHER.encrypt(IdKind.APPLICATION_MULTI_SLOT, 1)
    body: dict[str, Any] = {"slotsList": [SLOT]} if what == "open" else {"applicationMultiSlotIds": [slot_id]}
    answer = send(world, what, body, organization_id=OTHERS)
    assert (answer.status_code, answer.json["reason"]) == (404, Reason.NOT_FOUND)
    assert fields_named(answer) == {"careProviderId"}


def test_a_key_opens_once_and_says_so(world: World) -> None:
    body = {**ZONE, "hoursList": [HOURS], "slotsList": [SLOT]}
    first, again = (send(world, "open", body, key="k-1") for _ in range(2))
    assert again.json == first.json
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = send(world, "open", {**body, "slotsList": []}, key="k-1")
    assert (other.status_code, other.json["reason"]) == (422, Reason.IDEMPOTENCY_KEY_REUSED)


@pytest.mark.parametrize(
    ("changes", "status", "reason", "field"),
    [
        ({"slotsList": [], "hoursList": []}, 400, Reason.EMPTY_PARAMETER, "slotsList"),
        ({"slotsList": [{**SLOT, "slotEndTime": "10:40"}]}, 400, Reason.INVALID_PARAMETER, "slotsList.0"),
        ({"slotsList": [{**SLOT, "slotStartTime": "10:01"}]}, 400, Reason.INVALID_PARAMETER, "slotsList.0"),
        ({"slotsList": [SLOT, SLOT]}, 400, Reason.INVALID_PARAMETER, "slotsList.1"),
        ({"hoursList": [HOURS, HOURS]}, 400, Reason.INVALID_PARAMETER, "hoursList.1"),
        ({"slotsList": [{**SLOT, "slotDate": "2026-01-05"}]}, 400, Reason.SLOT_IN_PAST, "slotsList.0"),
        ({"slotsList": [{**SLOT, "slotDate": "2027-01-08"}]}, 400, Reason.INVALID_PARAMETER, "slotsList.0"),
        ({"hoursList": []}, 409, Reason.OUTSIDE_HOURS, "slotsList.0"),
        ({"slotsList": [{**SLOT, "slotDate": "x"}]}, 400, Reason.INVALID_PARAMETER, "slotsList.0.slotDate"),
        ({"slotsList": [SLOT] * 101}, 400, Reason.INVALID_PARAMETER, "slotsList"),
        ({"gmtTimeDiffrenceHours": 3}, 400, Reason.INVALID_PARAMETER, "timeZone"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_nothing_is_opened(
    world: World, changes: dict[str, Any], status: int, reason: Reason, field: str
) -> None:
    answer = opened(world, **changes)
    assert (answer.status_code, answer.json["reason"], fields_named(answer)) == (status, reason, {field})
    assert world.availability.scheduling.slots == {}
    assert not any(world.availability.hours.values())


def test_a_time_that_clocks_skip_is_refused(world: World) -> None:
    world.now = NOW + timedelta(days=60)
    skipped = {"scheduleDate": "2026-03-29", "startTime": "01:30", "endTime": "05:00"}
    answer = opened(world, timeZone="Europe/London", hoursList=[skipped], slotsList=[])
    assert (answer.status_code, fields_named(answer)) == (400, {"hoursList.0"})


def test_hours_may_end_on_the_next_day(world: World) -> None:
    answer = opened(world, hoursList=[{**HOURS, "startTime": "22:00", "endTime": "02:00"}], slotsList=[])
    (hours,) = answer.json["data"]["workingHoursList"]
    assert (hours["scheduleDate"], hours["endDate"]) == ("2026-01-06", "2026-01-07")
