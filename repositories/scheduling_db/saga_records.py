"""The journal as operators use it: look, and step in under an audit entry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, or_, select, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.board import SagaLine
from repositories.entities.effects import Effect
from repositories.entities.sagas import Attempt, AuditEntry, SagaFilter, SagaRecord, SagaState
from repositories.ports.errors import SagaMoved
from repositories.scheduling_db.effects import apply_effect
from repositories.scheduling_db.journal import APPEND, SAVED
from repositories.scheduling_db.saga_rows import NO_TIME, attempt_of, attempt_row, row_of, state_of
from repositories.scheduling_db.tables import bookings, saga_attempts, saga_audit, sagas

MOST_SAGAS = 100  # of one booking
MOST_LINES = 1_000  # of one timeline, the last ones

FIND = select(sagas).where(sagas.c.id == bindparam("saga_id"))
OF_BOOKING = (
    select(sagas)
    .where(sagas.c.booking_id == bindparam("booking_id"))
    .order_by(sagas.c.created_at, sagas.c.id)
    .limit(MOST_SAGAS)
)
TIMELINE = (
    select(saga_attempts)
    .where(saga_attempts.c.saga_id == bindparam("saga_id"), saga_attempts.c.booking_id == bindparam("booking_id"))
    .order_by(saga_attempts.c.id.desc())
    .limit(MOST_LINES)
)
AUDIT = (
    select(saga_audit)
    .where(saga_audit.c.saga_id == bindparam("saga_id"))
    .order_by(saga_audit.c.id.desc())
    .limit(MOST_LINES)
)
NOTE = insert(saga_audit)
STEP_IN = (
    update(sagas)
    .where(
        sagas.c.id == bindparam("saga_id"),
        sagas.c.version == bindparam("read_version"),
        or_(sagas.c.claims == 0, sagas.c.due_at.is_(None), sagas.c.due_at <= bindparam("lease_over_at")),
    )
    .values({name: bindparam(name) for name in SAVED})
    .values(lease_token=None, nudged_until=None, version=sagas.c.version + 1)
)


class SqlSagaRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_record(self, saga_id: str) -> SagaRecord | None:
        with self._database.reading(one_moment=True) as connection:
            row = connection.execute(FIND, {"saga_id": saga_id}).one_or_none()
            if row is None:
                return None
            which = {"saga_id": saga_id, "booking_id": row.booking_id}
            lines = connection.execute(TIMELINE, which).all()
            entries = connection.execute(AUDIT, {"saga_id": saga_id}).all()
        return SagaRecord(
            state=state_of(row),
            updated_at=row.updated_at,
            timeline=tuple(attempt_of(line) for line in reversed(lines)),
            audit=tuple(_entry_of(entry) for entry in reversed(entries)),
        )

    def find_sagas_of(self, booking_id: int) -> Sequence[SagaState]:
        with self._database.reading() as connection:
            return [state_of(row) for row in connection.execute(OF_BOOKING, {"booking_id": booking_id})]

    def list_sagas(self, wanted: SagaFilter, *, limit: int) -> Sequence[SagaState]:
        with self._database.reading() as connection:
            return [state_of(row) for row in connection.execute(listing(wanted, limit=limit))]

    def page_of_sagas(
        self, wanted: SagaFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[SagaLine]:
        """Status by status, each along its own index: in one statement the database would have to sort them all."""
        found: list[SagaLine] = []
        with self._database.reading(one_moment=True) as connection:
            for status in sorted(wanted.statuses):
                page = page_of(replace(wanted, statuses=frozenset({status})), after=after, limit=limit)
                rows = connection.execute(page).all()
                found += [SagaLine(state=state_of(row), updated_at=row.updated_at) for row in rows]
        found.sort(key=lambda line: (line.updated_at, line.state.id), reverse=True)
        return found[:limit]

    def intervene(
        self,
        state: SagaState,
        entry: AuditEntry,
        *,
        attempts: Sequence[Attempt] = (),
        effects: Sequence[Effect] = (),
    ) -> SagaState:
        row = row_of(state, entry.at)
        values = {name: row[name] for name in SAVED} | {
            "saga_id": state.id,
            "read_version": state.version,
            "lease_over_at": entry.at,
        }

        def work(connection: Connection) -> None:
            if connection.execute(STEP_IN, values).rowcount == 0:
                raise SagaMoved
            for effect in effects:
                apply_effect(connection, effect, entry.at)
            if attempts:
                connection.execute(APPEND, [attempt_row(state, attempt, so_far=NO_TIME) for attempt in attempts])
            connection.execute(NOTE, _audit_row(state, entry))
            about("saga", state.id)

        self._database.write(work)
        return replace(state, version=state.version + 1, lease_token=None)


def listing(wanted: SagaFilter, *, limit: int) -> Select[Any]:
    """The statement that finds these sagas, the longest unchanged first."""
    return _matching(wanted).order_by(sagas.c.updated_at, sagas.c.id).limit(limit)


def page_of(wanted: SagaFilter, *, after: tuple[datetime, str] | None, limit: int) -> Select[Any]:
    """The statement that finds these sagas, the last changed first."""
    found = _matching(wanted)
    if after is not None:
        at, saga_id = after
        is_older = or_(sagas.c.updated_at < at, and_(sagas.c.updated_at == at, sagas.c.id < saga_id))
        found = found.where(sagas.c.updated_at <= at, is_older)
    return found.order_by(sagas.c.updated_at.desc(), sagas.c.id.desc()).limit(limit)


def _matching(wanted: SagaFilter) -> Select[Any]:
    found = select(sagas).where(sagas.c.status.in_(sorted(wanted.statuses)))
    if wanted.organization_id is not None:
        found = found.join(bookings, bookings.c.id == sagas.c.booking_id)
        found = found.where(bookings.c.organization_id == wanted.organization_id)
    same = {sagas.c.name: wanted.name, sagas.c.step: wanted.step, sagas.c.reason: wanted.reason}
    found = found.where(*(column == value for column, value in same.items() if value is not None))
    if wanted.unchanged_since is not None:
        found = found.where(sagas.c.updated_at <= wanted.unchanged_since)
    if wanted.begun_since is not None:
        found = found.where(sagas.c.created_at >= wanted.begun_since)
    if wanted.begun_before is not None:
        found = found.where(sagas.c.created_at < wanted.begun_before)
    return found


def _audit_row(state: SagaState, entry: AuditEntry) -> dict[str, object]:
    return {
        "saga_id": state.id,
        "booking_id": state.booking_id,
        "action": entry.action,
        "step": entry.step,
        "operator": entry.by,
        "why": entry.why,
        "at": entry.at,
    }


def _entry_of(row: Row[tuple[object, ...]]) -> AuditEntry:
    return AuditEntry(action=row.action, step=row.step, by=row.operator, why=row.why, at=row.at)
