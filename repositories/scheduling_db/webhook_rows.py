"""The rows of webhooks and the entities they stand for."""

import json
from typing import Any

from sqlalchemy import Row, bindparam, select

from repositories.entities.webhooks import Delivery, Endpoint
from repositories.enums import DeliveryState, DisabledBecause, EndpointState
from repositories.scheduling_db.event_feed import event_of
from repositories.scheduling_db.tables import booking_events, webhook_deliveries, webhook_endpoints

ITSELF = (
    "id", "organization_id", "url", "description", "disabled_at", "sealed_secret", "earlier_secret", "earlier_until",
    "failures", "failing_since", "last_error", "last_status", "delivered_at", "rests_until", "created_at",
)  # fmt: skip
IS_ENDPOINT = webhook_endpoints.c.id == bindparam("endpoint")
IS_THERE = webhook_endpoints.c.state != EndpointState.DELETED.value
READ_ENDPOINT = select(webhook_endpoints).where(IS_ENDPOINT)
EVENT = ("organization_id", "sequence", "kind", "status", "reason", "changed", "occurred_at")
DELIVERIES = select(webhook_deliveries, *(booking_events.c[name] for name in EVENT)).select_from(
    webhook_deliveries.outerjoin(booking_events, booking_events.c.id == webhook_deliveries.c.event_id)
)


def endpoint_of(row: Row[Any]) -> Endpoint:
    kept = row._mapping
    because = kept["disabled_because"]
    return Endpoint(
        **{name: kept[name] for name in ITSELF},
        kinds=tuple(json.loads(kept["kinds"])),
        state=EndpointState(kept["state"]),
        disabled_because=None if because is None else DisabledBecause(because),
    )


def delivery_of(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event=None if row.event_id is None else event_of(row, event_id=row.event_id),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        last_error=row.last_error,
        last_status=row.last_status,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
