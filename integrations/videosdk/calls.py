"""Calls of VideoSDK v2: the address and keys of the settings, a server token, kept connections.

Source of the wire facts: docs.videosdk.live/api-reference/realtime-communication.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
import urllib3

from integrations.http import UNWATCHED, CallWatch, HttpService
from integrations.videosdk.settings import VideoSdkSettings

TOKEN_LIFETIME = timedelta(minutes=30)
TOKEN_MARGIN = timedelta(minutes=5)
CLOCK_DRIFT = timedelta(minutes=1)  # a token from the future is refused, and a refused key stops everybody
NOT_THERE = frozenset({400, 402, 404})  # VideoSDK says 402 for a room that it does not know


class VideoSdkCalls:
    """Safe for many threads; each call has a time-out and no retry of its own."""

    def __init__(
        self,
        *,
        settings: Callable[[], VideoSdkSettings],
        timeout: timedelta,
        clock: Callable[[], datetime],
        connections: int = 10,
        watch: CallWatch = UNWATCHED,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._service = HttpService("videosdk", timeout=timeout, connections=connections, clock=clock, watch=watch)
        self._tokens: dict[VideoSdkSettings, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def settings(self) -> VideoSdkSettings:
        return self._settings()

    def call(
        self,
        name: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        fine: frozenset[int] = frozenset(),
    ) -> urllib3.BaseHTTPResponse:
        """The answer, if it is a 2xx or one of `fine`; `name` stands for the call in errors. Raises ProviderError."""
        settings = self._settings()
        return self._service.call(
            name, method, f"{settings.endpoint}{path}", authorization=self._token(settings), body=body, fine=fine
        )

    def close(self) -> None:
        self._service.close()

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
        "iat": now - CLOCK_DRIFT,
        "exp": now + TOKEN_LIFETIME,
    }
    return jwt.encode(claims, settings.secret_key, algorithm="HS256")
