"""Rooms at VideoSDK v2 over HTTP. Source of the wire facts: docs.videosdk.live/api-reference/realtime-communication."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
import requests
from requests.adapters import HTTPAdapter

from integrations.http_errors import error_of, unanswered
from integrations.ports import ProviderRefused, ProviderUnavailable, Room
from integrations.videosdk.settings import VideoSdkSettings

TOKEN_LIFETIME = timedelta(minutes=30)
TOKEN_MARGIN = timedelta(minutes=5)
NOT_THERE = {400, 402, 404}  # VideoSDK says 402 for a room that it does not know

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
        self._timeout = timeout.total_seconds()
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy or .netrc look-up at each call
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=connections))
        self._tokens: dict[VideoSdkSettings, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def open_room(self, key: str) -> Room:
        """VideoSDK answers a customRoomId it knows with that room, so a repeat opens no second one."""
        settings = self._settings()
        wish: dict[str, Any] = {"customRoomId": key}
        if settings.is_recording_enabled:
            wish["autoStartConfig"] = RECORDING
        room = _json(self._call(settings, "POST", "/v2/rooms", wish), "POST /v2/rooms")
        if room.get("disabled") is True:
            raise ProviderRefused("POST /v2/rooms: the room is deactivated")
        return Room(meeting_id=_room_id(room, "POST /v2/rooms"))

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        settings = self._settings()
        if meeting_id is None:
            meeting_id = self._find_open_room(settings, key)
        if meeting_id is not None:
            self._call(settings, "POST", "/v2/rooms/deactivate", {"roomId": meeting_id}, fine=NOT_THERE)

    def close(self) -> None:
        self._session.close()

    def _find_open_room(self, settings: VideoSdkSettings, key: str) -> str | None:
        answer = self._call(settings, "GET", f"/v2/rooms/{key}", fine=NOT_THERE)
        if answer.status_code in NOT_THERE:
            return None
        room = _json(answer, "GET /v2/rooms/{key}")
        return None if room.get("disabled") is True else _room_id(room, "GET /v2/rooms/{key}")

    def _call(
        self,
        settings: VideoSdkSettings,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        fine: frozenset[int] | set[int] = frozenset(),
    ) -> requests.Response:
        call = f"{method} {'/'.join(path.split('/')[:3])}"
        try:
            answer = self._session.request(
                method,
                settings.endpoint + path,
                json=body,
                headers={"Authorization": self._token(settings)},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise unanswered(call, error) from error
        if answer.status_code not in fine and (refusal := error_of(call, answer, now=self._clock())):
            raise refusal
        return answer

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


def _json(answer: requests.Response, call: str) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise _nonsense(call) from error
    if not isinstance(body, dict):
        raise _nonsense(call)
    return body


def _room_id(room: Mapping[str, Any], call: str) -> str:
    room_id = room.get("roomId")
    if not isinstance(room_id, str) or not 0 < len(room_id) <= 64:
        raise _nonsense(call)
    return room_id


def _nonsense(call: str) -> ProviderUnavailable:
    return ProviderUnavailable(f"{call}: an answer that makes no sense", may_have_happened=True)
