"""Partner organizations and their access keys."""

from datetime import timedelta

from sqlalchemy import RowMapping, bindparam, select, true

from repositories.database import Database
from repositories.entities.organizations import AccessKeyHolder, Organization
from repositories.enums import Role
from repositories.psyter_db.tables import organization_access_keys, organizations

COLUMNS = (
    organizations.c.id,
    organizations.c.name,
    organizations.c.is_charity,
    organizations.c.sealed_shared_api_key,
    organizations.c.cancellation_deadline_minutes,
)
FIND = select(*COLUMNS).where(organizations.c.id == bindparam("organization_id"), organizations.c.is_active == true())
FIND_BY_KEY = (
    select(*COLUMNS, organization_access_keys.c.id.label("access_key_id"), organization_access_keys.c.role)
    .join(organization_access_keys, organization_access_keys.c.organization_id == organizations.c.id)
    .where(
        organization_access_keys.c.key_digest == bindparam("digest"),
        organization_access_keys.c.is_active == true(),
        organizations.c.is_active == true(),
    )
)


class SqlOrganizations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_by_access_key(self, key_digest: str) -> AccessKeyHolder | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND_BY_KEY, {"digest": key_digest}).one_or_none()
        if row is None:
            return None
        organization = _organization_of(row._mapping)
        return AccessKeyHolder(organization=organization, access_key_id=row.access_key_id, role=Role(row.role))

    def find_organization(self, organization_id: int) -> Organization | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"organization_id": organization_id}).one_or_none()
        return None if row is None else _organization_of(row._mapping)

    def is_reachable(self) -> bool:
        return self._database.is_reachable()


def _organization_of(row: RowMapping) -> Organization:
    return Organization(
        **{name: row[name] for name in ("id", "name", "is_charity", "sealed_shared_api_key")},
        cancellation_deadline=timedelta(minutes=row["cancellation_deadline_minutes"]),
    )
