"""Rooms at VideoSDK v2 over HTTP. Source of the wire facts: docs.videosdk.live/api-reference/realtime-communication."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt

from integrations.http import HttpService, json_of, nonsense
from integrations.ports import ProviderRefused, Room
from integrations.videosdk.settings import VideoSdkSettings

TOKEN_LIFETIME = timedelta(minutes=30)
TOKEN_MARGIN = timedelta(minutes=5)
LONGEST_ROOM_ID = 64
CREATE, FIND = "create room", "find room"
NOT_THERE = frozenset({400, 402, 404})  # VideoSDK says 402 for a room that it does not know

RECORDING = {
    "recording": {
        "transcription": {"enabled": True, "summary": {"enabled": True, "prompt": "Psyter Online Therapy Session"}},
        "config": {"layout": {"type": "GRID", "priority": "SPEAKER", "gridSize": 2}},
    }
}


class VideoSdkRooms:
    """The port VideoRooms. Safe for many threads; each call has a time-out and no retry of its own."""

    def __init__(
        self,
        *,
        settings: Callable[[], VideoSdkSettings],
        timeout: timedelta,
        clock: Callable[[], datetime],
        connections: int = 10,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._service = HttpService(timeout=timeout, connections=connections, clock=clock)
        self._tokens: dict[VideoSdkSettings, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def open_room(self, key: str) -> Room:
        """VideoSDK answers a customRoomId it knows with that room, so a repeat opens no second one."""
        settings = self._settings()
        wish: dict[str, Any] = {"customRoomId": key}
        if settings.is_recording_enabled:
            wish["autoStartConfig"] = RECORDING
        answer = self._service.call(
            CREATE, "POST", f"{settings.endpoint}/v2/rooms", authorization=self._token(settings), body=wish
        )
        room = json_of(CREATE, answer)
        if room.get("disabled") is True:
            raise ProviderRefused(f"{CREATE}: the room is deactivated")
        return Room(meeting_id=_room_id(CREATE, room))

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        settings = self._settings()
        if meeting_id is None:
            meeting_id = self._find_open_room(settings, key)
        if meeting_id is not None:
            url = f"{settings.endpoint}/v2/rooms/deactivate"
            wish = {"roomId": meeting_id}
            self._service.call(
                "deactivate room", "POST", url, authorization=self._token(settings), body=wish, fine=NOT_THERE
            )

    def find_open_room(self, key: str) -> str | None:
        return self._find_open_room(self._settings(), key)

    def close(self) -> None:
        self._service.close()

    def _find_open_room(self, settings: VideoSdkSettings, key: str) -> str | None:
        url = f"{settings.endpoint}/v2/rooms/{key}"
        answer = self._service.call(FIND, "GET", url, authorization=self._token(settings), fine=NOT_THERE)
        if answer.status in NOT_THERE:
            return None
        room = json_of(FIND, answer)
        return None if room.get("disabled") is True else _room_id(FIND, room)

    def _token(self, settings: VideoSdkSettings) -> str:
        """A server token (raw JWT, no `Bearer`), minted again before it ends."""
        now = self._clock()
        with self._lock:
            token, ends_at = self._tokens.get(settings, ("", now))
            if ends_at - now <= TOKEN_MARGIN:
                token, ends_at = server_token(settings, now), now + TOKEN_LIFETIME
                self._tokens = {settings: (token, ends_at)}
            return token


def server_token(settings: VideoSdkSettings, now: datetime) -> str:
    claims = {
        "apikey": settings.api_key,
        "permissions": ["allow_join", "allow_mod"],
        "version": 2,
        "roles": ["crawler"],
        "iat": now,
        "exp": now + TOKEN_LIFETIME,
    }
    return jwt.encode(claims, settings.secret_key, algorithm="HS256")


def _room_id(call: str, room: Mapping[str, Any]) -> str:
    room_id = room.get("roomId")
    if not isinstance(room_id, str) or not 0 < len(room_id) <= LONGEST_ROOM_ID:
        raise nonsense(call)
    return room_id
