"""What a provider is told: both languages, local and UTC time, and never more bytes than a topic takes."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.fcm.client import messages
from integrations.fcm.notifications import MAX_BYTES, cut_to, notification_of
from integrations.ports import NotificationType, Platform, Push, Tells, told_by

PUSH = Push(
    kind=NotificationType.NEW_BOOKING,
    booking_id=1,
    care_provider_id=42,
    meeting_id="abcd-efgh-ijkl",
    happens_at=datetime(2026, 1, 6, 12, tzinfo=UTC),
    time_zone="Asia/Riyadh",
    client_name="سارة",
)
PUBLIC_ID = "x" * 43
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


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
    summer = replace(PUSH, time_zone="Europe/London", happens_at=datetime(2026, 7, 6, 12, tzinfo=UTC))
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


@pytest.mark.parametrize("kind", NotificationType)
def test_every_type_of_the_inventory_has_texts_in_both_languages(kind: NotificationType) -> None:
    data = notification_of(replace(PUSH, kind=kind), public_id=PUBLIC_ID).data
    assert data["notificationType"] == str(int(kind))
    for name in ("titleEn", "bodyEn"):
        assert data[name].isascii()
        assert data[name]
    for name in ("titleAr", "bodyAr"):
        assert any("\u0600" <= letter <= "\u06ff" for letter in data[name])
    assert "{" not in "".join(data.values())


@pytest.mark.parametrize("kind", NotificationType)
def test_a_type_tells_of_its_session_or_of_no_booking_at_all(kind: NotificationType) -> None:
    data = notification_of(replace(PUSH, kind=kind), public_id=PUBLIC_ID).data
    if told_by(kind) is Tells.SESSION:
        assert (data["bookingId"], data["meetingId"]) == (PUBLIC_ID, "abcd-efgh-ijkl")
        assert "2026-01-06 15:00" in data["bodyEn"]
        assert "2026-01-06 15:00" in data["bodyAr"]
    else:
        assert not {"bookingId", "meetingId", "clientName"} & set(data)
    assert ("clientName" in data) == (kind is NotificationType.NEW_BOOKING)


@pytest.mark.parametrize("kind", [kind for kind in NotificationType if told_by(kind) is not Tells.ITSELF])
def test_a_type_that_lacks_what_it_tells_is_not_sent(kind: NotificationType) -> None:
    with pytest.raises(ValueError, match=kind.name):
        notification_of(replace(PUSH, kind=kind, happens_at=None), public_id=PUBLIC_ID)
    if told_by(kind) is Tells.SESSION:
        with pytest.raises(ValueError, match=kind.name):
            notification_of(replace(PUSH, kind=kind), public_id=None)


def test_an_expiry_tells_its_day() -> None:
    data = notification_of(replace(PUSH, kind=NotificationType.SCHFS_EXPIRY), public_id=None).data
    assert data["expiresOn"] == "2026-01-06"
    assert data["bodyEn"].endswith("expires on 2026-01-06.")


@given(
    kind=st.sampled_from(NotificationType),
    name=st.text(max_size=3000),
    zone=st.sampled_from(sorted(available_timezones())),
    at=st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_no_message_of_any_type_is_too_big_and_ids_and_times_are_whole(
    kind: NotificationType, name: str, zone: str, at: datetime
) -> None:
    push = replace(PUSH, kind=kind, client_name=name, meeting_id="m" * 64, time_zone=zone, happens_at=at)
    notification = notification_of(push, public_id="x" * 64)
    assert notification.size() <= MAX_BYTES
    plain = notification_of(replace(push, client_name=None), public_id="x" * 64)
    assert {k: v for k, v in notification.data.items() if k != "clientName"} == plain.data
    if told_by(kind) is Tells.SESSION:
        local = datetime.fromisoformat(notification.data["bookingDateTimeLocal"] + notification.data["gmtOffset"])
        assert local == at.replace(microsecond=0)


@given(text=st.text(max_size=60), size=st.integers(-3, 200))
def test_a_text_is_cut_after_the_last_whole_character_that_fits(text: str, size: int) -> None:
    cut = cut_to(text, size)
    assert text.startswith(cut)
    assert len(cut.encode()) <= max(size, 0)
    if cut != text:
        following = text[len(cut) : len(cut) + 1]
        assert (
            len((cut + following).encode()) > size  # not one letter more
            or following.isspace()  # no blank at the end
            or any(unicodedata.combining(letter) for letter in text[len(cut) :])  # marks stay with their letter
        )


def test_a_letter_keeps_its_marks() -> None:
    assert cut_to("سّس", 4) == "سّ"
    assert cut_to("سّس", 3) == ""
    assert cut_to("اسّ", 4) == "ا"


def wire(key: str, *, expires_at: datetime | None = None) -> Mapping[Platform, Any]:
    notification = notification_of(PUSH, public_id=PUBLIC_ID)
    return messages(notification, care_provider_id=42, key=key, expires_at=expires_at, now=NOW)


def test_a_collapse_key_is_the_same_for_every_repeat_and_within_apns_limit() -> None:
    android, ios = wire("k" * 200)[Platform.ANDROID], wire("k" * 200)[Platform.IOS]
    collapse = android["android"]["collapse_key"]
    assert ios["apns"]["headers"]["apns-collapse-id"] == collapse
    assert len(collapse.encode()) <= 64
    assert wire("k" * 200)[Platform.ANDROID]["android"]["collapse_key"] == collapse
    assert wire("other")[Platform.ANDROID]["android"]["collapse_key"] != collapse


@pytest.mark.parametrize(
    ("expires_at", "seconds"),
    [(None, 86_400), (NOW + timedelta(minutes=10), 600), (NOW - timedelta(1), 0), (NOW + timedelta(99), 2_419_200)],
)
def test_a_message_lives_no_longer_than_it_is_worth(expires_at: datetime | None, seconds: int) -> None:
    found = wire("k", expires_at=expires_at)
    assert found[Platform.ANDROID]["android"]["ttl"] == f"{seconds}s"
    wanted = min(expires_at or NOW + timedelta(days=1), NOW + timedelta(days=28))
    assert found[Platform.IOS]["apns"]["headers"]["apns-expiration"] == str(int(wanted.timestamp()))
