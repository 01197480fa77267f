"""Free time as the wire shows it: slots, hours and bookings, in the partner's own time zone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from api.schemas.fields import is_empty
from api.security.id_cipher import IdKind
from api.services import services
from repositories.entities.availability import OfferedSlot, OwnBooking, WorkingHours
from repositories.entities.offers import SlotState

ZONE_FIELDS = ("gmtTimeDiffrenceHours", "timeZone")


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A partner's time zone, and the field that named it, as booksession takes it too."""

    info: tzinfo
    named: Mapping[str, Any]

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.info)


def zone_of_request(wish: Mapping[str, Any], body: Mapping[str, Any]) -> Zone:
    """UTC if the request names none."""
    named = {name: body[name] for name in ZONE_FIELDS if not is_empty(body.get(name))}
    return Zone(info=wish["time_zone"] or wish["gmt_offset"] or UTC, named=named)


def free_slot(slot: OfferedSlot, zone: Zone) -> dict[str, Any]:
    """Just what booksession needs to know of the slot, under the same names."""
    cipher = services().id_cipher
    return {
        "careProviderId": cipher.encrypt(IdKind.CARE_PROVIDER, slot.care_provider_id),
        "applicationMultiSlotId": cipher.encrypt(IdKind.APPLICATION_MULTI_SLOT, slot.id),
        **_times(slot.starts_at, slot.ends_at, zone),
        **zone.named,
    }


def free_hours(slots: Iterable[OfferedSlot], zone: Zone) -> list[dict[str, Any]]:
    """Each hour of the wall clock in which slots start, and how many; twice the same hour when clocks are set back."""
    begun = (zone.local(slot.starts_at) for slot in slots)
    hours = Counter((local.date(), local.hour, local.utcoffset()) for local in begun)
    return [
        {
            "scheduleDate": day.isoformat(),
            "startTime": f"{hour:02}:00:00",
            "endTime": f"{(hour + 1) % 24:02}:00:00",
            "availableSlots": count,
        }
        for (day, hour, _), count in hours.items()
    ]


def booked_slot(booking: OwnBooking, zone: Zone) -> dict[str, Any]:
    cipher = services().id_cipher
    return {
        "bookingId": cipher.encrypt(IdKind.BOOKING, booking.id),
        "bookingStatus": int(booking.status),
        "applicationMultiSlotId": cipher.encrypt(IdKind.APPLICATION_MULTI_SLOT, booking.slot_id),
        **_times(booking.starts_at, booking.ends_at, zone),
    }


def working_hours(hours: WorkingHours, zone: Zone) -> dict[str, Any]:
    starts, ends = zone.local(hours.starts_at), zone.local(hours.ends_at)
    return {
        "slotAvailabilityId": services().id_cipher.encrypt(IdKind.SLOT, hours.id),
        "scheduleDate": f"{starts:%Y-%m-%d}",
        "startTime": f"{starts:%H:%M:%S}",
        "endDate": f"{ends:%Y-%m-%d}",
        "endTime": f"{ends:%H:%M:%S}",
    }


def managed_slot(slot: SlotState, zone: Zone) -> dict[str, Any]:
    return {
        "applicationMultiSlotId": services().id_cipher.encrypt(IdKind.APPLICATION_MULTI_SLOT, slot.id),
        **_times(slot.starts_at, slot.ends_at, zone),
        "isOpen": slot.is_open,
        "isBooked": slot.is_booked,
    }


def _times(starts_at: datetime, ends_at: datetime, zone: Zone) -> dict[str, str]:
    starts, ends = zone.local(starts_at), zone.local(ends_at)
    return {
        "slotDate": starts.date().isoformat(),
        "slotStartTime": starts.time().isoformat("seconds"),
        "slotEndTime": ends.time().isoformat("seconds"),
    }
