"""Webhook endpoints of an organization, the log of their deliveries, and doing one over."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from api.auth import caller
from api.contract import Contract, contract
from api.errors import InvalidBody
from api.idempotency import idempotency_key, replayed
from api.instants import instant
from api.ownership import delivery_number, endpoint_number
from api.pagination import CursorWrong, Listing
from api.schemas import loaded
from api.schemas.queries import query
from api.schemas.webhooks import (
    AddEndpointSchema,
    ChangeEndpointSchema,
    DeletedEndpointAnswerSchema,
    DeliveriesQuerySchema,
    DeliveriesSchema,
    DeliveryAnswerSchema,
    EndpointAnswerSchema,
    EndpointSecretAnswerSchema,
    EndpointsSchema,
    ReplayAnswerSchema,
    ReplaySchema,
)
from api.security.id_cipher import IdKind
from api.security.scopes import Scope
from api.services import services
from api.strict_json import json_object
from integrations.webhooks.signing import new_secret
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.webhooks import Delivery, DeliveryAttempt, Endpoint, EndpointChange, NewEndpoint
from repositories.enums import EndpointState
from repositories.ports.errors import (
    DeliveryUnknown,
    EndpointNotActive,
    EndpointsFull,
    EndpointUnknown,
    ReplayTooLong,
)
from repositories.ports.webhooks import WebhookEndpoints
from saga.events import type_of
from saga.webhook_messages import TEST

ADD, CHANGE, REPLAY, DELIVERIES = AddEndpointSchema(), ChangeEndpointSchema(), ReplaySchema(), DeliveriesQuerySchema()
ALL, ONE = "/webhooks/endpoints", "/webhooks/endpoints/<endpoint_id>"
DELIVERY = "/webhooks/deliveries/<delivery_id>"
READING = Contract(scope=Scope.WEBHOOKS_READ)
CHANGING = Contract(scope=Scope.WEBHOOKS_WRITE, refusals=(EndpointUnknown,), is_idempotent=True)


def blueprint() -> Blueprint:
    routes = Blueprint("webhooks", __name__)
    routes.post(ALL)(add_webhook_endpoint)
    routes.get(ALL)(get_webhook_endpoints)
    routes.get(ONE)(get_webhook_endpoint)
    routes.post(ONE)(change_webhook_endpoint)
    routes.delete(ONE)(delete_webhook_endpoint)
    routes.post(f"{ONE}/rotatesecret")(rotate_webhook_secret)
    routes.post(f"{ONE}/pause")(pause_webhook_endpoint)
    routes.post(f"{ONE}/enable")(enable_webhook_endpoint)
    routes.post(f"{ONE}/test")(test_webhook_endpoint)
    routes.post(f"{ONE}/replay")(replay_webhooks)
    routes.get(f"{ONE}/deliveries")(get_webhook_deliveries)
    routes.get(DELIVERY)(get_webhook_delivery)
    routes.post(f"{DELIVERY}/resend")(resend_webhook)
    return routes


# --- endpoints -----------------------------------------------------------------------------


@contract(
    Contract(
        scope=Scope.WEBHOOKS_WRITE,
        body=AddEndpointSchema,
        answers={200: EndpointSecretAnswerSchema},
        refusals=(EndpointsFull,),
        is_signed=True,
        is_idempotent=True,
        audit="webhook_endpoint.add",
    )
)
def add_webhook_endpoint() -> Response:
    """Register an address that hears of your bookings, 20 at most; the answer shows its secret, once."""
    body = json_object(request)
    wish = loaded(ADD, body)

    def add(key: IdempotencyKey | None) -> Change:
        require_callable(wish["url"])
        new = NewEndpoint(
            organization_id=caller().organization_id,
            url=wish["url"],
            description=wish["description"],
            kinds=tuple(dict.fromkeys(wish["event_types"])),
            sealed_secret=fresh_secret(),
        )
        return webhooks().add(new, key=key, now=services().clock())

    return changed(once("add", add, body=body), with_secret)


@contract(replace(READING, answers={200: EndpointsSchema}))
def get_webhook_endpoints() -> Response:
    """Your webhook endpoints, the oldest first."""
    found = webhooks().list_endpoints(caller().organization_id)
    return jsonify(endpointsList=[endpoint_body(one) for one in found])


@contract(replace(READING, answers={200: EndpointAnswerSchema}, refusals=(EndpointUnknown,)))
def get_webhook_endpoint(endpoint_id: str) -> Response:
    """One webhook endpoint, and how it stands."""
    return endpoint_answer(own_endpoint(endpoint_id))


@contract(
    replace(
        CHANGING,
        body=ChangeEndpointSchema,
        answers={200: EndpointAnswerSchema},
        is_signed=True,
        audit="webhook_endpoint.change",
    )
)
def change_webhook_endpoint(endpoint_id: str) -> Response:
    """Change the address, the description or the event types of an endpoint."""
    body = json_object(request)
    wish = loaded(CHANGE, body)
    number = endpoint_number(endpoint_id)

    def change(key: IdempotencyKey | None) -> Change:
        if wish["url"] is not None:
            require_callable(wish["url"])
        kinds = wish["event_types"]
        wanted = EndpointChange(
            url=wish["url"],
            description=wish["description"],
            kinds=None if kinds is None else tuple(dict.fromkeys(kinds)),
        )
        return webhooks().change(number, wanted, **mine(key))

    return changed(once(f"change {number}", change, body=body))


@contract(
    Contract(
        scope=Scope.WEBHOOKS_WRITE,
        answers={200: DeletedEndpointAnswerSchema},
        refusals=(EndpointUnknown,),
        audit="webhook_endpoint.delete",
    )
)
def delete_webhook_endpoint(endpoint_id: str) -> Response:
    """Delete an endpoint: nothing more is sent to it."""
    webhooks().set_state(endpoint_number(endpoint_id), EndpointState.DELETED, **mine(None))
    return jsonify(status=1, data={"endpointId": endpoint_id})


@contract(replace(CHANGING, answers={200: EndpointSecretAnswerSchema}, audit="webhook_endpoint.rotate_secret"))
def rotate_webhook_secret(endpoint_id: str) -> Response:
    """Give an endpoint a new secret, shown once; the one before it signs too, for a day."""
    number, overlap = endpoint_number(endpoint_id), services().webhook_overlap

    def rotate(key: IdempotencyKey | None) -> Change:
        return webhooks().rotate_secret(number, fresh_secret(), overlap=overlap, **mine(key))

    return changed(once(f"rotate {number}", rotate), with_secret)


@contract(replace(CHANGING, answers={200: EndpointAnswerSchema}, audit="webhook_endpoint.pause"))
def pause_webhook_endpoint(endpoint_id: str) -> Response:
    """Send nothing to an endpoint until it is enabled; what happens meanwhile is sent then."""
    return in_state(endpoint_id, EndpointState.PAUSED)


@contract(replace(CHANGING, answers={200: EndpointAnswerSchema}, audit="webhook_endpoint.enable"))
def enable_webhook_endpoint(endpoint_id: str) -> Response:
    """Take up a paused or disabled endpoint again, with all that it missed."""
    return in_state(endpoint_id, EndpointState.ACTIVE)


def in_state(endpoint_id: str, state: EndpointState) -> Response:
    number = endpoint_number(endpoint_id)
    return changed(once(f"{state} {number}", lambda key: webhooks().set_state(number, state, **mine(key))))


# --- deliveries ----------------------------------------------------------------------------


@contract(
    replace(
        CHANGING,
        answers={200: DeliveryAnswerSchema},
        refusals=(EndpointUnknown, EndpointNotActive),
        audit="webhook_endpoint.test",
    )
)
def test_webhook_endpoint(endpoint_id: str) -> Response:
    """Send a `webhook.test` to an endpoint; the answer names its delivery."""
    number = endpoint_number(endpoint_id)
    return delivered_again(once(f"test {number}", lambda key: webhooks().add_test(number, **mine(key))))


@contract(
    replace(
        CHANGING,
        body=ReplaySchema,
        answers={200: ReplayAnswerSchema},
        refusals=(EndpointUnknown, EndpointNotActive, ReplayTooLong),
        audit="webhook_endpoint.replay",
    )
)
def replay_webhooks(endpoint_id: str) -> Response:
    """Deliver once more what happened in a period, 1000 events at most, under the same webhook ids."""
    body = json_object(request)
    wish = loaded(REPLAY, body)
    number = endpoint_number(endpoint_id)

    def replay(key: IdempotencyKey | None) -> Change:
        return webhooks().replay(number, since=wish["since"], until=wish["until"], **mine(key))

    change = once(f"replay {number}", replay, body=body)
    answer = jsonify(status=1, data={"endpointId": endpoint_id, "events": change.ids[1]})
    return replayed(answer, is_replay=change.is_replay)


@contract(
    replace(
        READING,
        query=DeliveriesQuerySchema,
        answers={200: DeliveriesSchema},
        refusals=(EndpointUnknown, CursorWrong),
    )
)
def get_webhook_deliveries(endpoint_id: str) -> Response:
    """What was delivered to an endpoint, or is to be, the newest first, page by page."""
    wish = query(DELIVERIES)
    number, state = endpoint_number(endpoint_id), wish["state"]
    filters = {"endpoint": number, "state": state}
    listing = Listing(name="deliveries", organization_id=caller().organization_id, filters=filters)
    cursor = wish["cursor"]
    found = webhooks().list_deliveries(
        number,
        organization_id=caller().organization_id,
        state=state,
        before=None if cursor is None else int(str(services().cursors.read(cursor, of=listing)[0])),
        limit=wish["limit"] + 1,
    )
    page = services().cursors.page(found, limit=wish["limit"], position_of=lambda one: (one.id,), of=listing)
    return jsonify(deliveriesList=[delivery_body(one) for one in page.lines], nextCursor=page.next_cursor)


@contract(replace(READING, answers={200: DeliveryAnswerSchema}, refusals=(DeliveryUnknown,)))
def get_webhook_delivery(delivery_id: str) -> Response:
    """One delivery with its attempts: when, for how long, and what came of each."""
    return delivery_answer(delivery_number(delivery_id))


@contract(
    replace(
        CHANGING,
        answers={200: DeliveryAnswerSchema},
        refusals=(DeliveryUnknown, EndpointNotActive),
        audit="webhook_delivery.resend",
    )
)
def resend_webhook(delivery_id: str) -> Response:
    """Deliver once more, whatever came of it, under the same webhook id."""
    number = delivery_number(delivery_id)
    return delivered_again(once(f"resend {number}", lambda key: webhooks().resend(number, **mine(key))))


# --- asking --------------------------------------------------------------------------------


def webhooks() -> WebhookEndpoints:
    return services().webhooks


def mine(key: IdempotencyKey | None) -> dict[str, Any]:
    return {"organization_id": caller().organization_id, "key": key, "now": services().clock()}


def once(
    command: str, make: Callable[[IdempotencyKey | None], Change], *, body: Mapping[str, Any] | None = None
) -> Change:
    """What this command changed before under the request's key, else what `make` changes now."""
    key = idempotency_key(f"webhooks/{command}", body or {})
    return webhooks().find_change(**mine(key)) or make(key)


