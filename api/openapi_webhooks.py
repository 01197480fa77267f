"""The `webhooks` of the OpenAPI document: what Tahoon posts to the endpoints of an organization."""

from collections.abc import Mapping
from typing import Any

from apispec import APISpec

from api.schemas.events import TYPES
from api.schemas.webhooks import WebhookEventSchema, WebhookTestSchema
from repositories.enums import EventKind
from saga.webhook_messages import TEST

ABOUT: Mapping[EventKind, str] = {
    EventKind.ACCEPTED: "A booking was accepted, and is pending.",
    EventKind.CONFIRMED: "A booking is confirmed; it has a meeting.",
    EventKind.FAILED: "A booking could not be made; `reason` says why.",
    EventKind.CANCELLED: "A booking was cancelled.",
    EventKind.WITHDRAWN: "A booking was withdrawn while it was pending; how that ends is told by another event.",
    EventKind.RESCHEDULED: "A booking was moved to another time.",
    EventKind.REMINDER_DUE: "A user is to be reminded of a session now: the partner does so.",
    EventKind.REMINDER_SENT: "A care provider was reminded of a session.",
    EventKind.RECORDING_READY: "A recording of a session can be had.",
}
HEADERS = {
    "webhook-id": "Of the event, the same at every try: whoever has seen it need do nothing.",
    "webhook-timestamp": "Seconds since 1970, UTC, of this try.",
    "webhook-signature": (
        "`v1,` and the Base64 of the HMAC-SHA256 of `webhook-id.webhook-timestamp.body` under the endpoint's secret; "
        "two with a blank between, while a secret is being changed."
    ),
}
ANSWERS = {
    "2XX": {"description": "Received. Any other answer, and none, is tried again for about three days."},
    "410": {"description": "The endpoint is gone: it is disabled at once."},
}


def webhooks_of(spec: APISpec) -> dict[str, Any]:
    """Adds their schemas to the document's components; they are named from its own part of it."""
    spec.components.schema("WebhookEvent", schema=WebhookEventSchema)
    spec.components.schema("WebhookTest", schema=WebhookTestSchema)
    events = {name: _said(name, ABOUT[EventKind(kind)], "WebhookEvent") for name, kind in TYPES.items()}
    return {**events, TEST: _said(TEST, "A test that was asked for.", "WebhookTest")}


def _said(name: str, about: str, schema: str) -> dict[str, Any]:
    shape = {
        "allOf": [
            {"$ref": f"#/components/schemas/{schema}"},
            {"type": "object", "properties": {"type": {"const": name}}},
        ]
    }
    return {
        "post": {
            "operationId": name,
            "tags": ["events"],
            "summary": about,
            "parameters": [
                {"in": "header", "name": header, "required": True, "description": told, "schema": {"type": "string"}}
                for header, told in HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": shape}}},
            "responses": ANSWERS,
            "security": [],
        }
    }
