"""Pushes to care providers: a small queue of rows, claimed by lease. The database decides whether one is still true."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, not_, or_, select, update
from sqlalchemy.exc import IntegrityError

from repositories.acting import about
from repositories.database import Database
from repositories.entities.pushes import OUTDATED, BookedPush, NewPush, PushFilter, PushRecord
from repositories.enums import BookingStatus, PushState
from repositories.held import not_held
from repositories.ports.errors import LeaseLost, PushNotFailed, PushOutdated, PushUnknown
from repositories.scheduling_db.asked import request_of
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.push_rows import HAS_KEY, add_push, add_push_of_booking, record_of
from repositories.scheduling_db.tables import bookings, pushes

OF_BOOKING = ("meeting_id", "organization_id", "user_id", "request_id")
IS_STILL_SO = or_(
    pushes.c.wants_status.is_(None),
    select(bookings.c.id)
    .where(
        bookings.c.id == pushes.c.booking_id,
        bookings.c.status == pushes.c.wants_status,
        bookings.c.starts_at == pushes.c.happens_at,
    )
    .exists(),
)
_IS_IT = pushes.c.id == bindparam("push_id")
_IS_DUE = and_(pushes.c.state == PushState.WAITING, pushes.c.due_at <= bindparam("now"))
CLAIM = (
    update(pushes)
    .where(_IS_IT, _IS_DUE, IS_STILL_SO)
    .values(
        due_at=bindparam("lease_ends"),
        lease_token=bindparam("token"),
        nudged_until=None,  # or a worker's death is noticed only when the mark ends
        attempts=pushes.c.attempts + 1,  # committed before the work: one that kills its worker is not tried for ever
    )
)
GIVE_UP = (
    update(pushes)
    .where(_IS_IT, _IS_DUE, not_(IS_STILL_SO))
    .values(state=PushState.FAILED.value, reason=OUTDATED, due_at=None, lease_token=None, updated_at=bindparam("now"))
)
READ = (
    select(
        pushes,
        bookings.c.meeting_id,
        bookings.c.organization_id,
        bookings.c.user_id,
        request_of(pushes.c.booking_id, pushes.c.created_at),
    )
    .outerjoin(bookings, bookings.c.id == pushes.c.booking_id)
    .where(_IS_IT)
)
FIND = select(pushes).where(_IS_IT)
SAVE = (
    update(pushes)
    .where(_IS_IT, pushes.c.lease_token == bindparam("token"))
    .values(
        {name: bindparam(name) for name in ("state", "reason", "left_to", "attempts", "due_at", "sent_at")}
        | {"updated_at": bindparam("now"), "lease_token": None, "nudged_until": None}
    )
)
HOLD_BOOKING = update(bookings).where(bookings.c.id == bindparam("booking_id")).values(updated_at=bookings.c.updated_at)
IS_UNMARKED = and_(_IS_DUE, or_(pushes.c.nudged_until.is_(None), pushes.c.nudged_until <= bindparam("now")))
DUE = not_held(
    select(pushes.c.id).where(IS_UNMARKED).order_by(pushes.c.due_at, pushes.c.id).limit(bindparam("most")), pushes
)
MARK = update(pushes).where(_IS_IT, IS_UNMARKED).values(nudged_until=bindparam("marked_until"))
SEND_AGAIN = (
    update(pushes)
    .where(_IS_IT, pushes.c.state == PushState.FAILED, IS_STILL_SO)
    .values(
        state=PushState.WAITING.value,
        reason=None,
        attempts=0,
        due_at=bindparam("now"),
        nudged_until=bindparam("marked_until"),
        expires_at=bindparam("until"),
        updated_at=bindparam("now"),
        asked_by=bindparam("by"),
        asked_why=bindparam("why"),
    )
)


class SqlPushes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, push: NewPush, *, now: datetime, nudged_until: datetime, asked: tuple[str, str] | None = None
    ) -> int | None:
        def work(connection: Connection) -> bool:
            return add_push(connection, push, now, nudged_until=nudged_until, asked=asked)

        return self._added(push.key, work)

    def add_of_booking(
        self,
        booking_id: int,
        *,
        key: str,
        kind: int,
        wants_status: BookingStatus | None,
        expires_at: datetime,
        now: datetime,
        nudged_until: datetime,
        asked: tuple[str, str] | None = None,
    ) -> int | None:
        def work(connection: Connection) -> bool:
            return add_push_of_booking(
                connection,
                booking_id,
                key=key,
                kind=kind,
                wants_status=wants_status,
                expires_at=expires_at,
                now=now,
                nudged_until=nudged_until,
                asked=asked,
            )

        return self._added(key, work)

    def _added(self, key: str, add: Callable[[Connection], bool]) -> int | None:
        def work(connection: Connection) -> int | None:
            if not add(connection):
                return None
            push_id = int(connection.execute(HAS_KEY, {"known_key": key}).scalar_one())
            about("push", push_id)
            return push_id

        try:
            return self._database.write(work)
        except IntegrityError:  # another was a moment earlier
            return None

    def claim(self, push_id: int, *, now: datetime, lease: timedelta, token: str) -> BookedPush | None:
        values = {"push_id": push_id, "now": now}

        def work(connection: Connection) -> BookedPush | None:
            claimed = connection.execute(CLAIM, values | {"lease_ends": now + lease, "token": token}).rowcount
            if not claimed:
                connection.execute(GIVE_UP, values)
                return None
            row = connection.execute(READ, {"push_id": push_id}).mappings().one()
            return BookedPush(record=record_of(row), **{name: row[name] for name in OF_BOOKING})

        return self._database.write(work)

    def save(self, record: PushRecord, *, now: datetime) -> None:
        values = {
            "push_id": record.id,
            "token": record.lease_token,
            "state": record.state.value,
            "left_to": " ".join(record.left_to),
            "now": now,
            **{name: getattr(record, name) for name in ("reason", "attempts", "due_at", "sent_at")},
        }

        def work(connection: Connection) -> None:
            if connection.execute(SAVE, values).rowcount == 0:
                raise LeaseLost
            push = record.push
            if record.state is PushState.SENT and push.event is not None and push.booking_id is not None:
                connection.execute(HOLD_BOOKING, {"booking_id": push.booking_id})  # its events are numbered in turn
                append_event(connection, push.booking_id, push.event, now)

        self._database.write(work)

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> Sequence[int]:
        def work(connection: Connection) -> list[int]:
            due = list(connection.execute(DUE, {"now": now, "most": limit}).scalars())
            if due:
                connection.execute(MARK, [{"push_id": id, "now": now, "marked_until": marked_until} for id in due])
            return due

        return self._database.write(work)

    def find(self, push_id: int) -> PushRecord | None:
        with self._database.reading() as connection:
            return _found(connection, push_id)

    def list_pushes(self, wanted: PushFilter, *, limit: int) -> Sequence[PushRecord]:
        with self._database.reading() as connection:
            return [record_of(row) for row in connection.execute(listing(wanted, limit=limit)).mappings()]

    def send_again(
        self, push_id: int, *, asked: tuple[str, str], expires_at: datetime, now: datetime, nudged_until: datetime
    ) -> PushRecord:
        by, why = asked
        values = {
            "push_id": push_id,
            "now": now,
            "until": expires_at,
            "marked_until": nudged_until,
            "by": by,
            "why": why,
        }

        def work(connection: Connection) -> PushRecord:
            changed = connection.execute(SEND_AGAIN, values).rowcount
            record = _found(connection, push_id)
            if record is None:
                raise PushUnknown
            if not changed:
                raise PushOutdated if record.state is PushState.FAILED else PushNotFailed
            about("push", push_id)
            return record

        return self._database.write(work)


def _found(connection: Connection, push_id: int) -> PushRecord | None:
    row = connection.execute(FIND, {"push_id": push_id}).mappings().one_or_none()
    return None if row is None else record_of(row)


def listing(wanted: PushFilter, *, limit: int) -> Select[Any]:
    """The statement that finds these pushes, the newest first."""
    found = select(pushes).where(pushes.c.state.in_(sorted(wanted.states)))
    same = {name: getattr(wanted, name) for name in ("kind", "care_provider_id", "booking_id", "reason")}
    found = found.where(*(pushes.c[name] == value for name, value in same.items() if value is not None))
    if wanted.since is not None:
        found = found.where(pushes.c.updated_at >= wanted.since)
    return found.order_by(pushes.c.updated_at.desc(), pushes.c.id.desc()).limit(limit)
