"""Pushes to a provider's devices through FCM HTTP v1.

The Firebase library builds and validates a message; we post it ourselves, because its own `send` retries inside the
call for longer than a saga's lease and knows no other address. Tokens come from google-auth.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from integrations.fcm.notifications import Notification, notification_of
from integrations.http import UNWATCHED, CallWatch, HttpService
from integrations.ports import (
    BOTH,
    Platform,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    Push,
)

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
TIME_TO_LIVE = timedelta(days=1)
LONGEST_TO_LIVE = timedelta(days=28)  # FCM keeps no message longer


class FcmPushSender:
    """The port PushSender. Safe for many threads of one process; builds its credential at the first push."""

    def __init__(
        self,
        *,
        endpoint: str,
        service_account_file: Path,
        timeout: timedelta,
        public_booking_id: Callable[[int], str],
        clock: Callable[[], datetime],
        connections: int = 10,
        watch: CallWatch = UNWATCHED,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._service_account_file = service_account_file
        self._timeout = timeout.total_seconds()
        self._public_booking_id = public_booking_id
        self._clock = clock
        self._lock = threading.Lock()
        self._service = HttpService("fcm", timeout=timeout, connections=connections, clock=clock, watch=watch)

    def send(self, push: Push, *, key: str, platforms: Sequence[Platform] = BOTH) -> None:
        """All platforms are tried, though the first fails; then the first error is raised."""
        public_id = None if push.booking_id is None else self._public_booking_id(push.booking_id)
        made = messages(
            notification_of(push, public_id=public_id),
            care_provider_id=push.care_provider_id,
            key=key,
            expires_at=push.expires_at,
            now=self._clock(),
        )
        first_error: ProviderError | None = None
        for platform in platforms:
            try:
                self._post(made[platform])
            except ProviderError as error:
                first_error = first_error or error
        if first_error is not None:
            raise first_error

    @staticmethod
    def prepare() -> None:
        """Import what a push needs, which takes a second or more, before the first one waits for it."""
        import_module("firebase_admin.messaging")
        import_module("google.auth.transport.urllib3")
        import_module("google.oauth2.service_account")

    def close(self) -> None:
        self._service.close()

    def _post(self, message: dict[str, Any]) -> None:
        url = f"{self._endpoint}/v1/projects/{self._credentials.project_id}/messages:send"
        authorization = f"Bearer {self._token()}"
        self._service.call("FCM send", "POST", url, authorization=authorization, body={"message": message})

    def _token(self) -> str:
        # `refresh` and not AuthorizedSession: that one starts a thread which asks iamcredentials.googleapis.com first.
        from google.auth.exceptions import GoogleAuthError, RefreshError
        from google.auth.transport.urllib3 import Request

        with self._lock:
            if not self._credentials.valid:
                try:
                    request = Request(self._service.pool)  # type: ignore[no-untyped-call]
                    self._credentials.refresh(_WithTimeout(request, self._timeout))
                except RefreshError as error:
                    raise _refresh_error(error) from error
                except GoogleAuthError as error:
                    raise ProviderUnavailable("FCM token: no answer", may_have_happened=False) from error
            return str(self._credentials.token)

    @cached_property
    def _credentials(self) -> Any:
        from google.oauth2.service_account import Credentials

        try:
            path = str(self._service_account_file)
            return Credentials.from_service_account_file(path, scopes=[SCOPE])  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise ProviderMisconfigured("FCM: the service account file is missing or not one") from error


def messages(
    notification: Notification, *, care_provider_id: int, key: str, expires_at: datetime | None, now: datetime
) -> Mapping[Platform, dict[str, Any]]:
    """The wire form of both messages: data only for Android, shown and data for iOS. `key` collapses repeats."""
    # Imported late: the library brings grpc and 40 MB, which a process that never pushes need not carry.
    from firebase_admin import messaging

    collapse = hashlib.sha256(key.encode()).hexdigest()  # 64 bytes: what APNs takes at most
    data = dict(notification.data)
    until = min(expires_at or now + TIME_TO_LIVE, now + LONGEST_TO_LIVE)
    android = messaging.Message(
        topic=f"android_doctor_{care_provider_id}~",
        data=data,
        android=messaging.AndroidConfig(priority="high", ttl=max(until - now, timedelta()), collapse_key=collapse),
    )
    ios = messaging.Message(
        topic=f"ios_doctor_{care_provider_id}~",
        notification=messaging.Notification(title=notification.title, body=notification.body),
        data=data,
        apns=messaging.APNSConfig(
            headers={
                "apns-priority": "10",
                "apns-push-type": "alert",
                "apns-collapse-id": collapse,
                "apns-expiration": str(int(until.timestamp())),
            },
            payload=messaging.APNSPayload(aps=messaging.Aps(sound="default", mutable_content=True)),
        ),
    )
    try:
        wire = {Platform.ANDROID: android, Platform.IOS: ios}
        return {platform: json.loads(str(message)) for platform, message in wire.items()}
    except ValueError as error:
        raise ProviderRefused("FCM: the message is not valid") from error


def _refresh_error(error: Any) -> ProviderError:
    if error.retryable:
        return ProviderUnavailable("FCM token: not now", may_have_happened=False)
    return ProviderMisconfigured("FCM token: the credential was refused")


class _WithTimeout:
    """A google-auth request whose calls take no longer than ours."""

    def __init__(self, request: Any, timeout: float) -> None:
        self._request, self._timeout = request, timeout

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._request(*args, **{**kwargs, "timeout": self._timeout})
