"""Webhook endpoints, and what was delivered to them."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.audit import Instant
from api.schemas.events import TYPES, EventSchema
from api.schemas.fields import (
    SECURE_HASH,
    DoneSchema,
    OpenSchema,
    SafeText,
    SecureHash,
    StrictSchema,
)
from api.schemas.queries import PageSchema
from integrations.webhooks.addresses import LONGEST_URL
from repositories.enums import DeliveryState, DisabledBecause, EndpointState
from saga.webhook_messages import TEST

SHOWN = [state.value for state in EndpointState if state is not EndpointState.DELETED]
URL = "https://partner.example/tahoon"


class Url(SafeText):
    """Judged by integrations.webhooks.addresses, once it is known to be a text at all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=LONGEST_URL), **kwargs)


class StateOfDelivery(fields.String):
    WORDS = tuple(one.value for one in DeliveryState)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"enum": list(self.WORDS)}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        word = super()._deserialize(value, attr, data, **kwargs)
        if word not in self.WORDS:
            raise ValidationError(f"Must be one of: {', '.join(self.WORDS)}.")
        return DeliveryState(word)


class EventType(fields.String):
    """The name of an event on the wire; its kind inside."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in TYPES:
            raise ValidationError(f"Must be one of: {', '.join(TYPES)}.")
        return TYPES[name]


def event_types(**kwargs: Any) -> fields.List[Any]:
    return fields.List(
        EventType(metadata={"enum": list(TYPES)}),
        data_key="eventTypes",
        validate=validate.Length(max=len(TYPES)),
        **kwargs,
    )


class AddEndpointSchema(StrictSchema):
    EXAMPLE = {"url": URL, "eventTypes": ["booking.confirmed", "booking.failed"], "secureHash": SECURE_HASH}

    url = Url(required=True, metadata={"description": "https, at an address of the public Internet"})
    description = SafeText(load_default=None, validate=validate.Length(max=200))
    event_types = event_types(load_default=list, metadata={"description": "what it wants to hear of; none: everything"})
    secure_hash = SecureHash()


class ChangeEndpointSchema(StrictSchema):
    """What is not given stays as it is."""

    EXAMPLE = {"eventTypes": ["booking.confirmed"], "secureHash": SECURE_HASH}

    url = Url(load_default=None)
    description = SafeText(load_default=None, validate=validate.Length(max=200))
    event_types = event_types(load_default=None, metadata={"description": "an empty list: everything"})
    secure_hash = SecureHash()


class ReplaySchema(StrictSchema):
    EXAMPLE = {"from": "2026-01-05T12:00:00Z", "to": "2026-01-05T18:00:00Z"}

    since = Instant(data_key="from", required=True)
    until = Instant(data_key="to", required=True, metadata={"description": "not included"})

    @validates_schema(skip_on_field_errors=True)
    def the_period_does_not_end_before_it_begins(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["until"] < wish["since"]:
            raise ValidationError("Must not be before from.", "to")


class DeliveriesQuerySchema(PageSchema):
    state = StateOfDelivery(load_default=None)


# --- answers -----------------------------------------------------------------------------


class EndpointSchema(OpenSchema):
    endpoint_id = fields.String(data_key="endpointId", required=True)
    url = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    event_types = fields.List(
        fields.String(), data_key="eventTypes", required=True, metadata={"description": "none: everything"}
    )
    state = fields.String(required=True, validate=validate.OneOf(SHOWN))
    disabled_because = fields.String(
        data_key="disabledBecause",
        required=True,
        allow_none=True,
        validate=validate.OneOf([one.value for one in DisabledBecause]),
        metadata={"description": "gone: it answered 410; failing: for days nothing could be delivered"},
    )
    disabled_at = fields.DateTime(data_key="disabledAt", required=True, allow_none=True)
    failures = fields.Integer(required=True, metadata={"description": "in a row"})
    failing_since = fields.DateTime(data_key="failingSince", required=True, allow_none=True)
    last_error = fields.String(data_key="lastError", required=True, allow_none=True)
    last_status = fields.Integer(data_key="lastHttpStatus", required=True, allow_none=True)
    delivered_at = fields.DateTime(data_key="lastDeliveredAt", required=True, allow_none=True)
    overlaps_until = fields.DateTime(
        data_key="earlierSecretUntil",
        required=True,
        allow_none=True,
        metadata={"description": "until then the secret before a rotation signs too"},
    )
    created_at = fields.DateTime(data_key="createdAt", required=True)


class EndpointWithSecretSchema(EndpointSchema):
    secret = fields.String(required=True, metadata={"description": "shown once: keep it"})


class EndpointAnswerSchema(DoneSchema):
    data = fields.Nested(EndpointSchema, required=True)


class EndpointSecretAnswerSchema(DoneSchema):
    data = fields.Nested(EndpointWithSecretSchema, required=True)


class EndpointsSchema(OpenSchema):
    endpoints = fields.List(fields.Nested(EndpointSchema), data_key="endpointsList", required=True)


class DeletedEndpointSchema(OpenSchema):
    endpoint_id = fields.String(data_key="endpointId", required=True)


class DeletedEndpointAnswerSchema(DoneSchema):
    data = fields.Nested(DeletedEndpointSchema, required=True)


class DeliverySchema(OpenSchema):
    delivery_id = fields.String(data_key="deliveryId", required=True)
    endpoint_id = fields.String(data_key="endpointId", required=True)
    message_id = fields.String(data_key="webhookId", required=True)
    type = fields.String(required=True, validate=validate.OneOf([*TYPES, TEST]))
    booking_id = fields.String(data_key="bookingId", required=True, allow_none=True)
    sequence = fields.Integer(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf([one.value for one in DeliveryState]))
    attempts = fields.Integer(required=True)
    next_attempt_at = fields.DateTime(data_key="nextAttemptAt", required=True, allow_none=True)
    last_error = fields.String(data_key="lastError", required=True, allow_none=True)
    last_status = fields.Integer(data_key="lastHttpStatus", required=True, allow_none=True)
    created_at = fields.DateTime(data_key="createdAt", required=True)
    ended_at = fields.DateTime(data_key="endedAt", required=True, allow_none=True)


class DeliveriesSchema(OpenSchema):
    deliveries = fields.List(fields.Nested(DeliverySchema), data_key="deliveriesList", required=True)
    next_cursor = fields.String(data_key="nextCursor", required=True, allow_none=True)


class DeliveryAttemptSchema(OpenSchema):
    at = fields.DateTime(required=True)
    duration = fields.Integer(data_key="durationMs", required=True)
    http_status = fields.Integer(data_key="httpStatus", required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "null: delivered"})


class DeliveryRecordSchema(DeliverySchema):
    log = fields.List(fields.Nested(DeliveryAttemptSchema), data_key="attemptsList", required=True)


class DeliveryAnswerSchema(DoneSchema):
    data = fields.Nested(DeliveryRecordSchema, required=True)


class ReplayedSchema(OpenSchema):
    endpoint_id = fields.String(data_key="endpointId", required=True)
    events = fields.Integer(required=True, metadata={"description": "that are delivered once more"})


class ReplayAnswerSchema(DoneSchema):
    data = fields.Nested(ReplayedSchema, required=True)


# --- what is posted to an endpoint ---------------------------------------------------------


class WebhookEventSchema(OpenSchema):
    type = fields.String(required=True)
    timestamp = fields.DateTime(required=True, metadata={"description": "when it happened"})
    data = fields.Nested(EventSchema, required=True, metadata={"description": "as the feed of events has it"})


class WebhookTestSchema(OpenSchema):
    type = fields.String(required=True, validate=validate.Equal(TEST))
    timestamp = fields.DateTime(required=True)
    data = fields.Dict(required=True)
