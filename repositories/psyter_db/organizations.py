"""Partner organizations."""

from datetime import timedelta

from sqlalchemy import RowMapping, bindparam, select, true

from repositories.database import Database
from repositories.entities.organizations import Organization
from repositories.psyter_db.tables import organizations

COLUMNS = (
    organizations.c.id,
    organizations.c.name,
    organizations.c.is_charity,
    organizations.c.sealed_shared_api_key,
    organizations.c.cancellation_deadline_minutes,
)
FIND = select(*COLUMNS).where(organizations.c.id == bindparam("organization_id"), organizations.c.is_active == true())


class SqlOrganizations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_organization(self, organization_id: int) -> Organization | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"organization_id": organization_id}).one_or_none()
        return None if row is None else organization_of(row._mapping)

    def is_reachable(self) -> bool:
        return self._database.is_reachable()


def organization_of(row: RowMapping) -> Organization:
    return Organization(
        **{name: row[name] for name in ("id", "name", "is_charity", "sealed_shared_api_key")},
        cancellation_deadline=timedelta(minutes=row["cancellation_deadline_minutes"]),
    )
