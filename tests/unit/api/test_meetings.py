"""GET getrecording and validatemeeting: a booking's meeting, for its own organization only."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.security.id_cipher import IdKind
from api.security.scopes import SCOPES_OF, Scope
from integrations.ports import ProviderMisconfigured, ProviderRefused, ProviderUnavailable, Recording
from repositories.entities.meetings import MeetingFact
from repositories.enums import BookingStatus, MeetingFactKind, Reason, Role
from tests.unit.api.world import BOOKING, CIPHER, CONFIRMED, NOW, OTHERS, USER, World, view_of

PUBLIC_ID = CIPHER.encrypt(IdKind.BOOKING, BOOKING)
MEETING = "abcd-efgh-ijkl"
READY = Recording(
    id="r-1",
    session_id="s-1",
    created_at=NOW + timedelta(days=1),
    url="https://cdn.example/r-1.mp4",
    type="video",
    size_bytes=1234,
    seconds=3000,
    resolution="1280x720",
    format="mp4",
)
PROCESSING = Recording(
    id="r-2",
    session_id=None,
    created_at=None,
    url=None,
    type=None,
    size_bytes=None,
    seconds=None,
    resolution=None,
    format=None,
)


@pytest.fixture
def world() -> World:
    return World(view=CONFIRMED)


def asked(world: World, what: str, *, public_id: str = PUBLIC_ID, **claims: Any) -> Any:
    given = {"scopes": {Scope.RECORDINGS_READ, Scope.BOOKINGS_READ}, **claims}
    return world.client.get(f"/api/v1/sessionbooking/{what}/{public_id}", headers=world.bearer(**given))


def test_every_recording_is_listed_ready_or_not(world: World) -> None:
    world.meetings.recorded[MEETING] = [READY, PROCESSING]
    answer = asked(world, "getrecording")
    assert (answer.status_code, answer.json["bookingId"]) == (200, PUBLIC_ID)
    ready, processing = answer.json["recordingsList"]
    assert ready == {
        "recordingId": "r-1",
        "sessionId": "s-1",
        "createdAt": "2026-01-06T12:00:00.000Z",
        "isReady": True,
        "fileUrl": "https://cdn.example/r-1.mp4",
        "fileType": "video",
        "fileSizeBytes": 1234,
        "durationSeconds": 3000,
        "resolution": "1280x720",
        "format": "mp4",
    }
    assert (processing["isReady"], processing["fileUrl"], processing["createdAt"]) == (False, None, None)


def test_a_booking_without_a_meeting_has_no_recordings(world: World) -> None:
    world.view = view_of(BookingStatus.FAILED, reason=Reason.NOT_ALLOWED)
    assert asked(world, "getrecording").json["recordingsList"] == []


def test_no_role_brings_recordings(world: World) -> None:
    for role in Role:
        answer = asked(world, "getrecording", scopes=SCOPES_OF[role])
        assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)


def test_a_meeting_is_valid_while_it_is_confirmed_and_open(world: World) -> None:
    assert asked(world, "validatemeeting").json["isValid"] is False
    world.meetings.open.add(MEETING)
    answer = asked(world, "validatemeeting")
    assert (answer.json["isValid"], answer.json["meetingId"]) == (True, MEETING)
    assert answer.json["startsAt"] == "2026-01-06T12:00:00.000Z"


def test_a_meeting_says_under_which_id_its_user_joins(world: World) -> None:
    assert asked(world, "validatemeeting").json["participantId"] == CIPHER.encrypt(IdKind.USER, USER)


def test_a_meeting_says_when_its_session_began_and_ended(world: World) -> None:
    answer = asked(world, "validatemeeting").json
    assert (answer["sessionStartedAt"], answer["sessionEndedAt"]) == (None, None)
    began = MeetingFact(kind=MeetingFactKind.SESSION_STARTED, session_id="s", at=NOW)
    world.inbox.facts[BOOKING] = [began]
    answer = asked(world, "validatemeeting").json
    assert (answer["sessionStartedAt"], answer["sessionEndedAt"]) == ("2026-01-05T12:00:00.000Z", None)
    world.inbox.facts[BOOKING] += [replace(began, kind=MeetingFactKind.SESSION_ENDED, at=NOW + timedelta(hours=1))]
    assert asked(world, "validatemeeting").json["sessionEndedAt"] == "2026-01-05T13:00:00.000Z"


@pytest.mark.parametrize("status", [BookingStatus.PENDING, BookingStatus.FAILED, BookingStatus.CANCELLED])
def test_a_booking_that_is_not_confirmed_has_no_valid_meeting(world: World, status: BookingStatus) -> None:
    world.view = view_of(status)
    world.meetings.open.add(MEETING)
    answer = asked(world, "validatemeeting")
    assert (answer.status_code, answer.json["isValid"], answer.json["bookingStatus"]) == (200, False, status)


@pytest.mark.parametrize("what", ["getrecording", "validatemeeting"])
def test_anothers_booking_is_a_missing_one(world: World, what: str) -> None:
    answer = asked(world, what, organization_id=OTHERS)
    assert (answer.status_code, answer.json["reason"]) == (404, Reason.NOT_FOUND)


@pytest.mark.parametrize("what", ["getrecording", "validatemeeting"])
@pytest.mark.parametrize(
    "error",
    [ProviderUnavailable("x", may_have_happened=True), ProviderMisconfigured("x"), ProviderRefused("x")],
)
def test_whatever_videosdk_answers_a_partner_may_ask_again(world: World, what: str, error: Exception) -> None:
    world.meetings.fail_next(error)
    answer = asked(world, what)
    assert (answer.status_code, answer.json["reason"]) == (503, Reason.SERVICE_UNAVAILABLE)
    assert answer.headers["Retry-After"]
