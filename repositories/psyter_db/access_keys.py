"""Access keys: who holds one, and how operators add and revoke them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from repositories.acting import about
from repositories.database import Database
from repositories.entities.access_keys import AccessKey, AccessKeyHolder, NewAccessKey
from repositories.enums import Role
from repositories.ports.errors import AccessKeyUnknown, OrganizationUnknown
from repositories.psyter_db.organizations import COLUMNS, organization_of
from repositories.psyter_db.tables import organization_access_keys as keys
from repositories.psyter_db.tables import organizations

HOLDER = (*COLUMNS, keys.c.id.label("access_key_id"), keys.c.role, keys.c.extra_scopes)
IN_FORCE: ColumnElement[bool] = and_(
    keys.c.is_active == true(),
    or_(keys.c.expires_at.is_(None), keys.c.expires_at > bindparam("now")),
    organizations.c.is_active == true(),
)
FIND_HOLDER = (
    select(*HOLDER)
    .join_from(keys, organizations, organizations.c.id == keys.c.organization_id)
    .where(keys.c.key_digest == bindparam("digest"), IN_FORCE)
)
ADD = insert(keys)
LIST = (
    select(*(column for column in keys.c if column.name != "key_digest"))
    .where(keys.c.organization_id == bindparam("of_organization"))
    .order_by(keys.c.id.desc())
    .limit(bindparam("at_most"))
)
REVOKE = (
    update(keys)
    .where(
        keys.c.id == bindparam("of_key"),
        keys.c.organization_id == bindparam("of_organization"),
        keys.c.is_active == true(),
    )
    .values(is_active=False, revoked_at=bindparam("now"), revoked_by=bindparam("by"), revoked_why=bindparam("why"))
)


class SqlAccessKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_holder(self, key_digest: str, *, now: datetime) -> AccessKeyHolder | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND_HOLDER, {"digest": key_digest, "now": now}).one_or_none()
        return None if row is None else holder_of(row._mapping)

    def add_key(self, key: NewAccessKey, *, now: datetime) -> int:
        values = {
            "organization_id": key.organization_id,
            "key_digest": key.key_digest,
            "label": key.label,
            "role": key.role,
            "extra_scopes": " ".join(sorted(key.extra_scopes)),
            "is_active": True,
            "created_at": now,
            "expires_at": key.expires_at,
        }

        def work(connection: Connection) -> int:
            key_id = int(connection.execute(ADD, values).inserted_primary_key[0])  # type: ignore[index]
            about("access_key", key_id, organization_id=key.organization_id)
            return key_id

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise OrganizationUnknown from error

    def list_keys(self, organization_id: int, *, limit: int) -> Sequence[AccessKey]:
        with self._database.reading() as connection:
            rows = connection.execute(LIST, {"of_organization": organization_id, "at_most": limit}).mappings()
            return [_key_of(row) for row in rows]

    def revoke_key(self, access_key_id: int, *, organization_id: int, by: str, why: str, now: datetime) -> None:
        values: Mapping[str, Any] = {
            "of_key": access_key_id,
            "of_organization": organization_id,
            "by": by,
            "why": why,
            "now": now,
        }

        def work(connection: Connection) -> None:
            if connection.execute(REVOKE, values).rowcount == 0:
                raise AccessKeyUnknown
            about("access_key", access_key_id, organization_id=organization_id)

        self._database.write(work)


def holder_of(row: RowMapping) -> AccessKeyHolder:
    """From the columns of HOLDER."""
    return AccessKeyHolder(
        organization=organization_of(row),
        access_key_id=row["access_key_id"],
        role=Role(row["role"]),
        extra_scopes=frozenset(row["extra_scopes"].split()),
    )


def _key_of(row: RowMapping) -> AccessKey:
    return AccessKey(**{**row, "role": Role(row["role"]), "extra_scopes": frozenset(row["extra_scopes"].split())})
