"""The audit log: append-only, numbered without a gap, each line sealed together with all before it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, insert, or_, select, update

from repositories.audit_chain import Chain
from repositories.database import Database
from repositories.deed_rows import deed_of, row_of
from repositories.entities.audit import Deed, DeedFilter, Head, SealedDeed
from repositories.ports.errors import LineUnreadable
from repositories.psyter_db.tables import audit_head, audit_log

HEAD = select(
    audit_head.c.sequence,
    audit_head.c.seal,
    audit_head.c.signature,
    select(func.coalesce(func.max(audit_log.c.sequence), 0)).scalar_subquery().label("longest"),
)
TAKE_HEAD = update(audit_head).values(sealed_at=bindparam("now"))  # whoever has it is the one that seals
MOVE_HEAD = update(audit_head).values(
    sequence=bindparam("last"), seal=bindparam("last_seal"), signature=bindparam("signed")
)
SEALED = select(audit_log.c.deed_id).where(audit_log.c.deed_id.in_(bindparam("deeds", expanding=True)))
APPEND = insert(audit_log)
BEHIND = (
    select(audit_log)
    .where(audit_log.c.sequence > bindparam("after"))
    .order_by(audit_log.c.sequence)
    .limit(bindparam("most"))
)


class SqlAuditLog:
    def __init__(self, database: Database, chain: Chain) -> None:
        self._database = database
        self._chain = chain

    def seal(self, deeds: Sequence[Deed], *, now: datetime) -> int:
        def work(connection: Connection) -> int:
            connection.execute(TAKE_HEAD, {"now": now})
            known = set(connection.execute(SEALED, {"deeds": [deed.id for deed in deeds]}).scalars())
            head = _head_of(connection.execute(HEAD).one())
            lines = self._sealed(head, [deed for deed in deeds if deed.id not in known])
            if lines:
                connection.execute(APPEND, [_row_of(line) for line in lines])
                connection.execute(MOVE_HEAD, self._head_at(lines[-1]))
            return len(lines)

        return self._database.write(work) if deeds else 0

    def _sealed(self, head: Head, deeds: Sequence[Deed]) -> list[SealedDeed]:
        lines: list[SealedDeed] = []
        previous = head.seal
        for sequence, deed in enumerate(deeds, start=head.sequence + 1):
            previous = self._chain.seal(sequence, deed, previous=previous)
            lines.append(SealedDeed(sequence=sequence, deed=deed, seal=previous))
        return lines

    def _head_at(self, last: SealedDeed) -> dict[str, Any]:
        signed = self._chain.signature(last.sequence, last.seal)
        return {"last": last.sequence, "last_seal": last.seal, "signed": signed}

    def head(self) -> Head:
        with self._database.reading() as connection:
            return _head_of(connection.execute(HEAD).one())

    def read(self, *, after: int, limit: int) -> Sequence[SealedDeed]:
        with self._database.reading() as connection:
            return [_line_of(row) for row in connection.execute(BEHIND, {"after": after, "most": limit})]

    def list_deeds(self, which: DeedFilter, *, before: tuple[datetime, int] | None, limit: int) -> Sequence[SealedDeed]:
        with self._database.reading() as connection:
            return [_line_of(row) for row in connection.execute(listing(which, before=before, limit=limit))]


def listing(which: DeedFilter, *, before: tuple[datetime, int] | None, limit: int) -> Select[Any]:
    """The newest first, behind the line at `before`."""
    kept = audit_log.c
    query = select(audit_log).where(kept.organization_id == which.organization_id)
    if which.action is not None:
        query = query.where(kept.action == which.action)
    if which.since is not None:
        query = query.where(kept.occurred_at >= which.since)
    if which.until is not None:
        query = query.where(kept.occurred_at < which.until)
    if before is not None:
        at, sequence = before
        is_behind = or_(kept.occurred_at < at, and_(kept.occurred_at == at, kept.sequence < sequence))
        query = query.where(kept.occurred_at <= at, is_behind)  # the first so that the index is entered there
    return query.order_by(kept.occurred_at.desc(), kept.sequence.desc()).limit(limit)


def _head_of(row: Row[int, str, str, int]) -> Head:
    return Head(sequence=row.sequence, seal=row.seal, signature=row.signature, longest=row.longest)


def _row_of(line: SealedDeed) -> dict[str, Any]:
    return {**row_of(line.deed), "sequence": line.sequence, "seal": line.seal}


def _line_of(row: Row[Any]) -> SealedDeed:
    try:
        return SealedDeed(sequence=row.sequence, deed=deed_of(row), seal=row.seal)
    except ValueError as error:
        raise LineUnreadable(row.sequence) from error
