"""POST booksession: what is accepted, what is refused and how it is answered."""

from datetime import UTC, date, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.security.id_cipher import IdKind
from api.security.sealing import Sealer
from repositories.enums import BookingPlatform, BookingStatus, CommunicationType, GenderType, Reason, Role
from repositories.ports.errors import KeyInFlight, KeyReused, ReferenceContradicted, StoreUnavailable
from saga.accept_booking import UserContradicted, UserNotFound
from saga.slot_choice import SlotContradicted, SlotInPast, SlotNotFound
from tests.unit.api.world import (
    BOOK,
    BOOKING,
    CIPHER,
    CONFIRMED,
    FAILED,
    OURS,
    PROVIDER,
    SLOT,
    STATUS,
    USER,
    World,
    fields_named,
    guest_body,
    signed,
    view_of,
    without,
)

USER_ID = CIPHER.encrypt(IdKind.USER, USER)


@pytest.fixture
def world() -> World:
    return World()


def test_a_guests_booking_is_accepted_as_it_was_asked(world: World) -> None:
    answer = world.book()
    assert answer.status_code == 202
    (asked,) = world.asked
    assert (asked.organization_id, asked.user_id, asked.choice.care_provider_id, asked.choice.slot_id) == (
        OURS,
        None,
        PROVIDER,
        SLOT,
    )
    assert (asked.choice.local_date, asked.choice.local_start, asked.choice.local_end) == (
        date(2026, 1, 6),
        time(10),
        time(11),
    )
    assert (asked.communication_type, asked.platform) == (CommunicationType.VIDEO, BookingPlatform.API)
    assert asked.guest is not None
    assert (asked.guest.reference_id, asked.guest.name) == ("REF-1", "سارة O'Brien")
    assert (asked.guest.dob, asked.guest.gender) == (date(1990, 5, 15), GenderType.FEMALE)
    assert (asked.choice.zone, asked.is_from_mobile, asked.idempotency) == (UTC, False, None)


def test_an_accepted_booking_says_where_to_ask_for_it(world: World) -> None:
    answer = world.book()
    public_id = CIPHER.encrypt(IdKind.BOOKING, BOOKING)
    assert answer.json == {"status": 1, "data": {"bookingId": public_id, "userId": USER_ID, "bookingStatus": 6}}
    assert answer.headers["Location"] == f"{STATUS}/{public_id}"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_registered_user_needs_no_description(world: World) -> None:
    body = {
        n: v for n, v in guest_body(userId=USER_ID).items() if n not in {"referenceId", "name", "dob", "genderType"}
    }
    assert world.book(body).status_code == 202
    assert (world.asked[0].user_id, world.asked[0].guest) == (USER, None)


def test_what_is_optional_has_its_default(world: World) -> None:
    body = {n: v for n, v in guest_body().items() if n not in {"isBookingFromMobile", "bookingPlatformId"}}
    assert world.book(body).status_code == 202
    assert (world.asked[0].is_from_mobile, world.asked[0].platform) == (False, BookingPlatform.API)


@pytest.mark.parametrize("nobody", [None, ""])
def test_an_empty_user_id_means_a_guest(world: World, nobody: str | None) -> None:
    assert world.book(guest_body(userId=nobody)).status_code == 202
    assert world.asked[0].guest is not None


@pytest.mark.parametrize("nobody", [None, ""])
@pytest.mark.parametrize("name", ["referenceId", "name", "dob", "genderType"])
@pytest.mark.parametrize("empty", ["absent", None, "", "  "])
def test_a_guest_without_a_description_is_refused(
    world: World, name: str, empty: str | None, nobody: str | None
) -> None:
    body = without(name) if empty == "absent" else guest_body(**{name: empty})
    answer = world.book(body | {"userId": nobody})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert fields_named(answer) == {name}
    assert not world.asked


@pytest.mark.parametrize("empty", ["absent", None, ""])
@pytest.mark.parametrize(
    "name",
    [
        "careProviderId",
        "slotDate",
        "slotStartTime",
        "slotEndTime",
        "applicationMultiSlotId",
        "catCommunicationTypeId",
    ],
)
def test_every_missing_field_is_named(world: World, name: str, empty: str | None) -> None:
    answer = world.book(without(name) if empty == "absent" else guest_body(**{name: empty}))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.EMPTY_PARAMETER)
    assert fields_named(answer) == {name}
    assert not world.asked


