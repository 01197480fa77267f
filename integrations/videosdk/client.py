"""Rooms at VideoSDK v2 over HTTP."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from integrations.http import json_of, nonsense
from integrations.ports import ProviderRefused, Room
from integrations.videosdk.calls import NOT_THERE, VideoSdkCalls
from integrations.videosdk.webhooks import REPORTED

LONGEST_ROOM_ID = 64
CREATE, FIND = "create room", "find room"

RECORDING = {
    "recording": {
        "transcription": {"enabled": True, "summary": {"enabled": True, "prompt": "Psyter Online Therapy Session"}},
        "config": {"layout": {"type": "GRID", "priority": "SPEAKER", "gridSize": 2}},
    }
}


class VideoSdkRooms:
    """The port VideoRooms. `webhook_url`: where VideoSDK is to report what happens in the rooms; None: nowhere."""

    def __init__(self, calls: VideoSdkCalls, *, webhook_url: str | None = None) -> None:
        self._calls = calls
        self._webhook_url = webhook_url

    def open_room(self, key: str) -> Room:
        """VideoSDK answers a customRoomId it knows with that room, so a repeat opens no second one."""
        wish: dict[str, Any] = {"customRoomId": key}
        if self._calls.settings().is_recording_enabled:
            wish["autoStartConfig"] = RECORDING
        if self._webhook_url is not None:
            wish["webhook"] = {"endPoint": self._webhook_url, "events": list(REPORTED)}
        room = json_of(CREATE, self._calls.call(CREATE, "POST", "/v2/rooms", body=wish))
        if room.get("disabled") is True:
            raise ProviderRefused(f"{CREATE}: the room is deactivated")
        return Room(meeting_id=_room_id(CREATE, room))

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        if meeting_id is None:
            meeting_id = self.find_open_room(key)
        if meeting_id is not None:
            wish = {"roomId": meeting_id}
            self._calls.call("deactivate room", "POST", "/v2/rooms/deactivate", body=wish, fine=NOT_THERE)

    def find_open_room(self, key: str) -> str | None:
        answer = self._calls.call(FIND, "GET", f"/v2/rooms/{quote(key, safe='')}", fine=NOT_THERE)
        if answer.status in NOT_THERE:
            return None
        room = json_of(FIND, answer)
        return None if room.get("disabled") is True else _room_id(FIND, room)

    def close(self) -> None:
        self._calls.close()


def _room_id(call: str, room: Mapping[str, Any]) -> str:
    room_id = room.get("roomId")
    if not isinstance(room_id, str) or not 0 < len(room_id) <= LONGEST_ROOM_ID:
        raise nonsense(call)
    return room_id
