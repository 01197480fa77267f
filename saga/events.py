"""How an event is told to partners: thin, the same in the feed and in a webhook."""

from typing import Any

from repositories.entities.events import BookingEvent

PREFIX = "booking."


def type_of(kind: str) -> str:
    """booking.confirmed"""
    return f"{PREFIX}{kind}"


def thin(event: BookingEvent, *, event_id: str, booking_id: str) -> dict[str, Any]:
    """Ids (public ones), status, reason and the names of what changed; never a value of a person.

    `sequence` counts the events of one booking without gaps, so that a reader knows an old one from a new one."""
    return {
        "eventId": event_id,
        "type": type_of(event.kind),
        "bookingId": booking_id,
        "sequence": event.sequence,
        "bookingStatus": int(event.status),
        "reason": event.reason,
        "changed": list(event.changed),
        "occurredAt": event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
