"""GET getbookingstatus: what a partner reads about a booking, and how often."""

from datetime import timedelta

import pytest

from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, Reason, Role
from tests.unit.api.world import BOOKING, CIPHER, CONFIRMED, FAILED, NOW, OTHERS, USER, World, fields_named, view_of


@pytest.fixture
def world() -> World:
    return World(view=view_of())


def test_a_failed_booking_tells_its_story(world: World) -> None:
    world.view = FAILED
    body = world.status().json
    assert body["bookingId"] == CIPHER.encrypt(IdKind.BOOKING, BOOKING)
    assert body["userId"] == CIPHER.encrypt(IdKind.USER, USER)
    assert (body["bookingStatus"], body["meetingId"]) == (BookingStatus.FAILED, None)
    assert (body["reason"], body["failedStep"]) == (Reason.RECORD_ALREADY_EXIST, "schedule_booking")
    assert body["message"]
    assert (body["step"], body["sagaStatus"]) == ("create_meeting", "running")
    (line,) = body["timeline"]
    assert line == {
        "step": "check_slot",
        "kind": "action",
        "attempt": 1,
        "outcome": "done",
        "error": None,
        "startedAt": "2026-01-05T12:00:00.000Z",
        "durationMs": 3,
    }


def test_a_confirmed_booking_has_its_meeting(world: World) -> None:
    world.view = CONFIRMED
    answer = world.status()
    assert (answer.json["meetingId"], answer.json["reason"]) == ("abcd-efgh-ijkl", None)
    assert "Retry-After" not in answer.headers


def test_an_unchanged_booking_is_not_sent_twice(world: World) -> None:
    first = world.status()
    assert first.headers["ETag"].startswith('"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = world.status(If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    world.view = CONFIRMED
    assert world.status(If_None_Match=first.headers["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("due_in", "least", "most"), [(None, 1, 1), (timedelta(0), 1, 1), (timedelta(seconds=2.1), 3, 3)]
)
def test_a_pending_booking_says_when_to_ask_again(
    world: World, due_in: timedelta | None, least: int, most: int
) -> None:
    world.view = view_of(due_at=None if due_in is None else NOW + due_in)
    assert least <= int(world.status().headers["Retry-After"]) <= most


def test_a_foreign_booking_answers_as_a_missing_one(world: World) -> None:
    foreign = world.status(organization_id=OTHERS, X_Request_Id="a" * 32)
    missing = world.status(CIPHER.encrypt(IdKind.BOOKING, 999), X_Request_Id="a" * 32)
    assert (foreign.status_code, foreign.json["reason"]) == (404, Reason.NOT_FOUND)
    assert foreign.data == missing.data


@pytest.mark.parametrize("text", ["x", "5", CIPHER.encrypt(IdKind.USER, BOOKING), "%FF", "ü" * 43, "A" * 5000])
def test_an_id_that_we_did_not_give_out_is_named(world: World, text: str) -> None:
    answer = world.status(text)
    assert (answer.status_code, answer.json["reason"]) == (400, Reason.INVALID_PARAMETER)
    assert fields_named(answer) == {"bookingId"}


def test_a_preferred_wait_ends_with_the_booking(world: World) -> None:
    def confirm_at_third(number: int) -> None:
        world.view = CONFIRMED if number >= 3 else world.view

    world.at_look = confirm_at_third
    answer = world.status(Prefer="wait=5")
    assert answer.json["bookingStatus"] == BookingStatus.CONFIRMED
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert world.slept < 1


def test_waiting_is_over_when_it_is_over(world: World) -> None:
    assert world.status(Prefer="wait=1").json["bookingStatus"] == BookingStatus.PENDING
    assert world.slept == pytest.approx(1)


def test_a_missing_booking_is_not_waited_for(world: World) -> None:
    world.view = None
    assert world.status(Prefer="wait=20").status_code == 404
    assert world.slept == 0


def test_a_reader_may_read(world: World) -> None:
    assert world.status(**world.bearer(role=Role.READ_ONLY)).status_code == 200
