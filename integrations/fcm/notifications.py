"""What a provider's apps are told: ids and times, and a client's name at most, since who knows a topic can read it.

A message to a topic is at most 2048 bytes, keys and values, in UTF-8 (firebase.google.com/docs/cloud-messaging).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from integrations.ports import BookingPush, NotificationType

MAX_BYTES = 2048


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


# kind -> titles and bodies, in English and Arabic
TEXTS: Mapping[NotificationType, tuple[str, str, str, str]] = {
    NotificationType.NEW_BOOKING: (
        "New booking",
        "You have a new session on {when} ({zone}, GMT{offset}).",
        "حجز جديد",
        "لديك جلسة جديدة بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.RESERVE_SLOT: (
        "Session moved",
        "A session was moved to {when} ({zone}, GMT{offset}).",
        "تغيير موعد الجلسة",
        "تم نقل جلسة إلى {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.CANCEL_REFUND_BOOKING: (
        "Booking cancelled",
        "Your session on {when} ({zone}, GMT{offset}) was cancelled.",
        "تم إلغاء الحجز",
        "تم إلغاء جلستك بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
}


def notification_of(push: BookingPush, *, public_id: str) -> Notification:
    """The notification in English and Arabic; a client's name too long for the message is cut."""
    name = (push.client_name or "").strip()
    notification = _notification(push, public_id, name)
    while notification.size() > MAX_BYTES and name:
        name = name[: len(name) * 3 // 4]
        notification = _notification(push, public_id, name)
    return notification


def _notification(push: BookingPush, public_id: str, client_name: str) -> Notification:
    local = push.starts_at.astimezone(ZoneInfo(push.time_zone))
    offset = gmt_offset(local)
    facts = {"when": f"{local:%Y-%m-%d %H:%M}", "zone": push.time_zone, "offset": offset}
    title_en, body_en, title_ar, body_ar = (text.format(**facts) for text in TEXTS[push.kind])
    data = {
        "notificationType": str(int(push.kind)),
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
