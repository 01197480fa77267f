"""Partner organizations."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, RowMapping, bindparam, select, true, update

from repositories.acting import about
from repositories.database import Database
from repositories.entities.organizations import Organization, Seal
from repositories.psyter_db.tables import organizations

COLUMNS = (
    organizations.c.id,
    organizations.c.name,
    organizations.c.is_charity,
    organizations.c.sealed_shared_api_key,
    organizations.c.cancellation_deadline_minutes,
)
FIND = select(*COLUMNS).where(organizations.c.id == bindparam("organization_id"), organizations.c.is_active == true())


LIST_SEALS = (
    select(organizations.c.id, organizations.c.sealed_shared_api_key)
    .where(organizations.c.id > bindparam("after"))
    .order_by(organizations.c.id)
    .limit(bindparam("at_most"))
)
CHANGE_SEAL = (
    update(organizations)
    .where(
        organizations.c.id == bindparam("of_organization"), organizations.c.sealed_shared_api_key == bindparam("old")
    )
    .values(sealed_shared_api_key=bindparam("new"))
)


class SqlOrganizations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_organization(self, organization_id: int) -> Organization | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"organization_id": organization_id}).one_or_none()
        return None if row is None else organization_of(row._mapping)

    def list_seals(self, *, after: int, limit: int) -> Sequence[Seal]:
        with self._database.reading() as connection:
            rows = connection.execute(LIST_SEALS, {"after": after, "at_most": limit})
            return [Seal(organization_id=row.id, text=row.sealed_shared_api_key) for row in rows]

    def change_seal(self, seal: Seal, *, to: str) -> None:
        values = {"of_organization": seal.organization_id, "old": seal.text, "new": to}

        def work(connection: Connection) -> None:
            connection.execute(CHANGE_SEAL, values)
            about("organization", seal.organization_id)

        self._database.write(work)

    def is_reachable(self) -> bool:
        return self._database.is_reachable()


def organization_of(row: RowMapping) -> Organization:
    return Organization(
        **{name: row[name] for name in ("id", "name", "is_charity", "sealed_shared_api_key")},
        cancellation_deadline=timedelta(minutes=row["cancellation_deadline_minutes"]),
    )
