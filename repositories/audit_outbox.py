"""Deeds of one database that wait to be sealed: left by every transaction of whoever acts, taken up by the worker.

The audit log is one chain in PsyterDatabase, and a chain has one writer at a time; here any number of transactions
leave their deed in passing, without a commit of their own.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select

from repositories.database import Database
from repositories.deed_rows import deed_of, outbox
from repositories.entities.audit import Deed

OLDEST = select(outbox).order_by(outbox.c.id).limit(bindparam("most"))
FORGET = delete(outbox).where(outbox.c.deed_id.in_(bindparam("sealed", expanding=True)))


class SqlAuditOutbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    def leave(self) -> None:
        self._database.write(lambda _connection: None)

    def oldest(self, *, limit: int) -> Sequence[Deed]:
        with self._database.reading() as connection:
            return [deed_of(row) for row in connection.execute(OLDEST, {"most": limit})]

    def forget(self, deeds: Sequence[Deed]) -> None:
        if deeds:
            sealed = [deed.id for deed in deeds]
            self._database.write(lambda connection: connection.execute(FORGET, {"sealed": sealed}))
