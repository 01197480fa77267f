"""The saga journal: claim, save under a lease, and what is due."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from repositories.database import Database
from repositories.entities.effects import Effect
from repositories.entities.sagas import Attempt, DueSaga, SagaState
from repositories.enums import Service
from repositories.held import not_held
from repositories.ports.errors import LeaseLost
from repositories.scheduling_db.effects import apply_effect
from repositories.scheduling_db.saga_rows import attempt_row, row_of, state_of
from repositories.scheduling_db.services import WAITS
from repositories.scheduling_db.tables import saga_attempts, sagas

CLAIM = (
    update(sagas)
    .where(sagas.c.id == bindparam("saga_id"), sagas.c.due_at <= bindparam("now"))
    .values(
        due_at=bindparam("lease_ends"),
        lease_token=bindparam("token"),
        nudged_until=None,  # or a worker's death is noticed only when the mark ends
        claims=sagas.c.claims + 1,
        version=sagas.c.version + 1,
    )
)
READ = select(sagas).where(sagas.c.id == bindparam("saga_id"))
SAVED = (
    "status", "step", "owed", "receipts", "failures", "claims", "due_at", "deadline_at", "reason", "failed_step",
    "error", "updated_at", "waits_for", "waits_since", "stood_still_us",
)  # fmt: skip
SAVE = (
    update(sagas)
    .where(
        sagas.c.id == bindparam("saga_id"),
        sagas.c.lease_token == bindparam("token"),
        sagas.c.version == bindparam("read_version"),
    )
    .values({name: bindparam(name) for name in SAVED})
    .values(lease_token=bindparam("kept_token"), nudged_until=None, version=sagas.c.version + 1)
)
APPEND = insert(saga_attempts)
IS_DUE = and_(
    sagas.c.due_at <= bindparam("now"),
    or_(sagas.c.nudged_until.is_(None), sagas.c.nudged_until <= bindparam("now")),
)
DUE = not_held(select(sagas.c.id, sagas.c.name).where(IS_DUE).order_by(sagas.c.due_at).limit(bindparam("most")), sagas)
MARK = update(sagas).where(sagas.c.id == bindparam("saga_id"), IS_DUE).values(nudged_until=bindparam("marked_until"))

_IN_LINE = (sagas.c.waits_for == bindparam("of_service"), WAITS)
_AGE = (sagas.c.created_at, sagas.c.id)
_LINE = select(sagas.c.id, sagas.c.name).where(*_IN_LINE)
OLDEST_FIRST = not_held(_LINE.order_by(*_AGE).limit(bindparam("most")), sagas)
LONGEST_FIRST = not_held(_LINE.order_by(sagas.c.waits_since, *_AGE).limit(bindparam("most")), sagas)
ON_THEIR_WAY = (
    select(func.count())
    .select_from(sagas)
    .where(
        sagas.c.waits_for == bindparam("of_service"),
        sagas.c.claims == 0,
        sagas.c.due_at <= bindparam("now"),
        sagas.c.nudged_until > bindparam("now"),
    )
)
LET_GO = (
    update(sagas)
    .where(sagas.c.id == bindparam("saga_id"), *_IN_LINE)
    .values(due_at=bindparam("now"), nudged_until=bindparam("marked_until"))
)


class SqlJournal:
    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, saga_id: str, *, now: datetime, lease: timedelta, token: str) -> SagaState | None:
        values = {"saga_id": saga_id, "now": now, "lease_ends": now + lease, "token": token}

        def work(connection: Connection) -> SagaState | None:
            if connection.execute(CLAIM, values).rowcount == 0:
                return None
            return state_of(connection.execute(READ, {"saga_id": saga_id}).one())

        return self._database.write(work)

    def save(
        self, state: SagaState, *, attempts: Sequence[Attempt], effects: Sequence[Effect] = (), now: datetime
    ) -> SagaState:
        row = row_of(state, now)
        values = {name: row[name] for name in SAVED} | {
            "saga_id": state.id,
            "token": state.lease_token,
            "read_version": state.version,
            "kept_token": None if state.due_at is None else state.lease_token,
        }

        def work(connection: Connection) -> None:
            started = time.perf_counter()
            if connection.execute(SAVE, values).rowcount == 0:  # first: a zombie gets no further
                raise LeaseLost
            for effect in effects:
                apply_effect(connection, effect, now)
            if attempts:
                so_far = timedelta(seconds=time.perf_counter() - started)
                connection.execute(APPEND, [attempt_row(state, attempt, so_far=so_far) for attempt in attempts])

        self._database.write(work)
        return replace(state, version=state.version + 1)

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[DueSaga]:
        def work(connection: Connection) -> list[DueSaga]:
            due = [DueSaga(id=row.id, name=row.name) for row in connection.execute(DUE, {"now": now, "most": limit})]
            if due:
                marks = [{"saga_id": saga.id, "now": now, "marked_until": marked_until} for saga in due]
                connection.execute(MARK, marks)
            return due

        return self._database.write(work)

    def take_waiting(
        self, service: Service, *, limit: int, window: int, longest_first: bool, now: datetime, marked_until: datetime
    ) -> list[DueSaga]:
        which = {"of_service": service.value, "now": now}
        order = LONGEST_FIRST if longest_first else OLDEST_FIRST

        def work(connection: Connection) -> list[DueSaga]:
            most = min(limit, window - connection.execute(ON_THEIR_WAY, which).scalar_one())
            if most <= 0:
                return []
            first = [DueSaga(id=row.id, name=row.name) for row in connection.execute(order, which | {"most": most})]
            if first:
                marks = [which | {"saga_id": saga.id, "marked_until": marked_until} for saga in first]
                connection.execute(LET_GO, marks)
            return first

        return self._database.write(work)

    def is_reachable(self) -> bool:
        return self._database.is_reachable()
