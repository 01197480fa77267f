"""Deeds as rows: the outbox that either database has, and what every transaction of whoever acts leaves in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Row, String, Table, insert

from repositories.acting import acting
from repositories.columns import BigId, UtcDateTime, text
from repositories.entities.audit import Deed
from repositories.enums import DeedOutcome, Reason


def deed_columns() -> list[Column[Any]]:
    return [
        Column("deed_id", String(32), nullable=False, unique=True),
        Column("action", String(40), nullable=False),
        Column("outcome", String(10), nullable=False),
        Column("http_status", Integer),
        Column("reason", Integer),
        Column("organization_id", BigInteger),
        Column("access_key_id", BigInteger),
        Column("token_id", String(64)),
        Column("operator", text(100)),
        Column("resource_kind", String(30)),
        Column("resource_id", String(64)),
        Column("request_id", String(64), nullable=False),
        Column("occurred_at", UtcDateTime, nullable=False),
    ]


def outbox_table(metadata: MetaData) -> Table:
    return Table("audit_outbox", metadata, Column("id", BigId, primary_key=True), *deed_columns())


outbox = outbox_table(MetaData())  # either database has it under this name
ADD = insert(outbox)


@contextmanager
def leaving_deeds(connection: Connection) -> Iterator[None]:
    """What is done inside leaves its deeds, if anybody acts."""
    act = acting()
    if act is None:
        yield
        return
    try:
        yield
        if deeds := act.deeds():
            connection.execute(ADD, [row_of(deed) for deed in deeds])
            act.deeds_left += len(deeds)
    finally:
        act.forget_transaction()


def row_of(deed: Deed) -> dict[str, Any]:
    row = vars(deed) | {"deed_id": deed.id, "outcome": deed.outcome.value}
    del row["id"]
    return row


def deed_of(row: Row[Any]) -> Deed:
    return Deed(
        id=row.deed_id,
        action=row.action,
        outcome=DeedOutcome(row.outcome),
        http_status=row.http_status,
        reason=None if row.reason is None else Reason(row.reason),
        organization_id=row.organization_id,
        access_key_id=row.access_key_id,
        token_id=row.token_id,
        operator=row.operator,
        resource_kind=row.resource_kind,
        resource_id=row.resource_id,
        request_id=row.request_id,
        occurred_at=row.occurred_at,
    )
