"""What the saga relies on of PushSender: on the fake, and on the real adapter over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.fcm.client import FcmPushSender
from integrations.ports import (
    NotificationType,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
    Push,
    PushSender,
)
from integrations.sandbox.service_account import write_sandbox_service_account
from tests.fakes.push import FakePush

PUSH = Push(
    kind=NotificationType.NEW_BOOKING,
    booking_id=1,
    care_provider_id=42,
    meeting_id="room-0001-test",
    happens_at=datetime(2026, 1, 6, 12, tzinfo=UTC),
    time_zone="Asia/Kathmandu",
    client_name="سارة",
)


def real_push(url: str, folder: Path, *, timeout: float = 5) -> FcmPushSender:
    account = folder / "account.json"
    write_sandbox_service_account(account, token_uri=f"{url}/token")
    return FcmPushSender(
        endpoint=url,
        service_account_file=account,
        timeout=timedelta(seconds=timeout),
        public_booking_id=lambda booking_id: f"public-{booking_id}",
        clock=lambda: datetime.now(UTC),
    )


def shown(url: str) -> list[dict[str, Any]]:
    """The messages that devices show: repeats under one collapse key are one."""
    pushes = requests.get(f"{url}/sandbox/pushes", timeout=5).json()["pushes"]
    keys = {}
    for push in pushes:
        collapse = push.get("android", {}).get("collapse_key") or push["apns"]["headers"]["apns-collapse-id"]
        keys[push["topic"], collapse] = push
    return list(keys.values())


@dataclass
class World:
    push: PushSender
    told: Callable[[], int]  # how many bookings the provider was told of


@pytest.fixture(params=["fake", "fcm"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        fake = FakePush()
        yield World(fake, lambda: len(fake.sent))
        return
    url: str = request.getfixturevalue("sandbox_url")
    requests.delete(f"{url}/sandbox/memory", timeout=5)
    sender = real_push(url, tmp_path)
    yield World(sender, lambda: len(shown(url)) // 2)
    sender.close()


def test_a_provider_is_told(world: World) -> None:
    world.push.send(PUSH, key="k-1")
    assert world.told() == 1


def test_telling_twice_under_one_key_is_shown_once(world: World) -> None:
    world.push.send(PUSH, key="k-1")
    world.push.send(PUSH, key="k-1")
    assert world.told() == 1


def test_two_keys_are_shown_both(world: World) -> None:
    world.push.send(PUSH, key="k-1")
    world.push.send(PUSH, key="k-2")
    assert world.told() == 2


# --- the real adapter alone ----------------------------------------------------------------


@pytest.fixture
def sender(sandbox_url: str, tmp_path: Path) -> Iterator[FcmPushSender]:
    requests.delete(f"{sandbox_url}/sandbox/memory", timeout=5)
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=5)
    adapter = real_push(sandbox_url, tmp_path, timeout=0.4)
    yield adapter
    adapter.close()
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=5)


def plan(url: str, **fault: Any) -> None:
    requests.post(f"{url}/sandbox/faults", json=fault, timeout=5).raise_for_status()


def refusal(sender: FcmPushSender) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        sender.send(PUSH, key="k-1")
    return caught.value


def test_android_gets_data_only_and_ios_something_to_show(sender: FcmPushSender, sandbox_url: str) -> None:
    sender.send(PUSH, key="k-1")
    android, ios = sorted(shown(sandbox_url), key=lambda push: str(push["topic"]))
    assert (android["topic"], ios["topic"]) == ("android_doctor_42~", "ios_doctor_42~")
    assert android["android"]["priority"] == "high"
    assert "notification" not in android
    assert ios["notification"]["title"] == "New booking"
    for push in (android, ios):
        assert push["data"]["bookingId"] == "public-1"
        assert push["data"]["meetingId"] == "room-0001-test"
        assert push["data"]["bookingDateTimeLocal"] == "2026-01-06T17:45:00"
        assert push["data"]["bookingDateTimeUtc"] == "2026-01-06T12:00:00Z"
        assert push["data"]["gmtOffset"] == "+05:45"
        assert push["data"]["clientName"] == "سارة"


def test_one_platform_that_fails_does_not_keep_the_other_from_being_told(
    sender: FcmPushSender, sandbox_url: str
) -> None:
    plan(sandbox_url, route="fcm.send", kind="status", status=503, times=1)
    assert isinstance(refusal(sender), ProviderUnavailable)
    assert [push["topic"] for push in shown(sandbox_url)] == ["ios_doctor_42~"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ProviderRefused), (404, ProviderRefused), (401, ProviderMisconfigured), (403, ProviderMisconfigured)],
)
def test_a_refusal_is_told_from_a_wrong_key(
    sender: FcmPushSender, sandbox_url: str, status: int, kind: type[ProviderError]
) -> None:
    plan(sandbox_url, route="fcm.send", kind="status", status=status)
    assert isinstance(refusal(sender), kind)


def test_retry_after_is_passed_on_and_not_slept(sender: FcmPushSender, sandbox_url: str) -> None:
    plan(sandbox_url, route="fcm.send", kind="status", status=429, headers={"Retry-After": "30"})
    error = refusal(sender)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("kind", ["hang", "drop_after_effect"])
def test_an_answer_lost_is_unknown(sender: FcmPushSender, sandbox_url: str, kind: str) -> None:
    plan(sandbox_url, route="fcm.send", kind=kind, delayMs=900)
    error = refusal(sender)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_happened is True


def test_a_token_endpoint_that_refuses_is_misconfigured(sender: FcmPushSender, sandbox_url: str) -> None:
    plan(sandbox_url, route="google.token", kind="status", status=400, body={"error": "invalid_grant"})
    assert isinstance(refusal(sender), ProviderMisconfigured)


def test_a_token_endpoint_that_is_away_changed_nothing(dead_url: str, tmp_path: Path) -> None:
    adapter = real_push(dead_url, tmp_path, timeout=0.4)
    error = refusal(adapter)
    assert isinstance(error, ProviderUnavailable)
    assert error.may_have_happened is False
    adapter.close()


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_service_account_that_is_none_is_misconfigured(tmp_path: Path, content: str | None) -> None:
    account = tmp_path / "account.json"
    if content is not None:
        account.write_text(content)
    adapter = FcmPushSender(
        endpoint="http://127.0.0.1:1",
        service_account_file=account,
        timeout=timedelta(seconds=1),
        public_booking_id=str,
        clock=lambda: datetime.now(UTC),
    )
    assert isinstance(refusal(adapter), ProviderMisconfigured)
    adapter.close()