def own_endpoint(public_id: str) -> Endpoint:
    return webhooks().get_endpoint(endpoint_number(public_id), organization_id=caller().organization_id)


def endpoint_of(change: Change) -> Endpoint:
    return webhooks().get_endpoint(change.ids[0], organization_id=caller().organization_id)


def require_callable(url: str) -> None:
    """Raises InvalidBody if nothing may be sent there."""
    if (problem := services().problem_with_webhook_url(url)) is not None:
        raise InvalidBody([{"field": "url", "message": problem}])


def fresh_secret() -> str:
    return services().sealer.seal(new_secret(secrets.token_bytes))


# --- answering -----------------------------------------------------------------------------


def endpoint_answer(endpoint: Endpoint) -> Response:
    return jsonify(status=1, data=endpoint_body(endpoint))


def changed(change: Change, answer: Callable[[Endpoint], Response] = endpoint_answer) -> Response:
    return replayed(answer(endpoint_of(change)), is_replay=change.is_replay)


def delivered_again(change: Change) -> Response:
    return replayed(delivery_answer(change.ids[1]), is_replay=change.is_replay)


def with_secret(endpoint: Endpoint) -> Response:
    data = endpoint_body(endpoint) | {"secret": services().sealer.unseal(endpoint.sealed_secret)}
    return jsonify(status=1, data=data)


