"""What the saga relies on of VideoRooms: on the fake, and on the real adapter over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.ports import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    VideoRooms,
)
from integrations.sandbox.videosdk import API_KEY, SECRET_KEY
from integrations.videosdk.calls import VideoSdkCalls
from integrations.videosdk.client import RECORDING, VideoSdkRooms
from integrations.videosdk.settings import VideoSdkSettings
from saga.meeting_reports import OF_KIND
from tests.fakes.rooms import FakeRooms


@dataclass
class World:
    rooms: VideoRooms
    is_open: Callable[[str], bool]  # by meeting id


def real_rooms(
    url: str,
    *,
    webhook_url: str | None = None,
    secret_key: str = SECRET_KEY,
    timeout: float = 5,
    recording: bool = False,
    ahead: timedelta = timedelta(),
) -> VideoSdkRooms:
    settings = VideoSdkSettings(endpoint=url, api_key=API_KEY, secret_key=secret_key, is_recording_enabled=recording)
    return VideoSdkRooms(calls_of(settings, timeout=timeout, ahead=ahead), webhook_url=webhook_url)


def calls_of(settings: VideoSdkSettings, *, timeout: float = 5, ahead: timedelta = timedelta()) -> VideoSdkCalls:
    """`ahead`: how wrong our clock goes."""
    return VideoSdkCalls(
        settings=lambda: settings, timeout=timedelta(seconds=timeout), clock=lambda: datetime.now(UTC) + ahead
    )


def rooms_at(url: str) -> dict[str, dict[str, Any]]:
    rooms = requests.get(f"{url}/sandbox/rooms", timeout=5).json()["rooms"]
    return {room["roomId"]: room for room in rooms}


@pytest.fixture(params=["fake", "videosdk"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeRooms()
        yield World(fake, lambda meeting: any(r.is_open for r in fake.rooms.values() if r.meeting_id == meeting))
        return
    url: str = request.getfixturevalue("sandbox_url")
    requests.delete(f"{url}/sandbox/memory", timeout=5)
    rooms = real_rooms(url)
    yield World(rooms, lambda meeting: meeting in rooms_at(url) and not rooms_at(url)[meeting]["disabled"])
    rooms.close()


def test_a_room_is_open_once_it_was_opened(world: World) -> None:
    assert world.is_open(world.rooms.open_room("k-1").meeting_id)


def test_opening_twice_under_one_key_is_opening_once(world: World) -> None:
    assert world.rooms.open_room("k-1") == world.rooms.open_room("k-1")


def test_two_keys_are_two_rooms(world: World) -> None:
    assert world.rooms.open_room("k-1") != world.rooms.open_room("k-2")


def test_a_room_is_closed_by_its_meeting_id(world: World) -> None:
    meeting = world.rooms.open_room("k-1").meeting_id
    world.rooms.close_room_if_open("k-1", meeting_id=meeting)
    assert not world.is_open(meeting)


def test_without_a_receipt_a_room_is_found_by_its_key_and_closed(world: World) -> None:
    meeting = world.rooms.open_room("k-1").meeting_id
    world.rooms.close_room_if_open("k-1", meeting_id=None)
    assert not world.is_open(meeting)


def test_closing_twice_is_closing_once(world: World) -> None:
    meeting = world.rooms.open_room("k-1").meeting_id
    for given in (meeting, meeting, None, None):
        world.rooms.close_room_if_open("k-1", meeting_id=given)
    assert not world.is_open(meeting)


def test_closing_what_never_was_is_fine(world: World) -> None:
    world.rooms.close_room_if_open("never", meeting_id=None)
    world.rooms.close_room_if_open("never", meeting_id="none-such-room")


def test_closing_one_room_leaves_the_others_open(world: World) -> None:
    one, other = world.rooms.open_room("k-1"), world.rooms.open_room("k-2")
    world.rooms.close_room_if_open("k-1", meeting_id=one.meeting_id)
    assert world.is_open(other.meeting_id)


def test_an_open_room_is_found_by_its_key_and_by_its_meeting_id_until_it_is_closed(world: World) -> None:
    meeting = world.rooms.open_room("k-1").meeting_id
    world.rooms.open_room("k-2")
    assert [world.rooms.find_open_room(either) for either in ("k-1", meeting)] == [meeting, meeting]
    world.rooms.close_room_if_open("k-1", meeting_id=meeting)
    assert [world.rooms.find_open_room(either) for either in ("k-1", meeting, "never")] == [None, None, None]


# --- the real adapter alone ----------------------------------------------------------------


@pytest.fixture
def rooms(sandbox_url: str) -> Iterator[VideoSdkRooms]:
    requests.delete(f"{sandbox_url}/sandbox/memory", timeout=5)
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=5)
    adapter = real_rooms(sandbox_url, timeout=0.4)
    yield adapter
    adapter.close()
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=5)


def plan(url: str, **fault: Any) -> None:
    requests.post(f"{url}/sandbox/faults", json={"times": 1, **fault}, timeout=5).raise_for_status()


def refusal(rooms: VideoSdkRooms) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        rooms.open_room("k-1")
    return caught.value


@pytest.mark.parametrize("status", [400, 402, 404, 409, 422, 418])
def test_a_4xx_is_a_no(rooms: VideoSdkRooms, sandbox_url: str, status: int) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind="status", status=status, body="bare text")
    assert isinstance(refusal(rooms), ProviderRefused)


def test_a_clock_that_is_ahead_gets_no_key_refused(sandbox_url: str) -> None:
    rooms = real_rooms(sandbox_url, ahead=timedelta(seconds=50))
    assert rooms.open_room("k-1").meeting_id


@pytest.mark.parametrize("status", [401, 403])
def test_our_own_key_refused_is_misconfigured(rooms: VideoSdkRooms, sandbox_url: str, status: int) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind="status", status=status)
    assert isinstance(refusal(rooms), ProviderMisconfigured)


def test_a_wrong_secret_is_misconfigured(sandbox_url: str) -> None:
    adapter = real_rooms(sandbox_url, secret_key="another-secret-00000000000000000000")
    assert isinstance(refusal(adapter), ProviderMisconfigured)
    adapter.close()


@pytest.mark.parametrize(
    ("status", "may_have_happened"), [(500, True), (503, True), (301, True), (429, False), (408, False)]
)
def test_not_now_says_whether_it_may_have_happened(
    rooms: VideoSdkRooms, sandbox_url: str, status: int, may_have_happened: bool
) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind="status", status=status)
    error = refusal(rooms)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_happened is may_have_happened


def test_retry_after_is_passed_on(rooms: VideoSdkRooms, sandbox_url: str) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind="status", status=429, headers={"Retry-After": "7"})
    error = refusal(rooms)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == timedelta(seconds=7)


def test_a_connection_that_never_came_about_changed_nothing(dead_url: str) -> None:
    adapter = real_rooms(dead_url)
    error = refusal(adapter)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_happened is False
    adapter.close()


@pytest.mark.parametrize("kind", ["drop_after_effect", "malformed", "hang"])
def test_an_answer_lost_may_have_happened_and_a_repeat_finds_the_room(
    rooms: VideoSdkRooms, sandbox_url: str, kind: str
) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind=kind, delayMs=900, afterEffect=True)
    error = refusal(rooms)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_happened is True
    meeting = rooms.open_room("k-1").meeting_id
    assert list(rooms_at(sandbox_url)) == [meeting]


def test_an_answer_that_makes_no_sense_is_unknown(rooms: VideoSdkRooms, sandbox_url: str) -> None:
    for body in ({"roomId": 7}, {"roomId": "x" * 65}, {}, ["roomId"]):
        plan(sandbox_url, route="videosdk.create_room", kind="status", status=200, body=body)
        error = refusal(rooms)
        assert isinstance(error, ProviderUnavailable)
        assert error.may_have_happened is True


def test_a_deactivated_room_is_never_taken_for_an_open_one(rooms: VideoSdkRooms) -> None:
    meeting = rooms.open_room("k-1").meeting_id
    rooms.close_room_if_open("k-1", meeting_id=meeting)
    assert isinstance(refusal(rooms), ProviderRefused)


def test_no_error_tells_what_the_service_wrote(rooms: VideoSdkRooms, sandbox_url: str) -> None:
    plan(sandbox_url, route="videosdk.create_room", kind="status", status=400, body={"message": "SECRET"})
    assert "SECRET" not in str(refusal(rooms))


@pytest.mark.parametrize("recording", [True, False])
def test_recording_is_asked_for_exactly_when_the_setting_says_so(sandbox_url: str, recording: bool) -> None:
    requests.delete(f"{sandbox_url}/sandbox/memory", timeout=5)
    adapter = real_rooms(sandbox_url, recording=recording)
    meeting = adapter.open_room("k-9").meeting_id
    assert rooms_at(sandbox_url)[meeting]["wish"].get("autoStartConfig") == (RECORDING if recording else None)
    adapter.close()


def test_a_token_is_minted_again_before_it_ends(sandbox_url: str) -> None:
    now = datetime.now(UTC)
    settings = VideoSdkSettings(
        endpoint=sandbox_url, api_key=API_KEY, secret_key=SECRET_KEY, is_recording_enabled=False
    )
    adapter = VideoSdkCalls(settings=lambda: settings, timeout=timedelta(seconds=5), clock=lambda: now)
    first = adapter._token(settings)
    assert adapter._token(settings) == first
    now += timedelta(minutes=25)
    assert adapter._token(settings) != first
    adapter.close()


def test_a_room_reports_to_where_it_was_told_to(sandbox_url: str) -> None:
    url = "https://api.example.com/webhooks/videosdk"
    rooms = real_rooms(sandbox_url, webhook_url=url)
    meeting = rooms.open_room("k-reporting").meeting_id
    told = rooms_at(sandbox_url)[meeting]["wish"]["webhook"]
    assert (told["endPoint"], set(told["events"])) == (url, set(OF_KIND))


def test_a_room_reports_nowhere_unless_it_was_told_to(sandbox_url: str) -> None:
    meeting = real_rooms(sandbox_url).open_room("k-silent").meeting_id
    assert "webhook" not in rooms_at(sandbox_url)[meeting]["wish"]
