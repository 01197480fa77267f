"""Idempotency keys of either database: written in the transaction of the change that they stand for.

A repository that changes something takes a `key` and hands its work to `KeyedChanges.make`:

    def add_endpoint(self, endpoint, *, key, now) -> Change:
        return self._changes.make(lambda connection: [_add(connection, endpoint)],
                                  key=key, organization_id=endpoint.organization_id, now=now)
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from repositories.acting import about_nothing
from repositories.database import Database, UtcDateTime, exact
from repositories.entities.idempotency import Change, IdempotencyKey, KeyUse
from repositories.ports.errors import KeyInFlight, KeyReused, KeyTaken

KEY_AGE = timedelta(hours=24)
TRIES = 5  # of a change that others race with


def keys_table(metadata: MetaData) -> Table:
    return Table(
        "idempotency_keys",
        metadata,
        Column("organization_id", BigInteger, nullable=False),
        Column("idempotency_key", exact(255), nullable=False),
        Column("body_digest", String(64), nullable=False),
        Column("ids", String(4000), nullable=False),  # a JSON list of numbers, nothing personal
        Column("created_at", UtcDateTime, nullable=False, index=True),
        PrimaryKeyConstraint("organization_id", "idempotency_key"),
    )


class KeyRows:
    """The rows of one database's table of keys."""

    def __init__(self, keys: Table) -> None:
        is_key = (
            keys.c.organization_id == bindparam("of_organization"),
            keys.c.idempotency_key == bindparam("of_key"),
        )
        self.find_row = select(keys).where(*is_key, keys.c.created_at > bindparam("too_old"))
        self.drop_old = delete(keys).where(*is_key, keys.c.created_at <= bindparam("too_old"))
        self.add_row = insert(keys)

    def find(self, connection: Connection, organization_id: int, key: str, now: datetime) -> KeyUse | None:
        row = connection.execute(self.find_row, _values(organization_id, key, now)).one_or_none()
        return None if row is None else KeyUse(body_digest=row.body_digest, ids=tuple(json.loads(row.ids)))

    def add(
        self, connection: Connection, organization_id: int, key: IdempotencyKey, ids: Sequence[int], now: datetime
    ) -> None:
        """Raises KeyTaken; then the transaction is to be rolled back."""
        connection.execute(self.drop_old, _values(organization_id, key.key, now))
        values = {
            "organization_id": organization_id,
            "idempotency_key": key.key,
            "body_digest": key.body_digest,
            "ids": json.dumps(list(ids)),
            "created_at": now,
        }
        try:
            connection.execute(self.add_row, values)
        except IntegrityError as error:
            raise KeyTaken from error


class KeyedChanges:
    """Changes in one database, each made once per idempotency key."""

    def __init__(self, database: Database, rows: KeyRows) -> None:
        self._database = database
        self._rows = rows

    def find_change(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        """What a request with this key changed in the last 24 hours. Raises KeyReused if it was another request."""
        if key is None:
            return None
        with self._database.reading() as connection:
            return self._earlier(connection, key, organization_id, now)

    def make(
        self,
        work: Callable[[Connection], Sequence[int]],
        *,
        key: IdempotencyKey | None,
        organization_id: int,
        now: datetime,
    ) -> Change:
        """Run `work`, which answers ids, and keep the key in one transaction; or answer what the key did before.

        Work that breaks a unique key runs again, on the world as the winner of the race left it. Raises KeyReused,
        KeyInFlight, and what the work raises; then nothing is written."""

        def once(connection: Connection) -> Change:
            earlier = None if key is None else self._earlier(connection, key, organization_id, now)
            if earlier is not None:
                about_nothing()
                return earlier
            ids = tuple(work(connection))
            if key is not None:
                self._rows.add(connection, organization_id, key, ids, now)
            return Change(ids=ids)

        try:
            return self._when_not_raced(once)
        except KeyTaken as error:
            raise KeyInFlight from error

    def _when_not_raced(self, once: Callable[[Connection], Change]) -> Change:
        for _ in range(TRIES - 1):
            try:
                return self._database.write(once)
            except (IntegrityError, KeyTaken):
                continue
        return self._database.write(once)

    def _earlier(
        self, connection: Connection, key: IdempotencyKey, organization_id: int, now: datetime
    ) -> Change | None:
        use = self._rows.find(connection, organization_id, key.key, now)
        return None if use is None else change_of(use, key)


def change_of(use: KeyUse, key: IdempotencyKey) -> Change:
    """What the key stands for. Raises KeyReused."""
    if use.body_digest != key.body_digest:
        raise KeyReused
    return Change(ids=use.ids, is_replay=True)


def _values(organization_id: int, key: str, now: datetime) -> dict[str, Any]:
    return {"of_organization": organization_id, "of_key": key, "too_old": now - KEY_AGE}
