"""Webhooks as workers take them: fan out, claim under a lease, write down what came of it.

Whoever changes deliveries of an endpoint holds its row first, so claims of one endpoint follow each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from repositories.database import Database
from repositories.entities.webhooks import Claimed, Delivery, DeliveryAttempt, Endpoint, Outcome, Wish
from repositories.enums import DeliveryState, EndpointState
from repositories.held import not_held
from repositories.ports.errors import LeaseLost
from repositories.scheduling_db.asked import request_of
from repositories.scheduling_db.tables import booking_events, webhook_attempts, webhook_deliveries, webhook_endpoints
from repositories.scheduling_db.webhook_rows import DELIVERIES, IS_ENDPOINT, READ_ENDPOINT, delivery_of, endpoint_of

FAN_OUT = 500  # events for one endpoint in one transaction
MICROSECOND = timedelta(microseconds=1)
ACTIVE, PENDING = EndpointState.ACTIVE.value, DeliveryState.PENDING.value

mine, other = webhook_deliveries, webhook_deliveries.alias("earlier")
IS_ACTIVE = webhook_endpoints.c.state == ACTIVE
HOLD = update(webhook_endpoints).where(IS_ENDPOINT, IS_ACTIVE).values(version=webhook_endpoints.c.version + 1)

# --- fan-out -------------------------------------------------------------------------------

BEHIND = (
    select(webhook_endpoints.c.id)
    .where(webhook_endpoints.c.is_behind == bindparam("yes"), IS_ACTIVE)
    .order_by(webhook_endpoints.c.id)
    .limit(bindparam("most"))
)
NEXT_EVENTS = (
    select(booking_events.c.id, booking_events.c.booking_id, booking_events.c.position, booking_events.c.kind)
    .where(
        booking_events.c.organization_id == bindparam("of_organization"),
        booking_events.c.position > bindparam("after"),
    )
    .order_by(booking_events.c.position)
    .limit(bindparam("most"))
)
KNOWN = select(mine.c.event_id).where(
    mine.c.endpoint_id == bindparam("endpoint"), mine.c.event_id.in_(bindparam("events", expanding=True))
)
ADD_DELIVERY = insert(webhook_deliveries)
KEEP_UP = (
    update(webhook_endpoints).where(IS_ENDPOINT).values(position=bindparam("place"), is_behind=bindparam("behind"))
)
WAKE = (
    update(webhook_endpoints)
    .where(
        IS_ENDPOINT,
        or_(webhook_endpoints.c.due_at.is_(None), webhook_endpoints.c.due_at > bindparam("now")),
    )
    .values(due_at=bindparam("now"))
)

# --- claims --------------------------------------------------------------------------------

_OF_ENDPOINT = (mine.c.endpoint_id == bindparam("endpoint"), mine.c.state == PENDING)
_COMES_FIRST = (
    select(other.c.id)
    .where(
        other.c.endpoint_id == mine.c.endpoint_id,
        other.c.booking_id == mine.c.booking_id,
        other.c.position < mine.c.position,
        other.c.state == PENDING,
    )
    .exists()
)
UNDER_WAY = (
    select(func.count())
    .select_from(mine)
    .where(*_OF_ENDPOINT, mine.c.lease_token.is_not(None), mine.c.due_at > bindparam("now"))
)
NEXT = (
    DELIVERIES.add_columns(request_of(booking_events.c.booking_id, booking_events.c.occurred_at))
    .where(*_OF_ENDPOINT, mine.c.due_at <= bindparam("now"), ~_COMES_FIRST)
    .order_by(mine.c.due_at, mine.c.id)
    .limit(bindparam("most"))
)
NEXT_DUE = select(func.min(mine.c.due_at)).where(*_OF_ENDPOINT, ~_COMES_FIRST)
LEASE = (
    update(webhook_deliveries)
    .where(webhook_deliveries.c.id == bindparam("delivery"))
    .values(due_at=bindparam("lease_ends"), lease_token=bindparam("token"), attempts=webhook_deliveries.c.attempts + 1)
)
SLEEP = update(webhook_endpoints).where(IS_ENDPOINT).values(due_at=bindparam("next_due"), nudged_until=None)
END_LEASE = (
    update(webhook_deliveries)
    .where(webhook_deliveries.c.id == bindparam("delivery"), webhook_deliveries.c.lease_token == bindparam("token"))
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        due_at=bindparam("next_due"),
        lease_token=None,
        last_error=bindparam("error"),
        last_status=bindparam("status"),
        ended_at=bindparam("ended"),
    )
)
HOLD_ANY = update(webhook_endpoints).where(IS_ENDPOINT).values(version=webhook_endpoints.c.version + 1)
STANDING = (
    "state", "disabled_because", "disabled_at", "failures", "failing_since", "last_error", "last_status",
    "delivered_at", "rests_until",
)  # fmt: skip
STAND = update(webhook_endpoints).where(IS_ENDPOINT).values({name: bindparam(f"new_{name}") for name in STANDING})
ADD_ATTEMPT = insert(webhook_attempts)

# --- the sweep -----------------------------------------------------------------------------

_IS_DUE = and_(
    IS_ACTIVE,
    webhook_endpoints.c.due_at <= bindparam("now"),
    or_(webhook_endpoints.c.nudged_until.is_(None), webhook_endpoints.c.nudged_until <= bindparam("now")),
)
DUE = select(webhook_endpoints.c.id).where(_IS_DUE).order_by(webhook_endpoints.c.due_at).limit(bindparam("most"))
TAKE_DUE = not_held(DUE, webhook_endpoints)
MARK = update(webhook_endpoints).where(IS_ENDPOINT, _IS_DUE).values(nudged_until=bindparam("marked_until"))
UNMARK = update(webhook_endpoints).where(IS_ENDPOINT).values(nudged_until=None)


class SqlWebhookQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def fan_out(self, *, limit: int, now: datetime) -> Sequence[int]:
        with self._database.reading() as connection:
            behind = connection.execute(BEHIND, {"yes": True, "most": limit}).scalars().all()
        return [one for one in behind if self._database.write(lambda c, endpoint=one: _fan_out(c, endpoint, now))]  # type: ignore[misc]

    def take_due(self, *, limit: int, now: datetime, marked_until: datetime) -> Sequence[int]:
        with self._database.reading() as connection:
            if connection.execute(DUE, {"now": now, "most": 1}).first() is None:
                return []

        def work(connection: Connection) -> Sequence[int]:
            due = connection.execute(TAKE_DUE, {"now": now, "most": limit}).scalars().all()
            if due:
                connection.execute(MARK, [{"endpoint": one, "now": now, "marked_until": marked_until} for one in due])
            return due

        return self._database.write(work)

    def unmark(self, endpoint_id: int) -> None:
        self._database.write(lambda connection: connection.execute(UNMARK, {"endpoint": endpoint_id}))

    def claim(self, endpoint_id: int, wish: Wish) -> Claimed | None:
        def work(connection: Connection) -> Claimed | None:
            which = {"endpoint": endpoint_id}
            if connection.execute(HOLD, which).rowcount == 0:
                return None
            return _next(connection, endpoint_of(connection.execute(READ_ENDPOINT, which).one()), wish)

        return self._database.write(work)

    def finish(
        self,
        claimed: Claimed,
        attempt: DeliveryAttempt,
        *,
        rule: Callable[[Endpoint, Delivery], Outcome],
        then: Wish | None,
    ) -> tuple[Outcome, Claimed | None]:
        def work(connection: Connection) -> tuple[Outcome, Claimed | None]:
            outcome = _finish(connection, claimed, attempt, rule)
            goes_on = then is not None and outcome.endpoint.state is EndpointState.ACTIVE
            return outcome, _next(connection, outcome.endpoint, then) if then is not None and goes_on else None

        return self._database.write(work)


def _fan_out(connection: Connection, endpoint_id: int, now: datetime) -> bool:
    """Whether the endpoint has got something to deliver."""
    which = {"endpoint": endpoint_id}
    if connection.execute(HOLD, which).rowcount == 0:
        return False
    row = connection.execute(READ_ENDPOINT, which).one()
    endpoint = endpoint_of(row)
    events = connection.execute(
        NEXT_EVENTS, {"of_organization": endpoint.organization_id, "after": row.position, "most": FAN_OUT}
    ).all()
    wanted = [event for event in events if endpoint.wants(event.kind)]
    added = add_deliveries(connection, endpoint_id, wanted, now)
    place = events[-1].position if events else row.position
    connection.execute(KEEP_UP, {**which, "place": place, "behind": len(events) == FAN_OUT})
    return added > 0


def add_deliveries(connection: Connection, endpoint_id: int, events: Sequence[Any], now: datetime) -> int:
    """Of events that have none; returns how many. The endpoint's row is held."""
    if not events:
        return 0
    known = set(
        connection.execute(KNOWN, {"endpoint": endpoint_id, "events": [event.id for event in events]}).scalars()
    )
    rows = [delivery_row(endpoint_id, now, event) for event in events if event.id not in known]
    if rows:
        connection.execute(ADD_DELIVERY, rows)
        connection.execute(WAKE, {"endpoint": endpoint_id, "now": now})
    return len(rows)