ILL: list[tuple[str, Any]] = [
    ("careProviderId", "x"),
    ("careProviderId", CIPHER.encrypt(IdKind.BOOKING, PROVIDER)),
    ("careProviderId", 42),
    ("userId", CIPHER.encrypt(IdKind.CARE_PROVIDER, USER)),
    ("applicationMultiSlotId", CIPHER.encrypt(IdKind.SLOT, SLOT)),
    ("slotDate", "2026-02-30"),
    ("slotDate", "20260106"),
    ("slotDate", "٢٠٢٦-٠١-٠٦"),
    ("slotDate", 20260106),
    ("slotStartTime", "24:00"),
    ("slotStartTime", "10:00:00.5"),
    ("slotStartTime", "10"),
    ("slotEndTime", "11:00Z"),
    ("catCommunicationTypeId", "1"),
    ("catCommunicationTypeId", True),
    ("catCommunicationTypeId", 1.0),
    ("catCommunicationTypeId", 4),
    ("catCommunicationTypeId", 2**63),
    ("bookingPlatformId", 0),
    ("genderType", False),
    ("genderType", 2),
    ("isBookingFromMobile", "true"),
    ("isBookingFromMobile", 1),
    ("referenceId", "R" * 101),
    ("referenceId", 7),
    ("name", "N" * 201),
    ("name", "a\0b"),
    ("name", "\ud800"),
    ("name", ["a"]),
    ("dob", "2026-01-06"),
    ("dob", "1899-12-31"),
    ("gmtTimeDiffrenceHours", "3"),
    ("gmtTimeDiffrenceHours", True),
    ("gmtTimeDiffrenceHours", 14.25),
    ("gmtTimeDiffrenceHours", -12.25),
    ("gmtTimeDiffrenceHours", 5.6),
    ("timeZone", "Mars/Olympus"),
    ("timeZone", "../../etc/passwd"),
    ("timeZone", "Europe"),
    ("somethingElse", 1),
]


@pytest.mark.parametrize(("name", "value"), ILL)
def test_every_ill_field_is_named(world: World, name: str, value: Any) -> None:
    answer = world.book_raw({**guest_body(), name: value, "secureHash": "0" * 64})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert fields_named(answer) == {name}
    assert not world.asked


@pytest.mark.parametrize(
    ("given", "zone"),
    [
        ({"gmtTimeDiffrenceHours": 5.75}, timezone(timedelta(hours=5, minutes=45))),
        ({"gmtTimeDiffrenceHours": -12}, timezone(timedelta(hours=-12))),
        ({"gmtTimeDiffrenceHours": 0}, UTC),
        ({"timeZone": "Asia/Riyadh"}, ZoneInfo("Asia/Riyadh")),
    ],
)
def test_local_time_is_spoken_in_either_way(world: World, given: dict[str, Any], zone: Any) -> None:
    assert world.book(guest_body(**given)).status_code == 202
    assert world.asked[0].choice.zone == zone


def test_two_zones_are_one_too_many(world: World) -> None:
    answer = world.book(guest_body(gmtTimeDiffrenceHours=3, timeZone="Asia/Riyadh"))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert "timeZone" in fields_named(answer)


@pytest.mark.parametrize("name", ["name", "referenceId"])
def test_text_that_a_browser_could_run_is_refused(world: World, name: str) -> None:
    answer = world.book(guest_body(**{name: "<script>alert(1)</script>"}))
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.UNSAFE_TEXT)
    assert fields_named(answer) == {name}
    assert not world.asked


# --- secureHash ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(guest_body()))
def test_a_change_of_any_field_breaks_the_signature(world: World, name: str) -> None:
    other = {
        "slotDate": "2026-01-07",
        "slotStartTime": "10:30",
        "slotEndTime": "12:00",
        "catCommunicationTypeId": 2,
        "isBookingFromMobile": True,
        "bookingPlatformId": 2,
        "dob": "1990-05-16",
        "genderType": 1,
        "careProviderId": CIPHER.encrypt(IdKind.CARE_PROVIDER, 43),
        "applicationMultiSlotId": CIPHER.encrypt(IdKind.APPLICATION_MULTI_SLOT, 8),
    }
    answer = world.book_raw({**signed(guest_body()), name: other.get(name, "changed")})
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_SECURE_HASH)
    assert fields_named(answer) == {"secureHash"}
    assert not world.asked


def test_another_partners_key_does_not_sign(world: World) -> None:
    answer = world.book_raw(signed(guest_body(), key="another"))
    assert answer.json["reason"] == Reason.INVALID_SECURE_HASH


