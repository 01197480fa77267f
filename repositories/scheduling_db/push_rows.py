"""The row of a push, and how one comes to be: in a transaction of others, by one statement, once for each key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Insert, RowMapping, bindparam, insert, select

from repositories.entities.pushes import BOTH_PLATFORMS, NewPush, PushRecord, RecordPush
from repositories.enums import BookingStatus, PushState
from repositories.scheduling_db.tables import bookings, pushes

NEW = (
    "push_key", "kind", "care_provider_id", "booking_id", "happens_at", "wants_status", "event", "state", "reason",
    "left_to", "attempts", "due_at", "nudged_until", "expires_at", "created_at", "updated_at", "sent_at",
    "asked_by", "asked_why",
)  # fmt: skip
ITSELF = ("id", "reason", "attempts", "due_at", "created_at", "updated_at", "sent_at", "asked_by", "asked_why",
          "lease_token")  # fmt: skip
OF_PUSH = ("kind", "care_provider_id", "booking_id", "happens_at", "event", "expires_at")


def _given(name: str) -> BindParameter[Any]:
    return bindparam(f"new_{name}", type_=pushes.c[name].type)


HAS_KEY = select(pushes.c.id).where(pushes.c.push_key == bindparam("known_key", type_=pushes.c.push_key.type))
ADD = insert(pushes).from_select(list(NEW), select(*map(_given, NEW)).where(~HAS_KEY.exists()))
_OF_BOOKING = {
    "care_provider_id": bookings.c.care_provider_id,
    "booking_id": bookings.c.id,
    "happens_at": bookings.c.starts_at,
}
_HAS_BOOKING = (bookings.c.id == bindparam("of_booking"), ~HAS_KEY.exists())
_TOLD_OF_BOOKING = select(*(_OF_BOOKING.get(name, _given(name)) for name in NEW)).where(*_HAS_BOOKING)
ADD_OF_BOOKING = insert(pushes).from_select(list(NEW), _TOLD_OF_BOOKING)
ADD_IF_STATUS = insert(pushes).from_select(
    list(NEW), _TOLD_OF_BOOKING.where(bookings.c.status == bindparam("its_status"))
)


def record_push(connection: Connection, effect: RecordPush, now: datetime) -> None:
    """Keep what came of a push that a saga sent itself."""
    is_sent = effect.reason is None
    values = _values(
        effect.push,
        now,
        state=PushState.SENT if is_sent else PushState.FAILED,
        reason=effect.reason,
        left_to=() if is_sent else BOTH_PLATFORMS,
        attempts=effect.attempts,
        sent_at=now if is_sent else None,
    )
    connection.execute(ADD, values)


def _is_added(connection: Connection, statement: Insert, values: Mapping[str, Any]) -> bool:
    return connection.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount > 0


def add_push(
    connection: Connection,
    push: NewPush,
    now: datetime,
    *,
    nudged_until: datetime | None = None,
    asked: tuple[str, str] | None = None,
) -> bool:
    """Whether it is new: a push that waits to be sent. `asked`: by which operator, and why."""
    values = _values(push, now, due_at=now, nudged_until=nudged_until, asked=asked)
    return _is_added(connection, ADD, values)


def add_push_of_booking(
    connection: Connection,
    booking_id: int,
    *,
    key: str,
    kind: int,
    wants_status: BookingStatus | None,
    expires_at: datetime,
    now: datetime,
    nudged_until: datetime | None = None,
    asked: tuple[str, str] | None = None,
) -> bool:
    """Whether it is new: a push to the booking's care provider, unless the booking has another status."""
    push = NewPush(key=key, kind=kind, care_provider_id=0, wants_status=wants_status, expires_at=expires_at)
    values = _values(push, now, due_at=now, nudged_until=nudged_until, asked=asked) | {"of_booking": booking_id}
    if wants_status is None:
        return _is_added(connection, ADD_OF_BOOKING, values)
    return _is_added(connection, ADD_IF_STATUS, values | {"its_status": wants_status})


def _values(
    push: NewPush,
    now: datetime,
    *,
    state: PushState = PushState.WAITING,
    reason: str | None = None,
    left_to: tuple[str, ...] = BOTH_PLATFORMS,
    attempts: int = 0,
    asked: tuple[str, str] | None = None,
    **instants: datetime | None,
) -> dict[str, Any]:
    by, why = asked or (None, None)
    row = {
        **{name: getattr(push, name) for name in OF_PUSH},
        "push_key": push.key,
        "wants_status": push.wants_status,
        "state": state.value,
        "reason": reason,
        "left_to": " ".join(left_to),
        "attempts": attempts,
        "due_at": instants.get("due_at"),
        "nudged_until": instants.get("nudged_until"),
        "created_at": now,
        "updated_at": now,
        "sent_at": instants.get("sent_at"),
        "asked_by": by,
        "asked_why": why,
    }
    return {f"new_{name}": row[name] for name in NEW} | {"known_key": push.key}


def record_of(row: RowMapping) -> PushRecord:
    wants = row["wants_status"]
    push = NewPush(
        key=row["push_key"],
        wants_status=None if wants is None else BookingStatus(wants),
        **{name: row[name] for name in OF_PUSH},
    )
    return PushRecord(
        push=push,
        state=PushState(row["state"]),
        left_to=tuple(row["left_to"].split()),
        **{name: row[name] for name in ITSELF},
    )
