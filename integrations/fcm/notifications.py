"""What a provider's apps are told: ids and times, and a client's name at most, since who knows a topic can read it.

A message to a topic is at most 2048 bytes, keys and values, in UTF-8 (firebase.google.com/docs/cloud-messaging). Ids,
times and our own texts are always whole, and always fit; what gives way is the client's name:

    it is cut after the last whole character that fits (a letter keeps its marks), and left out where none does
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from integrations.ports import NotificationType, Push, Tells, told_by

MAX_BYTES = 2048
CLIENT_NAME = "clientName"


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


@dataclass(frozen=True, kw_only=True)
class Template:
    """Of a type of notification: titles and bodies, in English and Arabic."""

    title_en: str
    body_en: str
    title_ar: str
    body_ar: str
    names_client: bool = False


TEMPLATES: Mapping[NotificationType, Template] = {
    NotificationType.PROFILE_UPDATE: Template(
        title_en="Profile updated",
        body_en="Your profile was updated.",
        title_ar="تحديث الملف الشخصي",
        body_ar="تم تحديث ملفك الشخصي.",
    ),
    NotificationType.NEW_BOOKING: Template(
        title_en="New booking",
        body_en="You have a new session on {when} ({zone}, GMT{offset}).",
        title_ar="حجز جديد",
        body_ar="لديك جلسة جديدة بتاريخ {when} ({zone}، غرينتش{offset}).",
        names_client=True,
    ),
    NotificationType.PAYSLIP_GENERATED: Template(
        title_en="New payslip",
        body_en="Your payslip is ready.",
        title_ar="قسيمة راتب جديدة",
        body_ar="قسيمة راتبك جاهزة.",
    ),
    NotificationType.HOMEWORK_ASSIGNED: Template(
        title_en="Homework assigned",
        body_en="Homework was assigned.",
        title_ar="تعيين واجب",
        body_ar="تم تعيين واجب.",
    ),
    NotificationType.RESERVE_SLOT: Template(
        title_en="Session moved",
        body_en="A session was moved to {when} ({zone}, GMT{offset}).",
        title_ar="تغيير موعد الجلسة",
        body_ar="تم نقل جلسة إلى {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.REFERRAL: Template(
        title_en="New referral",
        body_en="You have received a referral.",
        title_ar="إحالة جديدة",
        body_ar="لقد تلقيت إحالة.",
    ),
    NotificationType.CANCEL_REFUND_BOOKING: Template(
        title_en="Booking cancelled",
        body_en="Your session on {when} ({zone}, GMT{offset}) was cancelled.",
        title_ar="تم إلغاء الحجز",
        body_ar="تم إلغاء جلستك بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.PSYTER_SUPPORT_NOTIFICATION: Template(
        title_en="Psyter support",
        body_en="Psyter support has a message for you.",
        title_ar="دعم سايتر",
        body_ar="لديك رسالة من فريق دعم سايتر.",
    ),
    NotificationType.SCHFS_EXPIRY: Template(
        title_en="Registration expires",
        body_en="Your registration with the Saudi Commission for Health Specialties expires on {day}.",
        title_ar="انتهاء التسجيل",
        body_ar="ينتهي تسجيلك في الهيئة السعودية للتخصصات الصحية بتاريخ {day}.",
    ),
    NotificationType.REFUND_BY_ADMIN: Template(
        title_en="Session refunded",
        body_en="The session on {when} ({zone}, GMT{offset}) was refunded by the administration.",
        title_ar="استرداد مبلغ الجلسة",
        body_ar="قامت الإدارة برد مبلغ الجلسة بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.COMMON_NOTIFICATION: Template(
        title_en="Notification",
        body_en="You have a new notification.",
        title_ar="إشعار",
        body_ar="لديك إشعار جديد.",
    ),
    NotificationType.REMINDER_NOTIFICATION: Template(
        title_en="Session reminder",
        body_en="You have a session on {when} ({zone}, GMT{offset}).",
        title_ar="تذكير بالجلسة",
        body_ar="لديك جلسة بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.OTHER_PARTY_JOINED: Template(
        title_en="The other party has joined",
        body_en="The other party has joined your session of {when} ({zone}, GMT{offset}).",
        title_ar="انضم الطرف الآخر",
        body_ar="انضم الطرف الآخر إلى جلستك بتاريخ {when} ({zone}، غرينتش{offset}).",
    ),
    NotificationType.PROVIDER_SIGNED_CONTRACT: Template(
        title_en="Contract signed",
        body_en="Your contract is signed.",
        title_ar="تم توقيع العقد",
        body_ar="تم توقيع عقدك.",
    ),
    NotificationType.NEW_MESSAGE: Template(
        title_en="New message",
        body_en="You have a new message.",
        title_ar="رسالة جديدة",
        body_ar="لديك رسالة جديدة.",
    ),
    NotificationType.ACCOUNT_DELETED: Template(
        title_en="Account deleted",
        body_en="Your account was deleted.",
        title_ar="تم حذف الحساب",
        body_ar="تم حذف حسابك.",
    ),
}


def notification_of(push: Push, *, public_id: str | None) -> Notification:
    """The notification in English and Arabic, no larger than MAX_BYTES. Raises ValueError if it lacks what it tells."""
    template = TEMPLATES[push.kind]
    notification = _without_name(push, template, public_id)
    name = (push.client_name or "").strip() if template.names_client else ""
    name = cut_to(name, MAX_BYTES - notification.size() - len(CLIENT_NAME))
    if not name:
        return notification
    return replace(notification, data={**notification.data, CLIENT_NAME: name})


def cut_to(text: str, size: int) -> str:
    """As much of the text, in whole characters, as takes no more than `size` bytes of UTF-8."""
    encoded = text.encode()
    if len(encoded) <= size:
        return text
    kept = encoded[: max(size, 0)].decode(errors="ignore")
    while kept and unicodedata.combining(text[len(kept)]):  # what was cut off are marks of the last letter
        kept = kept[:-1]
    return kept.rstrip()


def _without_name(push: Push, template: Template, public_id: str | None) -> Notification:
    facts, told = _facts(push, public_id)
    title, body = template.title_en.format(**facts), template.body_en.format(**facts)
    texts = {
        "titleEn": title,
        "bodyEn": body,
        "titleAr": template.title_ar.format(**facts),
        "bodyAr": template.body_ar.format(**facts),
    }
    return Notification(title=title, body=body, data={"notificationType": str(int(push.kind)), **told, **texts})


def _facts(push: Push, public_id: str | None) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What the texts say, and what the app reads."""
    tells = told_by(push.kind)
    if tells is Tells.ITSELF:
        return {}, {}
    if push.happens_at is None:
        raise ValueError(f"{push.kind.name} tells of {tells}")
    if tells is Tells.DAY:
        day = f"{push.happens_at.astimezone(UTC):%Y-%m-%d}"
        return {"day": day}, {"expiresOn": day}
    if public_id is None:
        raise ValueError(f"{push.kind.name} tells of {tells}")
    local = push.happens_at.astimezone(ZoneInfo(push.time_zone))
    offset = gmt_offset(local)
    facts = {"when": f"{local:%Y-%m-%d %H:%M}", "zone": push.time_zone, "offset": offset}
    told = {
        "bookingId": public_id,
        "meetingId": push.meeting_id or "",
        "bookingDateTimeLocal": f"{local:%Y-%m-%dT%H:%M:%S}",
        "bookingDateTimeUtc": f"{push.happens_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "timeZone": push.time_zone,
        "gmtOffset": offset,
    }
    return facts, told


def gmt_offset(local: datetime) -> str:
    """`+03:00`, `-03:30`, `+05:45`."""
    digits = f"{local:%z}"
    return f"{digits[:3]}:{digits[3:5]}"
