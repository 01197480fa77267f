"""Webhook endpoints as their owners manage them, and the log of what was delivered."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from repositories.acting import about
from repositories.database import Database, in_chunks
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.webhooks import (
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    Endpoint,
    EndpointChange,
    NewEndpoint,
)
from repositories.enums import DeliveryState, EndpointState
from repositories.idempotency import KeyedChanges
from repositories.ports.errors import (
    DeliveryUnknown,
    EndpointNotActive,
    EndpointsFull,
    EndpointUnknown,
    ReplayTooLong,
)
from repositories.ports.webhooks import MOST_ENDPOINTS, MOST_REPLAYED
from repositories.scheduling_db.announcing import LAST
from repositories.scheduling_db.idempotency import SCHEDULING_KEYS
from repositories.scheduling_db.tables import booking_events, webhook_attempts, webhook_deliveries, webhook_endpoints
from repositories.scheduling_db.webhook_queue import (
    ADD_DELIVERY,
    HOLD_ANY,
    MICROSECOND,
    PENDING,
    WAKE,
    add_deliveries,
    delivery_row,
)
from repositories.scheduling_db.webhook_rows import DELIVERIES, IS_THERE, READ_ENDPOINT, delivery_of, endpoint_of

GIVEN_UP = DeliveryState.GIVEN_UP.value
_IS_OWN = (
    webhook_endpoints.c.id == bindparam("endpoint"),
    webhook_endpoints.c.organization_id == bindparam("of_organization"),
    IS_THERE,
)
_OF_ORGANIZATION = (webhook_endpoints.c.organization_id == bindparam("of_organization"), IS_THERE)
COUNT = select(func.count()).select_from(webhook_endpoints).where(*_OF_ORGANIZATION)
LIST = select(webhook_endpoints).where(*_OF_ORGANIZATION).order_by(webhook_endpoints.c.id)
FIND = select(webhook_endpoints).where(*_IS_OWN)
HOLD_OWN = update(webhook_endpoints).where(*_IS_OWN).values(version=webhook_endpoints.c.version + 1)
ADD = insert(webhook_endpoints)
_CHANGED = ("url", "description", "kinds")
CHANGE = (
    update(webhook_endpoints)
    .where(*_IS_OWN)
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
    .values(updated_at=bindparam("now"))
)
ROTATE = (
    update(webhook_endpoints)
    .where(*_IS_OWN)
    .values(
        earlier_secret=webhook_endpoints.c.sealed_secret,
        earlier_until=bindparam("overlaps_until"),
        sealed_secret=bindparam("new_secret"),
        updated_at=bindparam("now"),
    )
)
EVERY_ID = select(webhook_endpoints.c.id).where(IS_THERE).order_by(webhook_endpoints.c.id)
RESEAL = (
    update(webhook_endpoints)
    .where(webhook_endpoints.c.id == bindparam("endpoint"))
    .values(sealed_secret=bindparam("new_secret"), earlier_secret=bindparam("new_earlier"))
)
SET_STATE = update(webhook_endpoints).where(*_IS_OWN).values(state=bindparam("new_state"), updated_at=bindparam("now"))
ENABLE = (
    update(webhook_endpoints)
    .where(*_IS_OWN)
    .values(
        state=EndpointState.ACTIVE.value,
        disabled_because=None,
        disabled_at=None,
        failures=0,
        failing_since=None,
        rests_until=None,
        is_behind=bindparam("yes"),
        due_at=bindparam("now"),
        nudged_until=None,
        updated_at=bindparam("now"),
    )
)
RENEW_PENDING = (
    update(webhook_deliveries)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint"),
        webhook_deliveries.c.state == PENDING,
        webhook_deliveries.c.lease_token.is_(None),
    )
    .values(due_at=bindparam("now"), attempts=0)
)
RENEW_GIVEN_UP = (
    update(webhook_deliveries)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint"),
        webhook_deliveries.c.state == GIVEN_UP,
        webhook_deliveries.c.ended_at >= bindparam("since"),
    )
    .values(state=PENDING, due_at=bindparam("now"), attempts=0, ended_at=None)
)
RENEW = (
    update(webhook_deliveries)
    .where(webhook_deliveries.c.id.in_(bindparam("deliveries", expanding=True)))
    .values(state=PENDING, due_at=bindparam("now"), attempts=0, lease_token=None, ended_at=None)
)
_ENDPOINT_IS_OWN = webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id
FIND_DELIVERY = DELIVERIES.join(webhook_endpoints, _ENDPOINT_IS_OWN).where(
    webhook_deliveries.c.id == bindparam("delivery"), *_OF_ORGANIZATION
)
ATTEMPTS = (
    select(webhook_attempts)
    .where(webhook_attempts.c.delivery_id == bindparam("delivery"))
    .order_by(webhook_attempts.c.id)
)
PAGE = (
    DELIVERIES.where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint"),
        webhook_deliveries.c.state.in_(bindparam("states", expanding=True)),
        webhook_deliveries.c.id < bindparam("before"),
    )
    .order_by(webhook_deliveries.c.id.desc())
    .limit(bindparam("most"))
)
IN_PERIOD = (
    select(booking_events.c.id, booking_events.c.booking_id, booking_events.c.position, booking_events.c.kind)
    .where(
        booking_events.c.organization_id == bindparam("of_organization"),
        booking_events.c.position.is_not(None),
        booking_events.c.occurred_at >= bindparam("since"),
        booking_events.c.occurred_at < bindparam("until"),
    )
    .order_by(booking_events.c.position)
    .limit(bindparam("most"))
)
OF_EVENTS = select(webhook_deliveries.c.id).where(
    webhook_deliveries.c.endpoint_id == bindparam("endpoint"),
    webhook_deliveries.c.event_id.in_(bindparam("events", expanding=True)),
)
BEYOND_ANY = 2**62  # an id that no delivery has


class SqlWebhookEndpoints:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = KeyedChanges(database, SCHEDULING_KEYS)

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self._changes.find_change(key, organization_id=organization_id, now=now)

    # --- endpoints -----------------------------------------------------------------------

    def add(self, new: NewEndpoint, *, key: IdempotencyKey | None, now: datetime) -> Change:
        def work(connection: Connection) -> Sequence[int]:
            if connection.execute(COUNT, {"of_organization": new.organization_id}).scalar_one() >= MOST_ENDPOINTS:
                raise EndpointsFull
            row = _row_of(new, now) | {"position": connection.execute(LAST).scalar_one()}
            endpoint_id = int(connection.execute(ADD, row).inserted_primary_key[0])  # type: ignore[index]
            about("webhook_endpoint", endpoint_id)
            return [endpoint_id]

        return self._changes.make(work, key=key, organization_id=new.organization_id, now=now)

    def list_endpoints(self, organization_id: int) -> Sequence[Endpoint]:
        with self._database.reading() as connection:
            return [endpoint_of(row) for row in connection.execute(LIST, {"of_organization": organization_id})]

    def get_endpoint(self, endpoint_id: int, *, organization_id: int) -> Endpoint:
        with self._database.reading() as connection:
            return _get(connection, _which(endpoint_id, organization_id))

    def change(
        self,
        endpoint_id: int,
        change: EndpointChange,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        def work(connection: Connection, endpoint: Endpoint) -> Sequence[int]:
            kinds = endpoint.kinds if change.kinds is None else change.kinds
            values = {
                "new_url": change.url or endpoint.url,
                "new_description": change.description or endpoint.description,
                "new_kinds": json.dumps(list(kinds)),
                "now": now,
            }
            connection.execute(CHANGE, _which(endpoint_id, organization_id) | values)
            return [endpoint_id]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def rotate_secret(
        self,
        endpoint_id: int,
        sealed_secret: str,
        *,
        organization_id: int,
        overlap: timedelta,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        def work(connection: Connection, _endpoint: Endpoint) -> Sequence[int]:
            values = {"overlaps_until": now + overlap, "new_secret": sealed_secret, "now": now}
            connection.execute(ROTATE, _which(endpoint_id, organization_id) | values)
            return [endpoint_id]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def seal_anew(self, anew: Callable[[str], str | None]) -> Sequence[tuple[int, bool]]:
        with self._database.reading() as connection:
            every = connection.execute(EVERY_ID).scalars().all()
        return [(one, self._database.write(lambda c, endpoint=one: _seal_anew(c, endpoint, anew))) for one in every]  # type: ignore[misc]

    def set_state(
        self,
        endpoint_id: int,
        state: EndpointState,
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        def work(connection: Connection, endpoint: Endpoint) -> Sequence[int]:
            which = _which(endpoint_id, organization_id) | {"now": now}
            if state is EndpointState.ACTIVE:
                if endpoint.state is not EndpointState.ACTIVE:
                    _enable(connection, endpoint, which)
            elif not (state is EndpointState.PAUSED and endpoint.state is EndpointState.DISABLED):
                connection.execute(SET_STATE, {**which, "new_state": state.value})
            return [endpoint_id]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def _change_own(
        self,
        endpoint_id: int,
        work: Callable[[Connection, Endpoint], Sequence[int]],
        *,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        """Work on an endpoint whose row is held."""
        which = _which(endpoint_id, organization_id)

        def held(connection: Connection) -> Sequence[int]:
            if connection.execute(HOLD_OWN, which).rowcount == 0:
                raise EndpointUnknown
            about("webhook_endpoint", endpoint_id)
            return work(connection, _get(connection, which))

        return self._changes.make(held, key=key, organization_id=organization_id, now=now)

    # --- deliveries ----------------------------------------------------------------------

    def add_test(self, endpoint_id: int, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        def work(connection: Connection, endpoint: Endpoint) -> Sequence[int]:
            _require_active(endpoint)
            added = connection.execute(ADD_DELIVERY, delivery_row(endpoint_id, now)).inserted_primary_key
            connection.execute(WAKE, {"endpoint": endpoint_id, "now": now})
            return [endpoint_id, int(added[0])]  # type: ignore[index]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def resend(self, delivery_id: int, *, organization_id: int, key: IdempotencyKey | None, now: datetime) -> Change:
        endpoint_id = self.get_record(delivery_id, organization_id=organization_id).delivery.endpoint_id

        def work(connection: Connection, endpoint: Endpoint) -> Sequence[int]:
            _require_active(endpoint)
            _renew(connection, endpoint_id, [delivery_id], now)
            return [endpoint_id, delivery_id]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def replay(
        self,
        endpoint_id: int,
        *,
        since: datetime,
        until: datetime,
        organization_id: int,
        key: IdempotencyKey | None,
        now: datetime,
    ) -> Change:
        period = {"of_organization": organization_id, "since": since, "until": until, "most": MOST_REPLAYED + 1}

        def work(connection: Connection, endpoint: Endpoint) -> Sequence[int]:
            _require_active(endpoint)
            found = connection.execute(IN_PERIOD, period).all()
            if len(found) > MOST_REPLAYED:
                raise ReplayTooLong
            wanted = [event for event in found if endpoint.wants(event.kind)]
            for events in in_chunks(wanted):
                which = {"endpoint": endpoint_id, "events": [event.id for event in events]}
                known = connection.execute(OF_EVENTS, which).scalars().all()
                add_deliveries(connection, endpoint_id, events, now)
                _renew(connection, endpoint_id, known, now)
            return [endpoint_id, len(wanted)]

        return self._change_own(endpoint_id, work, organization_id=organization_id, key=key, now=now)

    def list_deliveries(
        self,
        endpoint_id: int,
        *,
        organization_id: int,
        state: DeliveryState | None,
        before: int | None,
        limit: int,
    ) -> Sequence[Delivery]:
        which = {
            "endpoint": endpoint_id,
            "states": [one.value for one in DeliveryState if state in {None, one}],
            "before": BEYOND_ANY if before is None else before,
            "most": limit,
        }
        with self._database.reading() as connection:
            _get(connection, _which(endpoint_id, organization_id))
            return [delivery_of(row) for row in connection.execute(PAGE, which)]

    def get_record(self, delivery_id: int, *, organization_id: int) -> DeliveryRecord:
        which = {"delivery": delivery_id, "of_organization": organization_id}
        with self._database.reading() as connection:
            row = connection.execute(FIND_DELIVERY, which).one_or_none()
            if row is None:
                raise DeliveryUnknown
            attempts = tuple(
                DeliveryAttempt(
                    started_at=one.started_at,
                    duration=one.duration_us * MICROSECOND,
                    http_status=one.http_status,
                    error=one.error,
                )
                for one in connection.execute(ATTEMPTS, {"delivery": delivery_id})
            )
        return DeliveryRecord(delivery=delivery_of(row), attempts=attempts)


def _which(endpoint_id: int, organization_id: int) -> dict[str, Any]:
    return {"endpoint": endpoint_id, "of_organization": organization_id}


def _get(connection: Connection, which: dict[str, Any]) -> Endpoint:
    row = connection.execute(FIND, which).one_or_none()
    if row is None:
        raise EndpointUnknown
    return endpoint_of(row)


def _seal_anew(connection: Connection, endpoint_id: int, anew: Callable[[str], str | None]) -> bool:
    which = {"endpoint": endpoint_id}
    connection.execute(HOLD_ANY, which)
    about("webhook_endpoint", endpoint_id)
    endpoint = endpoint_of(connection.execute(READ_ENDPOINT, which).one())
    secret = anew(endpoint.sealed_secret)
    earlier = None if endpoint.earlier_secret is None else anew(endpoint.earlier_secret)
    if secret is None or (earlier is None and endpoint.earlier_secret is not None):
        return False
    connection.execute(RESEAL, {**which, "new_secret": secret, "new_earlier": earlier})
    return True


def _require_active(endpoint: Endpoint) -> None:
    if endpoint.state is not EndpointState.ACTIVE:
        raise EndpointNotActive


def _enable(connection: Connection, endpoint: Endpoint, which: dict[str, Any]) -> None:
    connection.execute(ENABLE, which | {"yes": True})
    connection.execute(RENEW_PENDING, which)
    if endpoint.failing_since is not None:
        connection.execute(RENEW_GIVEN_UP, which | {"since": endpoint.failing_since})


def _renew(connection: Connection, endpoint_id: int, deliveries: Sequence[int], now: datetime) -> None:
    if deliveries:
        connection.execute(RENEW, {"deliveries": list(deliveries), "now": now})
        connection.execute(WAKE, {"endpoint": endpoint_id, "now": now})


def _row_of(new: NewEndpoint, now: datetime) -> dict[str, Any]:
    return {
        "organization_id": new.organization_id,
        "url": new.url,
        "description": new.description,
        "kinds": json.dumps(list(new.kinds)),
        "sealed_secret": new.sealed_secret,
        "state": EndpointState.ACTIVE.value,
        "is_behind": False,
        "failures": 0,
        "version": 0,
        "created_at": now,
        "updated_at": now,
    }
