"""The feed of events."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from api.schemas.fields import EncryptedId, OneOf, OpenSchema, StrictSchema
from api.schemas.queries import LARGEST_PAGE, USUAL_PAGE, Digits
from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, EventKind
from saga.events import PREFIX, type_of

TYPES = {type_of(kind): kind.value for kind in EventKind}
A_TYPE = "|".join(kind.value for kind in EventKind)


class EventTypes(fields.String):
    """Types of events with commas between: `booking.confirmed,booking.failed`."""

    def __init__(self, **kwargs: Any) -> None:
        one = f"{PREFIX.replace('.', '[.]')}({A_TYPE})"
        super().__init__(metadata={"description": ", ".join(TYPES), "pattern": f"^{one}(,{one})*$"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        wished = set(super()._deserialize(value, attr, data, **kwargs).split(","))
        if not wished <= TYPES.keys():
            raise ValidationError(f"Must be one of: {', '.join(TYPES)}.")
        return tuple(kind for name, kind in TYPES.items() if name in wished)


class EventsQuerySchema(StrictSchema):
    after = fields.String(
        load_default=None, metadata={"description": "nextCursor of the answer before; absent: from the first event on"}
    )
    limit = Digits(load_default=USUAL_PAGE, validate=validate.Range(min=1, max=LARGEST_PAGE))
    kinds = EventTypes(data_key="type", load_default=None)
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", load_default=None)


# --- answers -----------------------------------------------------------------------------


class EventSchema(OpenSchema):
    event_id = EncryptedId(IdKind.EVENT, data_key="eventId", required=True)
    type = fields.String(required=True, metadata={"description": f"{', '.join(TYPES)}; expect others to come"})
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    sequence = fields.Integer(
        required=True, metadata={"description": "among the events of this booking, from 1, without gaps"}
    )
    status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    reason = fields.Integer(required=True, allow_none=True)
    changed = fields.List(fields.String(), required=True, metadata={"description": "names of fields, never values"})
    occurred_at = fields.DateTime(data_key="occurredAt", required=True)


class EventsSchema(OpenSchema):
    events = fields.List(fields.Nested(EventSchema), data_key="eventsList", required=True)
    next_cursor = fields.String(
        data_key="nextCursor", required=True, metadata={"description": "where to go on; given even if there is nothing"}
    )
    has_more = fields.Boolean(data_key="hasMore", required=True, metadata={"description": "ask on at once"})