def test_a_null_field_is_left_out_of_the_signature(world: World) -> None:
    assert world.book(guest_body(timeZone=None)).status_code == 202


def test_a_token_sealed_under_an_old_key_is_a_401_not_a_fault(world: World) -> None:
    answer = world.book(**world.bearer(sealed=Sealer("other").seal("x")))
    assert answer.status_code == 401


# --- Idempotency-Key -----------------------------------------------------------------------


def test_a_key_goes_with_a_digest_that_knows_the_body_and_not_its_spelling(world: World) -> None:
    world.book(Idempotency_Key="a")
    world.book(dict(reversed(guest_body().items())), Idempotency_Key="a")
    world.book(guest_body(name="Other"), Idempotency_Key="a")
    first, respelled, other = (request.idempotency for request in world.asked)
    assert first is not None
    assert other is not None
    assert first == respelled
    assert first.body_digest != other.body_digest


def test_the_digest_is_the_same_under_the_old_path(world: World) -> None:
    world.book(Idempotency_Key="a")
    world.book(path=BOOK.replace("/v1", ""), Idempotency_Key="a")
    assert world.asked[0].idempotency == world.asked[1].idempotency


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "ключ", "a\t"])
def test_a_key_that_is_not_visible_ascii_is_named(world: World, key: str) -> None:
    answer = world.book(Idempotency_Key=key.encode().decode("latin-1"))
    assert (answer.status_code, fields_named(answer)) == (400, {"Idempotency-Key"})


def test_a_replay_says_so(world: World) -> None:
    assert "Idempotency-Replayed" not in world.book().headers
    world.is_replay = True
    answer = world.book()
    assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (202, "true")


# --- what the business refuses -------------------------------------------------------------

REFUSED: list[tuple[Exception, int, Reason, set[str]]] = [
    (UserNotFound("userId"), 400, Reason.USER_NOT_FOUND, {"userId"}),
    (UserContradicted("referenceId"), 400, Reason.INVALID_PARAMETER, {"referenceId"}),
    (SlotNotFound("applicationMultiSlotId"), 404, Reason.NOT_ALLOWED, {"applicationMultiSlotId"}),
    (SlotInPast("slotDate"), 400, Reason.SLOT_IN_PAST, {"slotDate"}),
    (SlotContradicted("slotEndTime"), 400, Reason.SLOT_CONTRADICTED, {"slotEndTime"}),
    (ReferenceContradicted(), 200, Reason.RECORD_ALREADY_EXIST, {"referenceId"}),
    (KeyReused(), 422, Reason.IDEMPOTENCY_KEY_REUSED, {"Idempotency-Key"}),
    (KeyInFlight(), 409, Reason.IDEMPOTENCY_KEY_IN_FLIGHT, {"Idempotency-Key"}),
    (StoreUnavailable(), 503, Reason.SERVICE_UNAVAILABLE, set()),
]


@pytest.mark.parametrize(("refusal", "http_status", "reason", "fields"), REFUSED)
def test_a_refusal_has_its_code_reason_and_field(
    world: World, refusal: Exception, http_status: int, reason: Reason, fields: set[str]
) -> None:
    world.refusal = refusal
    answer = world.book(X_Request_Id="0af7651916cd43dd8448eb211c80319c")
    assert (answer.status_code, answer.json["reason"], answer.json["status"]) == (http_status, reason, 0)
    assert fields_named(answer) == fields
    assert answer.json["message"]
    assert answer.json["requestId"] == answer.headers["X-Request-Id"] == "0af7651916cd43dd8448eb211c80319c"


def test_a_store_that_is_away_says_when_to_come_back_and_not_what_it_is(world: World) -> None:
    world.refusal = StoreUnavailable("secret text")
    answer = world.book()
    assert int(answer.headers["Retry-After"]) >= 1
    assert "secret" not in answer.text
    assert "atabase" not in answer.text


def test_a_fault_of_ours_tells_a_partner_nothing(world: World) -> None:
    world.refusal = ZeroDivisionError("secret text")
    answer = world.book()
    assert (answer.status_code, answer.json["reason"]) == (500, Reason.INTERNAL_ERROR)
    assert "secret" not in answer.text
    assert "Zero" not in answer.text