def endpoint_body(endpoint: Endpoint) -> dict[str, Any]:
    now = services().clock()
    overlaps = endpoint.earlier_until if endpoint.earlier_until and endpoint.earlier_until > now else None
    return {
        "endpointId": services().id_cipher.encrypt(IdKind.WEBHOOK_ENDPOINT, endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "eventTypes": [type_of(kind) for kind in endpoint.kinds],
        "state": endpoint.state,
        "disabledBecause": endpoint.disabled_because,
        "disabledAt": instant_or_none(endpoint.disabled_at),
        "failures": endpoint.failures,
        "failingSince": instant_or_none(endpoint.failing_since),
        "lastError": endpoint.last_error,
        "lastHttpStatus": endpoint.last_status,
        "lastDeliveredAt": instant_or_none(endpoint.delivered_at),
        "earlierSecretUntil": instant_or_none(overlaps),
        "createdAt": instant(endpoint.created_at),
    }


def delivery_answer(delivery_id: int) -> Response:
    record = webhooks().get_record(delivery_id, organization_id=caller().organization_id)
    data = delivery_body(record.delivery) | {"attemptsList": [attempt_body(one) for one in record.attempts]}
    return jsonify(status=1, data=data)


def delivery_body(delivery: Delivery) -> dict[str, Any]:
    cipher, event = services().id_cipher, delivery.event
    own_id = cipher.encrypt(IdKind.WEBHOOK_DELIVERY, delivery.id)
    return {
        "deliveryId": own_id,
        "endpointId": cipher.encrypt(IdKind.WEBHOOK_ENDPOINT, delivery.endpoint_id),
        "webhookId": own_id if event is None else cipher.encrypt(IdKind.EVENT, event.id),
        "type": TEST if event is None else type_of(event.kind),
        "bookingId": None if event is None else cipher.encrypt(IdKind.BOOKING, event.booking_id),
        "sequence": None if event is None else event.sequence,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "nextAttemptAt": instant_or_none(delivery.due_at),
        "lastError": delivery.last_error,
        "lastHttpStatus": delivery.last_status,
        "createdAt": instant(delivery.created_at),
        "endedAt": instant_or_none(delivery.ended_at),
    }


def attempt_body(attempt: DeliveryAttempt) -> dict[str, Any]:
    return {
        "at": instant(attempt.started_at),
        "durationMs": round(attempt.duration.total_seconds() * 1000),
        "httpStatus": attempt.http_status,
        "error": attempt.error,
    }


def instant_or_none(at: datetime | None) -> str | None:
    return None if at is None else instant(at)
