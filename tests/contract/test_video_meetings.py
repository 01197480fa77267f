"""What is relied on of VideoMeetings: on the fake, and on the real adapter over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import requests

from integrations.ports import ProviderMisconfigured, ProviderUnavailable, VideoMeetings
from integrations.sandbox.videosdk import API_KEY, SECRET_KEY
from integrations.videosdk.client import VideoSdkRooms
from integrations.videosdk.meetings import PER_PAGE, VideoSdkMeetings, recording_of
from integrations.videosdk.settings import VideoSdkSettings
from tests.contract.test_video_rooms import calls_of
from tests.fakes.meetings import FakeMeetings

TOLD = {
    "id": "r-1",
    "sessionId": "s-1",
    "createdAt": "2026-01-06T12:00:00.000Z",
    "file": {
        "fileUrl": "https://cdn.example/r-1.mp4",
        "size": 1234,
        "type": "video",
        "meta": {"resolution": {"w": 1280, "h": 720}, "format": "mp4", "duration": 61.5},
    },
}


@dataclass
class World:
    meetings: VideoMeetings
    open_room: Callable[[], str]
    close_room: Callable[[str], None]
    record: Callable[[str, int], None]  # so many recordings of this meeting


@pytest.fixture(params=["fake", "videosdk"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield fake()
        return
    url: str = request.getfixturevalue("sandbox_url")
    requests.delete(f"{url}/sandbox/memory", timeout=5)
    calls = calls_of(sandbox(url))
    rooms = VideoSdkRooms(calls)

    def record(meeting_id: str, number: int) -> None:
        for n in range(number):
            body = {**TOLD, "id": f"r-{n}", "roomId": meeting_id}
            requests.post(f"{url}/sandbox/recordings", json=body, timeout=5).raise_for_status()

    yield World(
        VideoSdkMeetings(calls),
        lambda: rooms.open_room("k-1").meeting_id,
        lambda meeting: rooms.close_room_if_open("k-1", meeting_id=meeting),
        record,
    )
    calls.close()


def sandbox(url: str, *, secret_key: str = SECRET_KEY) -> VideoSdkSettings:
    return VideoSdkSettings(endpoint=url, api_key=API_KEY, secret_key=secret_key, is_recording_enabled=False)


def fake() -> World:
    kept = FakeMeetings()

    def open_room() -> str:
        kept.open.add("abcd-efgh-ijkl")
        return "abcd-efgh-ijkl"

    def record(meeting_id: str, number: int) -> None:
        kept.recorded[meeting_id] = [recording_of({**TOLD, "id": f"r-{n}"}) for n in range(number)]

    return World(kept, open_room, kept.open.discard, record)


def test_a_meeting_is_open_until_its_room_is_closed(world: World) -> None:
    meeting_id = world.open_room()
    assert world.meetings.is_open(meeting_id)
    world.close_room(meeting_id)
    assert not world.meetings.is_open(meeting_id)


@pytest.mark.parametrize("meeting_id", ["never-was-there", "a/b?c=d", "../rooms"])
def test_a_meeting_that_never_was_is_not_open(world: World, meeting_id: str) -> None:
    assert not world.meetings.is_open(meeting_id)


@pytest.mark.parametrize("number", [0, 1, PER_PAGE, 2 * PER_PAGE + 3])
def test_every_recording_of_every_page_is_found(world: World, number: int) -> None:
    meeting_id = world.open_room()
    world.record(meeting_id, number)
    found = world.meetings.recordings(meeting_id)
    assert [recording.id for recording in found] == [f"r-{n}" for n in range(number)]


def test_a_recording_is_read_as_it_was_told(world: World) -> None:
    meeting_id = world.open_room()
    world.record(meeting_id, 1)
    (recording,) = world.meetings.recordings(meeting_id)
    assert recording.created_at == datetime(2026, 1, 6, 12, tzinfo=UTC)
    assert (recording.url, recording.session_id) == ("https://cdn.example/r-1.mp4", "s-1")
    assert (recording.size_bytes, recording.seconds, recording.resolution) == (1234, 61, "1280x720")


@pytest.mark.parametrize("file", [None, {}, {"fileUrl": None}, {"meta": "x", "size": "big"}])
def test_a_recording_in_processing_is_read_leniently(file: object) -> None:
    recording = recording_of({"id": "r-1", "createdAt": "yesterday", "file": file})
    assert (recording.id, recording.url, recording.size_bytes, recording.created_at) == ("r-1", None, None, None)


def test_a_refused_key_and_a_silent_service_are_told_apart(sandbox_url: str, dead_url: str) -> None:
    with pytest.raises(ProviderMisconfigured):
        VideoSdkMeetings(calls_of(sandbox(sandbox_url, secret_key="x" * 32))).is_open("abc")
    with pytest.raises(ProviderUnavailable):
        VideoSdkMeetings(calls_of(sandbox(dead_url))).recordings("abc")
