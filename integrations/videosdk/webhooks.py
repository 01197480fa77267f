"""VideoSDK's webhooks: are they VideoSDK's, and what do they report.

Each is signed with RSA-SHA256 (PKCS #1 v1.5) over the raw body, in base64, in the header `videosdk-signature`.
Source: docs.videosdk.live/api-reference/realtime-communication/webhook-verification and .../user-webhooks.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from integrations.http import json_of, nonsense
from integrations.ports import ProviderError, ProviderUnavailable, ReportMalformed, RoomReport, SignatureWrong
from integrations.videosdk.calls import VideoSdkCalls

SIGNATURE = "videosdk-signature"
PUBLIC_KEY = "public key"
ASKED_AGAIN = timedelta(minutes=1)  # at most so often, whatever comes in
REPORTED = ("session-started", "session-ended", "participant-joined", "participant-left", "recording-stopped")
KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
AN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
LONGEST_PARTICIPANT_ID = 512


class KeyUnusable(ValueError):
    """Not an RSA public key in PEM."""


def public_key(pem: str) -> RSAPublicKey:
    """Raises KeyUnusable."""
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable from error
    if not isinstance(key, RSAPublicKey):
        raise KeyUnusable
    return key


def is_signed(body: bytes, signature: bytes, key: RSAPublicKey) -> bool:
    try:
        key.verify(signature, body, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


class VideoSdkKey:
    """VideoSDK's public key, asked for when it is first needed, and again when it does not verify a webhook.

    Safe for many threads; however many forged webhooks come in, VideoSDK is asked once in ASKED_AGAIN.
    """

    def __init__(self, calls: VideoSdkCalls, *, clock: Callable[[], datetime]) -> None:
        self._calls = calls
        self._clock = clock
        self._lock = threading.Lock()
        self._known: RSAPublicKey | None = None
        self._asked_at: datetime | None = None
        self._failure: ProviderError | None = None

    def verifies(self, body: bytes, signature: bytes) -> bool:
        """Raises ProviderError if there is no key to verify with."""
        tried = self._known
        if tried is not None and is_signed(body, signature, tried):
            return True
        newest = self._newest()
        return newest is not tried and is_signed(body, signature, newest)

    def _newest(self) -> RSAPublicKey:
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at >= ASKED_AGAIN:
                self._ask()
            if self._known is None:
                raise self._failure or ProviderUnavailable(PUBLIC_KEY, may_have_happened=False)
            return self._known

    def _ask(self) -> None:
        self._asked_at = self._clock()
        try:
            self._known, self._failure = self._asked(), None
        except ProviderError as error:
            self._failure = error  # the key that is known stays good

    def _asked(self) -> RSAPublicKey:
        answer = json_of(PUBLIC_KEY, self._calls.call(PUBLIC_KEY, "GET", "/v2/public/rsa-public-key"))
        try:
            return public_key(str(answer.get("publicKey")))
        except KeyUnusable as error:
            raise nonsense(PUBLIC_KEY) from error


class PinnedKey:
    """A key that the settings name: VideoSDK is never asked."""

    def __init__(self, pem: str) -> None:
        self._key = public_key(pem)

    def verifies(self, body: bytes, signature: bytes) -> bool:
        return is_signed(body, signature, self._key)


class VideoSdkReports:
    """The port RoomReports."""

    def __init__(self, key: VideoSdkKey | PinnedKey) -> None:
        self._key = key

    def read(self, body: bytes, *, signature: str | None) -> RoomReport:
        if not self._key.verifies(body, _signature(signature)):
            raise SignatureWrong
        return report_of(body)


def _signature(text: str | None) -> bytes:
    """Raises SignatureWrong for what no key could verify."""
    try:
        return base64.b64decode(text or "", validate=True) or _wrong()
    except ValueError as error:
        raise SignatureWrong from error


def _wrong() -> bytes:
    raise SignatureWrong


def report_of(body: bytes) -> RoomReport:
    """What is reported, read leniently beyond the kind and the ids. Raises ReportMalformed."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReportMalformed from error
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, dict):
        raise ReportMalformed
    return RoomReport(
        kind=_matching(KIND, told.get("webhookType")),
        meeting_id=_matching(AN_ID, data.get("meetingId")),
        session_id=_matching(AN_ID, data.get("sessionId")),
        participant_id=_participant_id(data),
        started_at=_instant(data.get("start")),
        ended_at=_instant(data.get("end")),
        file=_file(data),
    )


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.match(value):
        raise ReportMalformed
    return value


def _participant_id(data: Mapping[str, Any]) -> str | None:
    given = data.get("participantId")
    if given is not None and (not isinstance(given, str) or len(given) > LONGEST_PARTICIPANT_ID):
        raise ReportMalformed
    return given


def _file(data: Mapping[str, Any]) -> str | None:
    named = (data.get("filePath"), data.get("fileUrl"))
    return next((one for one in named if isinstance(one, str) and one), None)


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
