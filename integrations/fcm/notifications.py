"""What a provider's apps are told: ids and times, and a client's name at most, since who knows a topic can read it.

A message to a topic is at most 2048 bytes, keys and values, in UTF-8 (firebase.google.com/docs/cloud-messaging).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from zoneinfo import ZoneInfo

from integrations.ports import NewBookingPush

MAX_BYTES = 2048


class NotificationType(IntEnum):
    PROFILE_UPDATE = 1
    NEW_BOOKING = 2
    PAYSLIP_GENERATED = 3
    HOMEWORK_ASSIGNED = 4
    RESERVE_SLOT = 5
    REFERRAL = 6
    CANCEL_REFUND_BOOKING = 7
    PSYTER_SUPPORT_NOTIFICATION = 8
    SCHFS_EXPIRY = 9
    REFUND_BY_ADMIN = 10
    COMMON_NOTIFICATION = 11
    REMINDER_NOTIFICATION = 12
    OTHER_PARTY_JOINED = 13
    PROVIDER_SIGNED_CONTRACT = 14
    NEW_MESSAGE = 15
    ACCOUNT_DELETED = 16


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What is shown (in English, the apps show `titleAr` and `bodyAr` themselves), and what the app reads."""

    title: str
    body: str
    data: Mapping[str, str]

    def size(self) -> int:
        """Bytes that count against MAX_BYTES, with the shown texts."""
        words = [self.title, self.body, *self.data.keys(), *self.data.values()]
        return sum(len(word.encode()) for word in words)


def new_booking(push: NewBookingPush, *, public_id: str) -> Notification:
    """NewBooking, in English and Arabic; a client's name too long for the message is cut."""
    name = (push.client_name or "").strip()
    notification = _new_booking(push, public_id, name)
    while notification.size() > MAX_BYTES and name:
        name = name[: len(name) * 3 // 4]
        notification = _new_booking(push, public_id, name)
    return notification


def _new_booking(push: NewBookingPush, public_id: str, client_name: str) -> Notification:
    local = push.starts_at.astimezone(ZoneInfo(push.time_zone))
    when = f"{local:%Y-%m-%d %H:%M}"
    offset = gmt_offset(local)
    title_en, body_en = "New booking", f"You have a new session on {when} ({push.time_zone}, GMT{offset})."
    title_ar, body_ar = "حجز جديد", f"لديك جلسة جديدة بتاريخ {when} ({push.time_zone}، غرينتش{offset})."
    data = {
        "notificationType": str(int(NotificationType.NEW_BOOKING)),
        "bookingId": public_id,
        "meetingId": push.meeting_id,
        "bookingDateTimeLocal": f"{local:%Y-%m-%dT%H:%M:%S}",
        "bookingDateTimeUtc": f"{push.starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "timeZone": push.time_zone,
        "gmtOffset": offset,
        "titleEn": title_en,
        "bodyEn": body_en,
        "titleAr": title_ar,
        "bodyAr": body_ar,
    }
    if client_name:
        data["clientName"] = client_name
    return Notification(title=title_en, body=body_en, data=data)


def gmt_offset(local: datetime) -> str:
    """`+03:00`, `-03:30`, `+05:45`."""
    digits = f"{local:%z}"
    return f"{digits[:3]}:{digits[3:5]}"
