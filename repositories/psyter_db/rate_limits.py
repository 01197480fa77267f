"""Rate limits of single organizations; whoever has no row has the limits of the settings."""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from repositories.acting import about
from repositories.database import Database
from repositories.psyter_db.tables import organization_rate_limits as kept

OF_ORGANIZATION = select(kept.c.kind, kept.c.per_minute).where(kept.c.organization_id == bindparam("of_organization"))
DROP = delete(kept).where(kept.c.organization_id == bindparam("of_organization"), kept.c.kind == bindparam("of_kind"))
ADD = insert(kept)


class SqlRateLimits:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_organization(self, organization_id: int) -> Mapping[str, int]:
        with self._database.reading() as connection:
            rows = connection.execute(OF_ORGANIZATION, {"of_organization": organization_id}).all()
        return {row.kind: row.per_minute for row in rows}

    def set_limit(self, organization_id: int, kind: str, *, per_minute: int | None) -> None:
        def work(connection: Connection) -> None:
            connection.execute(DROP, {"of_organization": organization_id, "of_kind": kind})
            if per_minute is not None:
                row = {"organization_id": organization_id, "kind": kind, "per_minute": per_minute}
                connection.execute(ADD, row)
            about("organization", organization_id)

        self._database.write(work)
