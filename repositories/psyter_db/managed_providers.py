"""Which care providers an organization manages."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, true
from sqlalchemy.exc import IntegrityError

from repositories.acting import about, about_nothing
from repositories.database import Database, in_chunks
from repositories.entities.managed_providers import Decision, ManagingAction, ManagingEntry
from repositories.ports.errors import CareProviderUnknown, OrganizationUnknown
from repositories.psyter_db.tables import (
    care_providers,
    managed_care_providers,
    managed_provider_audit,
    organizations,
)
from repositories.store_errors import Repeatable

FIND = (
    select(managed_care_providers.c.care_provider_id)
    .join(care_providers, care_providers.c.id == managed_care_providers.c.care_provider_id)
    .where(
        managed_care_providers.c.organization_id == bindparam("of_organization"),
        managed_care_providers.c.care_provider_id == bindparam("provider"),
        care_providers.c.is_active == true(),
    )
)

THESE: BindParameter[int] = bindparam("providers", expanding=True)
KNOWN_ORGANIZATION = select(organizations.c.id).where(organizations.c.id == bindparam("of_organization"))
KNOWN = select(care_providers.c.id).where(care_providers.c.id.in_(THESE))
OF_ORGANIZATION = managed_care_providers.c.organization_id == bindparam("of_organization")
MANAGED = select(managed_care_providers.c.care_provider_id).where(
    OF_ORGANIZATION, managed_care_providers.c.care_provider_id.in_(THESE)
)
ADD = insert(managed_care_providers)
REMOVE = delete(managed_care_providers).where(OF_ORGANIZATION, managed_care_providers.c.care_provider_id.in_(THESE))
LIST = (
    select(managed_care_providers.c.care_provider_id)
    .where(OF_ORGANIZATION, managed_care_providers.c.care_provider_id > bindparam("after"))
    .order_by(managed_care_providers.c.care_provider_id)
    .limit(bindparam("most"))
)
NOTE = insert(managed_provider_audit)
TRAIL = (
    select(managed_provider_audit)
    .where(managed_provider_audit.c.organization_id == bindparam("of_organization"))
    .order_by(managed_provider_audit.c.id.desc())
    .limit(bindparam("most"))
)


class SqlManagedProviders:
    def __init__(self, database: Database) -> None:
        self._database = database

    def is_managed(self, care_provider_id: int, *, organization_id: int) -> bool:
        values = {"of_organization": organization_id, "provider": care_provider_id}
        with self._database.reading() as connection:
            return connection.execute(FIND, values).one_or_none() is not None

    # --- what operators decide ---------------------------------------------------------------

    def manage(self, decision: Decision) -> Sequence[int]:
        def work(connection: Connection) -> list[int]:
            which = {"of_organization": decision.organization_id}
            if connection.execute(KNOWN_ORGANIZATION, which).one_or_none() is None:
                raise OrganizationUnknown
            if unknown := sorted(set(decision.care_provider_ids) - _among(connection, KNOWN, decision)):
                raise CareProviderUnknown(f"There is no care provider {unknown[0]}.")
            new = sorted(set(decision.care_provider_ids) - _among(connection, MANAGED, decision))
            if new:
                rows = [{"organization_id": decision.organization_id, "care_provider_id": one} for one in new]
                _insert_once(connection, rows)
            _note(connection, ManagingAction.MANAGE, new, decision)
            return new

        return self._database.write(work)

    def unmanage(self, decision: Decision) -> Sequence[int]:
        def work(connection: Connection) -> list[int]:
            gone = sorted(_among(connection, MANAGED, decision))
            for some in in_chunks(gone):
                connection.execute(REMOVE, {"of_organization": decision.organization_id, "providers": some})
            _note(connection, ManagingAction.UNMANAGE, gone, decision)
            return gone

        return self._database.write(work)

    def list_managed(self, organization_id: int, *, after: int, limit: int) -> Sequence[int]:
        values = {"of_organization": organization_id, "after": after, "most": limit}
        with self._database.reading() as connection:
            return connection.execute(LIST, values).scalars().all()

    def trail(self, organization_id: int, *, limit: int) -> Sequence[ManagingEntry]:
        with self._database.reading() as connection:
            rows = connection.execute(TRAIL, {"of_organization": organization_id, "most": limit}).all()
        return [
            ManagingEntry(
                care_provider_id=row.care_provider_id,
                action=ManagingAction(row.action),
                by=row.operator,
                why=row.why,
                at=row.at,
            )
            for row in rows
        ]


def _among(connection: Connection, statement: Any, decision: Decision) -> set[int]:
    """Those of the decision's care providers that the statement finds."""
    which = {"of_organization": decision.organization_id}
    return {
        one
        for some in in_chunks(decision.care_provider_ids)
        for one in connection.execute(statement, {**which, "providers": some}).scalars()
    }


def _insert_once(connection: Connection, rows: list[dict[str, int]]) -> None:
    try:
        connection.execute(ADD, rows)
    except IntegrityError as error:
        raise Repeatable("another transaction added one of these first") from error


def _note(connection: Connection, action: ManagingAction, changed: Sequence[int], decision: Decision) -> None:
    if not changed:
        about_nothing()
        return
    for one in changed:
        about("care_provider", one, organization_id=decision.organization_id)
    rows = [
        {
            "organization_id": decision.organization_id,
            "care_provider_id": one,
            "action": action.value,
            "operator": decision.by,
            "why": decision.why,
            "at": decision.at,
        }
        for one in changed
    ]
    connection.execute(NOTE, rows)
