"""What a webhook says: thin, ids and words only, and the same at every try."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from integrations.webhooks.ports import Message
from repositories.entities.webhooks import Delivery
from saga.events import thin, type_of

TEST = "webhook.test"


class PublicIds(Protocol):
    """Ids as partners see them."""

    def of_booking(self, booking_id: int) -> str: ...

    def of_event(self, event_id: int) -> str: ...

    def of_delivery(self, delivery_id: int) -> str: ...


def message_of(delivery: Delivery, ids: PublicIds) -> Message:
    """Its id is the event's, whichever endpoint hears of it, and however often; its data is as the feed has it."""
    event = delivery.event
    if event is None:
        return Message(id=ids.of_delivery(delivery.id), text=_text(TEST, delivery.created_at, {}))
    event_id = ids.of_event(event.id)
    data = thin(event, event_id=event_id, booking_id=ids.of_booking(event.booking_id))
    return Message(id=event_id, text=_text(type_of(event.kind), event.occurred_at, data))


def _text(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    timestamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": timestamp, "data": data}, separators=(",", ":")).encode()
