"""VideoSDK's webhooks: only VideoSDK's are read, and what they say is read strictly where it decides."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrations.ports import ProviderUnavailable, ReportMalformed, RoomReport, SignatureWrong
from integrations.sandbox.videosdk_webhooks import Signer, signature_of
from integrations.videosdk.webhooks import (
    ASKED_AGAIN,
    KeyUnusable,
    PinnedKey,
    VideoSdkKey,
    VideoSdkReports,
    public_key,
    report_of,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SIGNER, OTHER = Signer(), Signer()
DATA: dict[str, Any] = {"meetingId": "abcd-efgh-ijkl", "sessionId": "613731342f27f56e4fc4b6d0"}


def webhook(kind: Any = "session-started", **data: Any) -> bytes:
    return json.dumps({"webhookType": kind, "data": DATA | data}).encode()


BODY = webhook()
GOOD = signature_of(BODY, SIGNER.own)


class Answer:
    def __init__(self, body: Any) -> None:
        self.data = json.dumps(body).encode()


@dataclass
class Calls:
    """Serves a public key, or fails."""

    signer: Signer
    asked: int = 0
    failure: Exception | None = None

    def call(self, *_args: Any, **_named: Any) -> Answer:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Answer({"publicKey": self.signer.public_pem()})


@dataclass
class World:
    calls: Calls = field(default_factory=lambda: Calls(SIGNER))
    now: datetime = NOW

    def __post_init__(self) -> None:
        calls: Any = self.calls
        self.reports = VideoSdkReports(VideoSdkKey(calls, clock=lambda: self.now))

    def read(self, body: bytes = BODY, signature: str | None = GOOD) -> RoomReport:
        return self.reports.read(body, signature=signature)


@pytest.fixture
def world() -> World:
    return World()


def test_a_webhook_that_videosdk_signed_is_read(world: World) -> None:
    assert world.read() == RoomReport(
        kind="session-started", meeting_id="abcd-efgh-ijkl", session_id="613731342f27f56e4fc4b6d0"
    )


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "not base64!",
        base64.b64encode(b"short").decode(),
        signature_of(BODY, OTHER.own),
        signature_of(BODY + b" ", SIGNER.own),
        GOOD[:-4],
        GOOD.replace("=", "") + "\n",
        "م",
    ],
    ids=["none", "empty", "no_base64", "short", "another_key", "another_body", "cut", "padding", "arabic"],
)
def test_any_other_signature_is_refused(world: World, signature: str | None) -> None:
    with pytest.raises(SignatureWrong):
        world.read(signature=signature)


@pytest.mark.parametrize("tampered", [BODY + b" ", BODY.replace(b"started", b"ended"), BODY.replace(b": ", b":"), b""])
def test_a_body_that_was_changed_is_refused(world: World, tampered: bytes) -> None:
    with pytest.raises(SignatureWrong):
        world.read(tampered)


def test_the_key_is_asked_for_once(world: World) -> None:
    for _ in range(5):
        world.read()
    assert world.calls.asked == 1


def test_a_key_that_changed_is_asked_for_again(world: World) -> None:
    world.read()
    world.calls.signer = OTHER
    world.now += ASKED_AGAIN
    world.read(signature=signature_of(BODY, OTHER.own))
    assert world.calls.asked == 2
    with pytest.raises(SignatureWrong):
        world.read()


def test_however_many_forged_ones_come_in_the_key_is_asked_for_once_a_while(world: World) -> None:
    forged = signature_of(BODY, OTHER.own)
    for _ in range(50):
        with pytest.raises(SignatureWrong):
            world.read(signature=forged)
    assert world.calls.asked == 1
    world.now += ASKED_AGAIN
    with pytest.raises(SignatureWrong):
        world.read(signature=forged)
    assert world.calls.asked == 2
    world.read()


def test_without_a_key_nothing_is_read_and_videosdk_is_left_alone_for_a_while(world: World) -> None:
    world.calls.failure = ProviderUnavailable("down", may_have_happened=False)
    for _ in range(9):
        with pytest.raises(ProviderUnavailable):
            world.read()
    assert world.calls.asked == 1
    world.calls.failure = None
    world.now += ASKED_AGAIN
    world.read()


def test_a_known_key_outlives_an_outage(world: World) -> None:
    world.read()
    world.calls.failure = ProviderUnavailable("down", may_have_happened=False)
    world.now += ASKED_AGAIN
    with pytest.raises(SignatureWrong):
        world.read(signature=signature_of(BODY, OTHER.own))
    world.read()


def test_a_key_that_is_none_is_as_good_as_no_answer(world: World) -> None:
    world.calls.signer = Signer()
    world.calls.signer.public_pem = lambda: "nonsense"  # type: ignore[method-assign]
    with pytest.raises(ProviderUnavailable):
        world.read()


def test_a_pinned_key_is_the_only_one() -> None:
    reports = VideoSdkReports(PinnedKey(SIGNER.public_pem()))
    assert reports.read(BODY, signature=GOOD).kind == "session-started"
    with pytest.raises(SignatureWrong):
        reports.read(BODY, signature=signature_of(BODY, OTHER.own))


EC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
EC_PEM = EC_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("pem", ["", "x", EC_PEM], ids=["empty", "nonsense", "elliptic"])
def test_what_is_no_rsa_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyUnusable):
        public_key(pem)


def test_either_spelling_of_a_public_key_is_read() -> None:
    spki = SIGNER.own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert public_key(spki).public_numbers() == public_key(SIGNER.public_pem()).public_numbers()


# --- what it says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"webhookType": "session-started"}',
        b'{"webhookType": "session-started", "data": []}',
        webhook(None),
        webhook("Session Started"),
        webhook("x" * 41),
        webhook(meetingId=None),
        webhook(meetingId=""),
        webhook(meetingId="a\u0000"),
        webhook(meetingId="a" * 65),
        webhook(meetingId="abcd\n"),
        webhook(sessionId=5),
        webhook(participantId=7),
        webhook(participantId="p" * 513),
        b"[" * 100_000,
    ],
)
def test_what_does_not_say_what_it_is_about_is_refused(body: bytes) -> None:
    with pytest.raises(ReportMalformed):
        report_of(body)


def test_times_are_those_told_in_utc() -> None:
    read = report_of(webhook("session-ended", start="2022-07-05T15:55:35.047+00:00", end="2022-07-05T18:00:00+02:00"))
    assert read.started_at == datetime(2022, 7, 5, 15, 55, 35, 47_000, tzinfo=UTC)
    assert read.ended_at == datetime(2022, 7, 5, 16, tzinfo=UTC)


NO_TIMES = (None, 5, "soon", "2022-07-05T15:60:35.047+00:00", "2022-07-05T15:55:35", "0001-01-01T00:00:00+14:00")


@pytest.mark.parametrize("told", NO_TIMES)
def test_a_time_that_is_none_counts_as_not_told(told: Any) -> None:
    assert report_of(webhook(start=told)).started_at is None


def test_a_recording_is_told_by_its_path_or_else_its_link() -> None:
    both = webhook("recording-stopped", filePath="/videos/1.mp4", fileUrl="https://cdn/1.mp4")
    link = webhook("recording-stopped", filePath=None, fileUrl="https://cdn/1.mp4")
    assert (report_of(both).file, report_of(link).file) == ("/videos/1.mp4", "https://cdn/1.mp4")
    assert report_of(webhook("recording-stopped", filePath="")).file is None


def test_nothing_else_of_it_is_kept() -> None:
    read = report_of(webhook("participant-joined", participantId="p-1", participantName="سارة"))
    assert "سارة" not in repr(vars(read))
    assert "p-1" not in repr(read)
