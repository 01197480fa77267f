"""What a provider is told: both languages, local and UTC time, and never more bytes than a topic takes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.fcm.client import messages
from integrations.fcm.notifications import MAX_BYTES, notification_of
from integrations.ports import BookingPush, NotificationType

PUSH = BookingPush(
    kind=NotificationType.NEW_BOOKING,
    booking_id=1,
    care_provider_id=42,
    meeting_id="abcd-efgh-ijkl",
    starts_at=datetime(2026, 1, 6, 12, tzinfo=UTC),
    time_zone="Asia/Riyadh",
    client_name="سارة",
)
PUBLIC_ID = "x" * 43


@pytest.mark.parametrize(
    ("zone", "local", "offset"),
    [
        ("Asia/Riyadh", "2026-01-06T15:00:00", "+03:00"),
        ("Asia/Kathmandu", "2026-01-06T17:45:00", "+05:45"),
        ("America/St_Johns", "2026-01-06T08:30:00", "-03:30"),
        ("UTC", "2026-01-06T12:00:00", "+00:00"),
    ],
)
def test_the_time_is_told_in_the_providers_zone_and_in_utc(zone: str, local: str, offset: str) -> None:
    data = notification_of(replace(PUSH, time_zone=zone), public_id=PUBLIC_ID).data
    assert (data["bookingDateTimeLocal"], data["gmtOffset"], data["timeZone"]) == (local, offset, zone)
    assert data["bookingDateTimeUtc"] == "2026-01-06T12:00:00Z"


def test_daylight_saving_is_right() -> None:
    summer = replace(PUSH, time_zone="Europe/London", starts_at=datetime(2026, 7, 6, 12, tzinfo=UTC))
    assert notification_of(summer, public_id=PUBLIC_ID).data["bookingDateTimeLocal"] == "2026-07-06T13:00:00"


def test_both_languages_are_told() -> None:
    data = notification_of(PUSH, public_id=PUBLIC_ID).data
    assert (data["titleEn"], data["titleAr"]) == ("New booking", "حجز جديد")
    assert "2026-01-06 15:00" in data["bodyEn"]
    assert "2026-01-06 15:00" in data["bodyAr"]
    assert data["notificationType"] == "2"
    assert all(isinstance(value, str) for value in data.values())


def test_a_cancellation_is_told_as_one() -> None:
    push = replace(PUSH, kind=NotificationType.CANCEL_REFUND_BOOKING, client_name=None)
    data = notification_of(push, public_id=PUBLIC_ID).data
    assert (data["notificationType"], data["titleEn"], data["titleAr"]) == ("7", "Booking cancelled", "تم إلغاء الحجز")
    assert "2026-01-06 15:00" in data["bodyEn"]
    assert "2026-01-06 15:00" in data["bodyAr"]


def test_an_unknown_client_is_left_out() -> None:
    assert "clientName" not in notification_of(replace(PUSH, client_name=None), public_id=PUBLIC_ID).data
    assert "clientName" not in notification_of(replace(PUSH, client_name="  "), public_id=PUBLIC_ID).data


@given(st.text(min_size=1, max_size=3000))
def test_no_name_makes_a_message_too_big(name: str) -> None:
    notification = notification_of(replace(PUSH, client_name=name), public_id=PUBLIC_ID)
    assert notification.size() <= MAX_BYTES
    assert name.strip().startswith(notification.data.get("clientName", ""))


def test_a_name_that_fits_is_not_cut() -> None:
    assert notification_of(replace(PUSH, client_name="س" * 200), public_id=PUBLIC_ID).data["clientName"] == "س" * 200


def test_the_size_counts_bytes_and_not_letters() -> None:
    short = notification_of(replace(PUSH, client_name="a" * 100), public_id=PUBLIC_ID).size()
    assert notification_of(replace(PUSH, client_name="س" * 100), public_id=PUBLIC_ID).size() == short + 100


def test_a_collapse_key_is_the_same_for_every_repeat_and_within_apns_limit() -> None:
    notification = notification_of(PUSH, public_id=PUBLIC_ID)
    android, ios = messages(notification, care_provider_id=42, key="k" * 200)
    collapse = android["android"]["collapse_key"]
    assert ios["apns"]["headers"]["apns-collapse-id"] == collapse
    assert len(collapse.encode()) <= 64
    assert messages(notification, care_provider_id=42, key="k" * 200)[0]["android"]["collapse_key"] == collapse
    assert messages(notification, care_provider_id=42, key="other")[0]["android"]["collapse_key"] != collapse