def delivery_row(endpoint_id: int, now: datetime, event: Any = None) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint_id,
        "event_id": None if event is None else event.id,
        "booking_id": None if event is None else event.booking_id,
        "position": None if event is None else event.position,
        "state": PENDING,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }


def _next(connection: Connection, endpoint: Endpoint, wish: Wish) -> Claimed | None:
    """Of an active endpoint whose row is held."""
    which = {"endpoint": endpoint.id}
    if endpoint.rests_until is not None and endpoint.rests_until > wish.now:
        connection.execute(SLEEP, {**which, "next_due": endpoint.rests_until})
        return None
    under_way = connection.execute(UNDER_WAY, {**which, "now": wish.now}).scalar_one()
    free = (1 if endpoint.failures else wish.slots) - under_way
    if free <= 0:  # whoever holds one goes on when it is done
        return None
    found = connection.execute(NEXT, {**which, "now": wish.now, "most": 2}).all()
    if not found:
        connection.execute(SLEEP, {**which, "next_due": connection.execute(NEXT_DUE, which).scalar_one()})
        return None
    delivery = delivery_of(found[0])
    connection.execute(LEASE, {"delivery": delivery.id, "token": wish.token, "lease_ends": wish.now + wish.lease})
    delivery = replace(delivery, attempts=delivery.attempts + 1)
    return Claimed(
        endpoint=endpoint,
        delivery=delivery,
        token=wish.token,
        is_more=free > 1 and len(found) > 1,
        request_id=found[0].request_id,
    )


def _finish(
    connection: Connection,
    claimed: Claimed,
    attempt: DeliveryAttempt,
    rule: Callable[[Endpoint, Delivery], Outcome],
) -> Outcome:
    which = {"endpoint": claimed.endpoint.id}
    connection.execute(HOLD_ANY, which)
    outcome = rule(endpoint_of(connection.execute(READ_ENDPOINT, which).one()), claimed.delivery)
    after = outcome.delivery
    ended = connection.execute(
        END_LEASE,
        {
            "delivery": after.id,
            "token": claimed.token,
            "new_state": after.state.value,
            "new_attempts": after.attempts,
            "next_due": after.due_at,
            "error": after.last_error,
            "status": after.last_status,
            "ended": after.ended_at,
        },
    )
    if ended.rowcount == 0:
        raise LeaseLost
    connection.execute(STAND, which | {f"new_{name}": getattr(outcome.endpoint, name) for name in STANDING})
    values = {
        "delivery_id": after.id,
        "started_at": attempt.started_at,
        "duration_us": attempt.duration // MICROSECOND,
        "http_status": attempt.http_status,
        "error": attempt.error,
    }
    connection.execute(ADD_ATTEMPT, values)
    return outcome
