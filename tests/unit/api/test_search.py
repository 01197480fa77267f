"""Searching: who is shown, in what order, with what; and that what is shown can be booked as it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from api.schemas.care_provider import FoundProvidersSchema, ScheduleAnswerSchema
from api.schemas.session_booking import ChosenSlotSchema
from api.security.id_cipher import IdKind
from repositories.entities.availability import ProviderFacts, WorkingHours
from repositories.entities.bookings import Booking
from repositories.entities.users import User
from repositories.enums import BookingStatus, CommunicationType, GenderType, Reason, Role
from saga.slot_choice import SlotChoice, chosen_slot
from tests.providers import CATALOGUE, profile_of, summary_of
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, USER, World, fields_named

SEARCH = "/api/v1/careprovider/getcareproviderslistwithschedule"
SCHEDULE = "/api/v1/careprovider/getcareproviderschedule"
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
ANN, BEA, CAL = 1, 2, 3


@pytest.fixture
def world() -> World:
    """Three care providers: Bea is free first, then Ann, then Cal, a man."""
    world = World()
    world.profiles.kept = CATALOGUE
    for number in (ANN, BEA, CAL):
        add_provider(world, number, gender=GenderType.MALE if number == CAL else GenderType.FEMALE)
    add_slot(world, 10, ANN, NOW + 3 * HOUR)
    add_slot(world, 11, ANN, NOW + 5 * HOUR, minutes=50)
    add_slot(world, 12, ANN, NOW + DAY)
    add_slot(world, 20, BEA, NOW + 2 * HOUR, minutes=45)
    add_slot(world, 30, CAL, NOW + DAY)
    for number, organization in ((USER, OURS), (USER + 1, OTHERS)):
        world.people.users[number] = User(
            id=number,
            organization_id=organization,
            reference_id="R-1",
            name="Sara",
            dob=NOW.date(),
            gender=GenderType.FEMALE,
        )
    return world


def add_provider(world: World, number: int, **changes: Any) -> None:
    summary = summary_of(number, **changes)
    world.profiles.known[number] = profile_of(summary)
    level = CATALOGUE.experience_level_of(summary.experience_years)
    world.availability.facts[number] = ProviderFacts(
        care_provider_id=number,
        gender=summary.gender,
        language_ids=summary.language_ids,
        specialty_ids=summary.specialty_ids,
        experience_level_id=0 if level is None else level.id,
        provider_level_id=summary.provider_level_id,
        hourly_rate_minor=summary.hourly_rate_minor,
    )


def add_slot(world: World, number: int, provider: int, starts_at: datetime, *, minutes: int = 60) -> None:
    ends_at = starts_at + minutes * MINUTE
    world.availability.scheduling.add_slot(id=number, care_provider_id=provider, starts_at=starts_at, ends_at=ends_at)


def public(kind: IdKind, number: int) -> str:
    return CIPHER.encrypt(kind, number)


def search(world: World, **body: Any) -> Any:
    return world.client.post(SEARCH, json=body, headers=world.bearer(role=Role.READ_ONLY))


def shown(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.json
    return [CIPHER.decrypt(IdKind.CARE_PROVIDER, one["userLoginInfoId"]) for one in answer.json["careProvidersList"]]


def schedule(world: World, **body: Any) -> Any:
    wish = {"careProviderId": public(IdKind.CARE_PROVIDER, ANN), **body}
    return world.client.post(SCHEDULE, json=wish, headers=world.bearer(role=Role.READ_ONLY))


# --- who is shown --------------------------------------------------------------------------


def test_whoever_is_free_first_is_shown_first(world: World) -> None:
    answer = search(world)
    assert shown(answer) == [BEA, ANN, CAL]
    assert (answer.json["page"], answer.json["pageSize"], answer.json["nextCursor"]) == (1, 20, None)


def test_a_later_day_counts_from_its_midnight_in_the_partners_zone(world: World) -> None:
    assert shown(search(world, scheduleDate="2026-01-06")) == [ANN, CAL]
    assert shown(search(world, scheduleDate="2026-01-06", gmtTimeDiffrenceHours=9.75)) == [ANN, CAL]
    assert shown(search(world, scheduleDate="2026-01-06", gmtTimeDiffrenceHours=10)) == [BEA, ANN, CAL]
    assert shown(search(world, scheduleDate="2026-01-06", timeZone="Pacific/Auckland")) == [BEA, ANN, CAL]
    assert shown(search(world, scheduleDate="2026-01-07")) == []


def test_a_day_in_the_past_counts_from_now(world: World) -> None:
    add_slot(world, 40, CAL, NOW - HOUR)
    add_slot(world, 41, CAL, NOW)
    assert shown(search(world, scheduleDate="2026-01-01")) == [BEA, ANN, CAL]


def test_a_provider_is_shown_as_the_inventory_does(world: World) -> None:
    answer = search(world, gmtTimeDiffrenceHours=3)
    with world.app.app_context():
        assert FoundProvidersSchema().validate(answer.json) == {}
    first = answer.json["careProvidersList"][0]
    assert (first["fullName"], first["genderType"], first["experienceYears"]) == ("Dr. Sarah 2", 0, 10)
    assert (first["rating"], first["profileImageUrl"]) == (4.8, "https://images.example.com/2.jpg")
    assert [line["namePLang"] for line in first["languagesList"]] == ["English", "Arabic"]
    assert [line["nameSLang"] for line in first["specialtiesList"]] == ["الصدمات النفسية"]
    assert first["availableScheduleHoursList"] == [
        {"scheduleDate": "2026-01-05", "startTime": "17:00:00", "endTime": "18:00:00", "availableSlots": 1}
    ]
    assert first["availableSlotsList"] == [
        {
            "careProviderId": public(IdKind.CARE_PROVIDER, BEA),
            "applicationMultiSlotId": public(IdKind.APPLICATION_MULTI_SLOT, 20),
            "slotDate": "2026-01-05",
            "slotStartTime": "17:00:00",
            "slotEndTime": "17:45:00",
            "gmtTimeDiffrenceHours": 3,
        }
    ]
    duration = first["slotDurationType"]
    assert duration["durationMinutes"] == 45
    assert CIPHER.decrypt(IdKind.CARE_PROVIDER_SLOT_DURATION, duration["careProviderSlotDurationId"]) == 2


def test_a_provider_is_shown_with_their_first_free_day_only(world: World) -> None:
    ann = search(world).json["careProvidersList"][1]
    assert [slot["slotStartTime"] for slot in ann["availableSlotsList"]] == ["15:00:00", "17:00:00"]
    ann = search(world, gmtTimeDiffrenceHours=7).json["careProvidersList"][1]
    assert [slot["slotDate"] for slot in ann["availableSlotsList"]] == ["2026-01-05"]


def test_a_name_falls_back_on_the_second_language(world: World) -> None:
    add_provider(world, BEA, full_name_plang="")
    assert search(world).json["careProvidersList"][0]["fullName"] == "د. سارة 2"


def test_who_has_left_meanwhile_is_not_shown(world: World) -> None:
    world.profiles.inactive.add(ANN)
    assert shown(search(world)) == [BEA, CAL]


# --- who is asking -------------------------------------------------------------------------


@pytest.mark.parametrize("user", [None, ""])
def test_a_guest_may_search(world: World, user: str | None) -> None:
    assert shown(search(world, userId=user)) == [BEA, ANN, CAL]


def test_a_registered_user_may_search_and_nobody_elses(world: World) -> None:
    assert shown(search(world, userId=public(IdKind.USER, USER))) == [BEA, ANN, CAL]
    for user in (USER + 1, 99):
        answer = search(world, userId=public(IdKind.USER, user))
        assert (answer.status_code, answer.json["reason"]) == (400, Reason.USER_NOT_FOUND)
        assert fields_named(answer) == {"userId"}
        assert schedule(world, userId=public(IdKind.USER, user)).json["reason"] == Reason.USER_NOT_FOUND


# --- filters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, [BEA, ANN, CAL]),
        ({"genderType": 0}, [BEA, ANN]),
        ({"genderType": 1}, [CAL]),
        ({"genderType": None}, [BEA, ANN, CAL]),
        ({"languageIds": [3]}, []),
        ({"languageIds": [3, 2]}, [BEA, ANN, CAL]),
        ({"languageIds": []}, [BEA, ANN, CAL]),
        ({"specialtyIds": [5], "genderType": 1}, [CAL]),
        ({"experienceLevel": 2}, [BEA, ANN, CAL]),
        ({"experienceLevel": 1}, []),
        ({"experienceLevel": 0, "serviceProviderLevel": 0}, [BEA, ANN, CAL]),
        ({"serviceProviderLevel": 3}, [BEA, ANN, CAL]),
        ({"serviceProviderLevel": 1}, []),
        ({"minPrice": 200, "maxPrice": 200.0}, [BEA, ANN, CAL]),
        ({"minPrice": 200.01}, []),
        ({"minPrice": 200.001}, []),
        ({"maxPrice": 199.99}, []),
        ({"maxPrice": 0}, []),
    ],
    ids=str,
)
def test_a_filter_means_what_it_says(world: World, criteria: dict[str, Any], expected: list[int]) -> None:
    assert shown(search(world, filterCriteriaObject=criteria)) == expected
    assert shown(search(world, applyFilter=True, filterCriteriaObject=criteria)) == expected


def test_a_filter_that_is_not_to_be_applied_is_not(world: World) -> None:
    assert shown(search(world, applyFilter=False, filterCriteriaObject={"genderType": 1})) == [BEA, ANN, CAL]
    assert shown(search(world, applyFilter=True)) == [BEA, ANN, CAL]


# --- pages ---------------------------------------------------------------------------------


def test_pages_follow_each_other_by_cursor(world: World) -> None:
    first = search(world, pageSize=1)
    second = search(world, pageSize=1, cursor=first.json["nextCursor"])
    third = search(world, pageSize=5, cursor=second.json["nextCursor"])
    assert [shown(page) for page in (first, second, third)] == [[BEA], [ANN], [CAL]]
    assert [page.json["page"] for page in (first, second, third)] == [1, None, None]
    assert third.json["nextCursor"] is None


def test_pages_can_be_counted(world: World) -> None:
    assert [shown(search(world, pageSize=2, page=page)) for page in (1, 2, 3)] == [[BEA, ANN], [CAL], []]
    assert shown(search(world, pageSize=1, cursor=search(world, pageSize=1, page=2).json["nextCursor"])) == [CAL]


def test_a_cursor_is_good_for_its_own_search_only(world: World) -> None:
    cursor = search(world, pageSize=1).json["nextCursor"]
    assert shown(search(world, cursor=cursor)) == [ANN, CAL]
    for other in ({"timeZone": "Asia/Riyadh"}, {"filterCriteriaObject": {"genderType": 0}}):
        answer = search(world, pageSize=1, cursor=cursor, **other)
        assert (answer.status_code, fields_named(answer)) == (400, {"cursor"})
    assert search(world, cursor=cursor[:-1]).status_code == 400
    foreign = world.client.post(SEARCH, json={"cursor": cursor}, headers=world.bearer(organization_id=OTHERS))
    assert foreign.status_code == 400


# --- what is wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scheduleDate": "15-11-2025"}, "scheduleDate"),
        ({"scheduleDate": "0001-01-01"}, "scheduleDate"),
        ({"scheduleDate": "9999-12-31"}, "scheduleDate"),
        ({"gmtTimeDiffrenceHours": 3.1}, "gmtTimeDiffrenceHours"),
        ({"gmtTimeDiffrenceHours": 3, "timeZone": "Asia/Riyadh"}, "timeZone"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"applyFilter": "yes"}, "applyFilter"),
        ({"userId": "x"}, "userId"),
        ({"page": 0}, "page"),
        ({"page": 21, "pageSize": 50}, "page"),
        ({"pageSize": 51}, "pageSize"),
        ({"pageSize": "20"}, "pageSize"),
        ({"page": 1, "cursor": "x"}, "cursor"),
        ({"unheardOf": 1}, "unheardOf"),
        ({"filterCriteriaObject": []}, "filterCriteriaObject"),
        ({"filterCriteriaObject": {"genderType": 2}}, "filterCriteriaObject.genderType"),
        ({"filterCriteriaObject": {"languageIds": [0]}}, "filterCriteriaObject.languageIds.0"),
        ({"filterCriteriaObject": {"languageIds": ["1"]}}, "filterCriteriaObject.languageIds.0"),
        ({"filterCriteriaObject": {"languageIds": [2**31]}}, "filterCriteriaObject.languageIds.0"),
        ({"filterCriteriaObject": {"specialtyIds": [1] * 21}}, "filterCriteriaObject.specialtyIds"),
        ({"filterCriteriaObject": {"experienceLevel": -1}}, "filterCriteriaObject.experienceLevel"),
        ({"filterCriteriaObject": {"minPrice": -0.01}}, "filterCriteriaObject.minPrice"),
        ({"filterCriteriaObject": {"minPrice": True}}, "filterCriteriaObject.minPrice"),
        ({"filterCriteriaObject": {"maxPrice": 1e300}}, "filterCriteriaObject.maxPrice"),
        ({"filterCriteriaObject": {"minPrice": 2, "maxPrice": 1}}, "filterCriteriaObject.maxPrice"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(world: World, body: dict[str, Any], field: str) -> None:
    answer = search(world, **body)
    assert answer.status_code == 400, answer.json
    assert fields_named(answer) == {field}


def test_the_farthest_page_that_can_be_counted_is_answered(world: World) -> None:
    assert shown(search(world, page=20, pageSize=50)) == []


# --- what is shown can be booked -----------------------------------------------------------

ZONES: list[dict[str, Any]] = [
    {},
    {"gmtTimeDiffrenceHours": 3},
    {"gmtTimeDiffrenceHours": -9.5},
    {"gmtTimeDiffrenceHours": 5.75},
    {"timeZone": "Europe/London"},
    {"timeZone": "Asia/Kathmandu"},
    {"timeZone": "America/St_Johns"},
]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-08", "2026-10-24", "2026-10-31"])
def test_every_slot_shown_can_be_booked_as_it_is(zone: dict[str, Any], day: str) -> None:
    """Around the days on which clocks are set forward and back, a slot every 30 minutes."""
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC)
    world = World(now=begins - MINUTE)
    world.profiles.kept = CATALOGUE
    add_provider(world, ANN)
    for number in range(120):
        add_slot(world, number + 1, ANN, begins + number * HOUR / 2, minutes=30)
    slots = search(world, scheduleDate=day, **zone).json["careProvidersList"][0]["availableSlotsList"]
    of_days = schedule(world, scheduleDate=day, days=3, **zone).json["availableSlotsList"]
    assert 30 <= len(slots) <= 50 < len(of_days)
    for slot in [*slots, *of_days]:
        with world.app.app_context():
            wish = ChosenSlotSchema().load(slot)
        choice = SlotChoice(
            care_provider_id=wish["care_provider_id"],
            slot_id=wish["slot_id"],
            local_date=wish["slot_date"],
            local_start=wish["slot_start_time"],
            local_end=wish["slot_end_time"],
            zone=zone_in(wish),
        )
        assert chosen_slot(world.availability.scheduling, choice, now=world.now).id == wish["slot_id"]


def zone_in(wish: dict[str, Any]) -> tzinfo:
    zone: tzinfo = wish["time_zone"] or wish["gmt_offset"] or UTC
    return zone


# --- the schedule of one -------------------------------------------------------------------


def test_a_schedule_shows_hours_slots_and_lengths(world: World) -> None:
    world.availability.hours[ANN] = [WorkingHours(id=8, starts_at=NOW, ends_at=NOW + 10 * HOUR)]
    answer = schedule(world, gmtTimeDiffrenceHours=3, days=1)
    with world.app.app_context():
        assert ScheduleAnswerSchema().validate(answer.json) == {}
    body = answer.json
    assert body["careProviderId"] == public(IdKind.CARE_PROVIDER, ANN)
    assert [slot["slotStartTime"] for slot in body["availableSlotsList"]] == ["18:00:00", "20:00:00"]
    assert [hour["startTime"] for hour in body["availableScheduleHoursList"]] == ["18:00:00", "20:00:00"]
    assert body["workingHoursList"] == [
        {
            "slotAvailabilityId": public(IdKind.SLOT, 8),
            "scheduleDate": "2026-01-05",
            "startTime": "15:00:00",
            "endDate": "2026-01-06",
            "endTime": "01:00:00",
        }
    ]
    assert [duration["durationMinutes"] for duration in body["slotDurationTypesList"]] == [30, 45, 50, 60]
    assert body["bookedSlotsList"] == []


def test_a_schedule_has_as_many_days_as_are_asked_for(world: World) -> None:
    add_slot(world, 13, ANN, NOW + 6 * DAY)
    add_slot(world, 14, ANN, NOW + 7 * DAY)
    assert len(schedule(world).json["availableSlotsList"]) == 4
    assert len(schedule(world, days=8).json["availableSlotsList"]) == 5
    assert len(schedule(world, scheduleDate="2026-01-06", days=1).json["availableSlotsList"]) == 1
    for wrong in (0, 32, 1.5):
        assert fields_named(schedule(world, days=wrong)) == {"days"}


def booked(world: World, number: int, slot_id: int, **changes: Any) -> None:
    slot = world.availability.scheduling.slots[slot_id]
    booking = Booking(
        id=number,
        organization_id=OURS,
        user_id=USER,
        care_provider_id=slot.care_provider_id,
        slot_id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        communication_type=CommunicationType.VIDEO,
        status=BookingStatus.CONFIRMED,
        meeting_id=None,
        reason=None,
        failed_step=None,
        created_at=NOW,
        updated_at=NOW,
    )
    world.availability.scheduling.bookings[number] = replace(booking, **changes)
    cell = int(slot.starts_at.timestamp())
    world.availability.scheduling.cells[slot.care_provider_id, cell] = number


def test_own_bookings_are_seen_as_booked_and_those_of_others_not_at_all(world: World) -> None:
    booked(world, 1, 10)
    booked(world, 2, 11, user_id=USER + 5)
    booked(world, 3, 12, organization_id=OTHERS)
    mine = schedule(world, userId=public(IdKind.USER, USER)).json
    assert mine["availableSlotsList"] == []
    assert mine["bookedSlotsList"] == [
        {
            "bookingId": public(IdKind.BOOKING, 1),
            "bookingStatus": BookingStatus.CONFIRMED,
            "applicationMultiSlotId": public(IdKind.APPLICATION_MULTI_SLOT, 10),
            "slotDate": "2026-01-05",
            "slotStartTime": "15:00:00",
            "slotEndTime": "16:00:00",
        }
    ]
    guest = schedule(world).json
    assert (guest["availableSlotsList"], guest["bookedSlotsList"]) == ([], [])


def test_a_booking_that_was_cancelled_is_no_longer_seen(world: World) -> None:
    booked(world, 1, 10, status=BookingStatus.CANCELLED)
    assert schedule(world, userId=public(IdKind.USER, USER)).json["bookedSlotsList"] == []


def test_a_care_provider_who_is_not_there_is_missing(world: World) -> None:
    world.profiles.inactive.add(ANN)
    for provider in (ANN, 99):
        answer = schedule(world, careProviderId=public(IdKind.CARE_PROVIDER, provider))
        assert (answer.status_code, answer.json["reason"]) == (404, Reason.NOT_FOUND)
        assert fields_named(answer) == {"careProviderId"}
    assert fields_named(schedule(world, careProviderId=None)) == {"careProviderId"}


def test_an_hour_that_clocks_repeat_is_shown_twice(world: World) -> None:
    begins = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    for number in range(4):
        add_slot(world, 50 + number, ANN, begins + number * HOUR / 2, minutes=30)
    hours = schedule(world, scheduleDate="2026-10-25", days=1, timeZone="Europe/London").json
    shown_hours = [(hour["startTime"], hour["availableSlots"]) for hour in hours["availableScheduleHoursList"]]
    assert shown_hours == [("01:00:00", 2), ("01:00:00", 2)]
