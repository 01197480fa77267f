"""Why operators gave commands that concern no row of their own: beside the command's deed, under its request id."""

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, insert, select

from repositories.acting import acting
from repositories.database import Database, in_chunks
from repositories.psyter_db.tables import command_reasons

ADD = insert(command_reasons)
OF = select(command_reasons.c.request_id, command_reasons.c.why).where(
    command_reasons.c.request_id.in_(bindparam("ids", expanding=True))
)


class SqlCommandReasons:
    def __init__(self, database: Database) -> None:
        self._database = database

    def leave(self, why: str) -> None:
        act = acting()
        if act is None:
            raise RuntimeError("nobody acts")
        row = {"request_id": act.request_id, "why": why, "at": act.clock()}
        self._database.write(lambda connection: connection.execute(ADD, row))

    def of(self, request_ids: Collection[str]) -> Mapping[str, str]:
        with self._database.reading() as connection:
            return {
                row.request_id: row.why
                for some in in_chunks(sorted(request_ids))
                for row in connection.execute(OF, {"ids": some})
            }
