"""GET user/bookings: what is asked for, how it is told, and where it goes on."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.security.id_cipher import IdKind
from repositories.entities.bookings import Booking
from repositories.entities.users import Guest
from repositories.enums import BookingStatus, CommunicationType, GenderType, Reason
from tests.unit.api.world import CIPHER, NOW, OTHERS, OURS, World, fields_named, view_of

PATH = "/api/v1/user/bookings"
OUR_USER, SECOND_USER, THEIR_USER, NOBODY = (CIPHER.encrypt(IdKind.USER, number) for number in (1, 2, 3, 99))
CONFIRMED, FAILED = BookingStatus.CONFIRMED, BookingStatus.FAILED


@pytest.fixture
def world() -> World:
    world = World()
    for number, organization in enumerate((OURS, OURS, OTHERS)):
        guest = Guest(reference_id=f"R-{number}", name="x", dob=date(1990, 5, 15), gender=GenderType.FEMALE)
        world.people.register(guest, organization_id=organization, now=NOW)
    return world


def booked(world: World, hours: float, **changes: Any) -> Booking:
    """A booking of our first user that starts so many hours from now (2026-01-05 12:00 UTC)."""
    made = replace(
        view_of(changes.pop("status", CONFIRMED)).booking,
        id=len(world.scheduling.bookings) + 1,
        user_id=1,
        starts_at=NOW + timedelta(hours=hours),
        ends_at=NOW + timedelta(hours=hours + 1),
    )
    world.scheduling.bookings[made.id] = replace(made, **changes)
    return world.scheduling.bookings[made.id]


def told(world: World, **query: Any) -> list[int]:
    """The numbers of the bookings that are told."""
    answer = world.get(PATH, query)
    assert answer.status_code == 200, answer.json
    return numbers(answer)


def numbers(answer: Any) -> list[int]:
    return [CIPHER.decrypt(IdKind.BOOKING, line["bookingId"]) for line in answer.json["bookingsList"]]


def test_a_booking_is_told_whole(world: World) -> None:
    booked(
        world,
        24,
        status=BookingStatus.CANCELLED,
        communication_type=CommunicationType.AUDIO,
        meeting_id="abcd-efgh-ijkl",
        withdrawn_at=NOW,
        withdrawn_by="partner",
        withdrawal_reason="لا أستطيع",
    )
    answer = world.get(PATH)
    assert answer.json == {
        "bookingsList": [
            {
                "bookingId": CIPHER.encrypt(IdKind.BOOKING, 1),
                "userId": OUR_USER,
                "careProviderId": CIPHER.encrypt(IdKind.CARE_PROVIDER, 42),
                "bookingStatus": 3,
                "slotDate": "2026-01-06",
                "slotStartTime": "12:00:00",
                "slotEndTime": "13:00:00",
                "startsAt": "2026-01-06T12:00:00.000Z",
                "endsAt": "2026-01-06T13:00:00.000Z",
                "catCommunicationTypeId": 2,
                "meetingId": "abcd-efgh-ijkl",
                "reason": None,
                "message": None,
                "failedStep": None,
                "cancellation": {"at": "2026-01-05T12:00:00.000Z", "by": "partner", "reason": "لا أستطيع"},
                "bookedAt": "2026-01-05T12:00:00.000Z",
            }
        ],
        "nextCursor": None,
    }


def test_a_failed_booking_says_why_in_the_callers_language(world: World) -> None:
    booked(world, 24, status=FAILED, reason=Reason.RECORD_ALREADY_EXIST, failed_step="schedule_booking")
    (line,) = world.get(PATH, Accept_Language="ar").json["bookingsList"]
    assert (line["reason"], line["failedStep"]) == (Reason.RECORD_ALREADY_EXIST, "schedule_booking")
    assert line["message"] == "هذا الوقت محجوز لشخص آخر أو قيد الحجز."


def test_the_newest_session_comes_first_and_anothers_are_not_there(world: World) -> None:
    for hours in (2, 48, 24):
        booked(world, hours)
    booked(world, 30, organization_id=OTHERS, user_id=3)
    assert told(world) == [2, 3, 1]


def test_user_and_status_narrow_it(world: World) -> None:
    booked(world, 1)
    booked(world, 2, user_id=2)
    booked(world, 3, status=FAILED)
    booked(world, 4, status=BookingStatus.PENDING, user_id=2)
    assert told(world, userId=OUR_USER) == [3, 1]
    assert told(world, status="1") == [2, 1]
    assert told(world, status="6,8") == [4, 3]
    assert told(world, status="1,6", userId=SECOND_USER) == [4, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from": "2026-01-06"}, [3, 2]),
        ({"to": "2026-01-06"}, [2, 1]),
        ({"from": "2026-01-06", "to": "2026-01-06"}, [2]),
        ({"from": "2026-01-06", "to": "2026-01-06", "timeZone": "Asia/Riyadh"}, [2, 1]),
        ({"from": "2026-01-06", "to": "2026-01-06", "gmtTimeDiffrenceHours": "3"}, [2, 1]),
        ({"from": "2026-01-06", "to": "2026-01-06", "gmtTimeDiffrenceHours": "-1.5"}, [3, 2]),
    ],
    ids=str,
)
def test_a_period_is_of_whole_days_where_the_caller_is(
    world: World, query: dict[str, str], expected: list[int]
) -> None:
    booked(world, 9.5)  # 2026-01-05 21:30 UTC
    booked(world, 24)  # 2026-01-06 12:00 UTC
    booked(world, 36.5)  # 2026-01-07 00:30 UTC
    assert told(world, **query) == expected


def test_times_are_told_where_the_caller_is(world: World) -> None:
    booked(world, 10)
    (line,) = world.get(PATH, {"gmtTimeDiffrenceHours": "5.75"}).json["bookingsList"]
    assert (line["slotDate"], line["slotStartTime"], line["slotEndTime"]) == ("2026-01-06", "03:45:00", "04:45:00")
    assert line["startsAt"] == "2026-01-05T22:00:00.000Z"


def test_pages_follow_each_other_while_others_book(world: World) -> None:
    for hours in range(5):
        booked(world, hours)
    first = world.get(PATH, {"limit": 2})
    booked(world, 100)
    second = world.get(PATH, {"limit": 2, "cursor": first.json["nextCursor"]})
    third = world.get(PATH, {"limit": 2, "cursor": second.json["nextCursor"]})
    assert [numbers(page) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third.json["nextCursor"] is None


def test_a_page_may_have_another_size_than_the_one_before(world: World) -> None:
    for hours in range(5):
        booked(world, hours)
    cursor = world.get(PATH, {"limit": 1}).json["nextCursor"]
    assert told(world, limit=3, cursor=cursor) == [4, 3, 2]


def test_without_a_limit_a_page_is_twenty(world: World) -> None:
    for hours in range(21):
        booked(world, hours)
    assert len(told(world)) == 20


@pytest.mark.parametrize(
    "other",
    [
        {"userId": OUR_USER},
        {"status": "1"},
        {"from": "2026-01-01"},
        {"to": "2026-02-01"},
        {"cursor": "x"},
        {"cursor": "A" * 2000},
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_cursor_is_good_for_its_filters_only(world: World, other: dict[str, str]) -> None:
    for hours in range(2):
        booked(world, hours)
    cursor = world.get(PATH, {"limit": 1}).json["nextCursor"]
    answer = world.get(PATH, {"limit": 1, "cursor": cursor} | other)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert fields_named(answer) == {"cursor"}


def test_the_order_in_which_statuses_are_named_does_not_matter(world: World) -> None:
    for hours in range(2):
        booked(world, hours)
    cursor = world.get(PATH, {"limit": 1, "status": "1,6"}).json["nextCursor"]
    assert told(world, status="6,1,1", cursor=cursor) == [1]


def test_a_cursor_of_another_organization_is_refused(world: World) -> None:
    for hours in range(2):
        booked(world, hours)
    cursor = world.get(PATH, {"limit": 1}).json["nextCursor"]
    headers = world.bearer(organization_id=OTHERS)
    answer = world.client.get(PATH, query_string={"cursor": cursor}, headers=headers)
    assert (answer.status_code, fields_named(answer)) == (400, {"cursor"})


ILL: list[tuple[dict[str, str], set[str]]] = [
    ({"userId": "x"}, {"userId"}),
    ({"userId": CIPHER.encrypt(IdKind.BOOKING, 1)}, {"userId"}),
    ({"status": "2"}, {"status"}),
    ({"status": "1,"}, {"status"}),
    ({"status": "1;6"}, {"status"}),
    ({"status": "Confirmed"}, {"status"}),
    ({"from": "2026-13-01"}, {"from"}),
    ({"from": "0001-01-01"}, {"from"}),
    ({"from": "20260101"}, {"from"}),
    ({"to": "9999-12-31"}, {"to"}),
    ({"from": "2026-01-02", "to": "2026-01-01"}, {"to"}),
    ({"limit": "0"}, {"limit"}),
    ({"limit": "101"}, {"limit"}),
    ({"limit": "-1"}, {"limit"}),
    ({"limit": "1.0"}, {"limit"}),
    ({"limit": "٢"}, {"limit"}),
    ({"limit": "9" * 400}, {"limit"}),
    ({"gmtTimeDiffrenceHours": "15"}, {"gmtTimeDiffrenceHours"}),
    ({"gmtTimeDiffrenceHours": "5.1"}, {"gmtTimeDiffrenceHours"}),
    ({"gmtTimeDiffrenceHours": "nan"}, {"gmtTimeDiffrenceHours"}),
    ({"gmtTimeDiffrenceHours": "1e1"}, {"gmtTimeDiffrenceHours"}),
    ({"timeZone": "Mars/Olympus"}, {"timeZone"}),
    ({"timeZone": "Asia/Riyadh", "gmtTimeDiffrenceHours": "3"}, {"timeZone"}),
    ({"page": "2"}, {"page"}),
]


@pytest.mark.parametrize(("query", "fields"), ILL, ids=lambda value: str(value)[:50])
def test_every_ill_parameter_is_named(world: World, query: dict[str, str], fields: set[str]) -> None:
    answer = world.get(PATH, query)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert fields_named(answer) == fields


@pytest.mark.parametrize("user_id", [THEIR_USER, NOBODY])
def test_a_foreign_user_is_as_good_as_missing(world: World, user_id: str) -> None:
    booked(world, 1, organization_id=OTHERS, user_id=3)
    answer = world.get(PATH, {"userId": user_id})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.USER_NOT_FOUND)


NAMES = ["userId", "status", "from", "to", "cursor", "limit", "gmtTimeDiffrenceHours", "timeZone", "x"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12) | st.dates().map(str), max_size=4))
def test_no_query_is_a_fault_of_ours(world: World, query: dict[str, str]) -> None:
    assert world.get(PATH, query).status_code in {200, 400}