def test_a_fault_of_ours_is_logged_without_its_text(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.refusal = ZeroDivisionError("personal text")
    world.book()
    out, err = capfd.readouterr()
    assert "ZeroDivisionError" in out + err
    assert "personal" not in out + err


# --- Prefer: wait --------------------------------------------------------------------------


def test_a_preferred_wait_ends_with_the_booking(world: World) -> None:
    world.view = view_of()

    def confirm_at_third(number: int) -> None:
        world.view = CONFIRMED if number >= 3 else world.view

    world.at_look = confirm_at_third
    answer = world.book(Prefer="respond-async, wait=10")
    assert answer.status_code == 200
    assert answer.json["data"]["meetingId"] == "abcd-efgh-ijkl"
    assert answer.json["data"]["bookingStatus"] == BookingStatus.CONFIRMED
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert 0 < world.slept < 1


def test_a_wait_that_is_over_answers_as_accepted(world: World) -> None:
    world.view = view_of()
    answer = world.book(Prefer="wait=2")
    assert (answer.status_code, answer.json["data"]["bookingStatus"]) == (202, BookingStatus.PENDING)
    assert answer.headers["Preference-Applied"] == "wait=2"
    assert world.slept == pytest.approx(2)


def test_a_longer_wait_is_capped(world: World) -> None:
    world.view = view_of()
    assert world.book(Prefer="wait=3600").headers["Preference-Applied"] == "wait=20"
    assert world.slept == pytest.approx(20)


@pytest.mark.parametrize("prefer", ["wait", "wait=x", "wait=-1", "wait=1.5", "await=5", "wait=", ""])
def test_a_malformed_preference_is_ignored(world: World, prefer: str) -> None:
    world.view = view_of()
    answer = world.book(Prefer=prefer)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    assert world.slept == 0


def test_who_finds_no_place_to_wait_is_answered_at_once(world: World) -> None:
    world.view = view_of()
    inner: list[Any] = []

    def another_comes(number: int) -> None:
        if number == 1:
            inner.append(world.book(Prefer="wait=5"))

    world.places, world.at_look = 1, another_comes
    world.book(Prefer="wait=1")
    assert "Preference-Applied" not in inner[0].headers
    assert world.book(Prefer="wait=1").headers["Preference-Applied"] == "wait=1"  # the place is free again


ENDINGS = {
    Reason.RECORD_ALREADY_EXIST: 200,
    Reason.NOT_ALLOWED: 404,
    Reason.CHARITY_ORGANIZATION_BALANCE_OUT: 200,
    Reason.USER_NOT_FOUND: 400,
    Reason.MEETING_REFUSED: 502,
    Reason.SERVICE_UNAVAILABLE: 503,
    Reason.DEADLINE_PASSED: 504,
    Reason.BOOKING_WITHDRAWN: 409,
    Reason.INTERNAL_ERROR: 500,
    None: 500,
}


@pytest.mark.parametrize(("reason", "http_status"), ENDINGS.items())
def test_a_booking_that_ended_badly_answers_as_the_inventory_says(
    world: World, reason: Reason | None, http_status: int
) -> None:
    world.view = view_of(BookingStatus.FAILED, reason=reason, failed_step="create_meeting")
    answer = world.book(Prefer="wait=5")
    assert answer.status_code == http_status
    assert answer.json["status"] == 0
    assert answer.json["reason"] == (reason or Reason.INTERNAL_ERROR)
    assert answer.json["message"]
    assert answer.json["failedStep"] == "create_meeting"
    assert answer.json["data"]["bookingStatus"] == BookingStatus.FAILED


def test_a_store_that_goes_away_while_waiting_does_not_unsay_the_acceptance(world: World) -> None:
    def go_away(_number: int) -> None:
        raise StoreUnavailable

    world.at_look = go_away
    assert world.book(Prefer="wait=1").status_code == 202


# --- the old paths -------------------------------------------------------------------------


def test_the_unversioned_path_works_and_says_that_it_is_old(world: World) -> None:
    world.view = FAILED
    answer = world.book(path=BOOK.replace("/v1", ""))
    assert answer.status_code == 202
    assert answer.headers["Deprecation"].startswith("@")
    assert answer.headers["Sunset"].endswith("GMT")
    assert answer.headers["Link"] == f'<{BOOK}>; rel="successor-version"'
    assert answer.headers["Location"].startswith(STATUS)
    assert "Deprecation" not in world.book().headers


def test_a_reader_may_not_book(world: World) -> None:
    answer = world.book(**world.bearer(role=Role.READ_ONLY))
    assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)
    assert not world.asked
