"""Which care providers an organization manages."""

from sqlalchemy import bindparam, select, true

from repositories.database import Database
from repositories.psyter_db.tables import care_providers, managed_care_providers

FIND = (
    select(managed_care_providers.c.care_provider_id)
    .join(care_providers, care_providers.c.id == managed_care_providers.c.care_provider_id)
    .where(
        managed_care_providers.c.organization_id == bindparam("of_organization"),
        managed_care_providers.c.care_provider_id == bindparam("provider"),
        care_providers.c.is_active == true(),
    )
)


class SqlManagedProviders:
    def __init__(self, database: Database) -> None:
        self._database = database

    def is_managed(self, care_provider_id: int, *, organization_id: int) -> bool:
        values = {"of_organization": organization_id, "provider": care_provider_id}
        with self._database.reading() as connection:
            return connection.execute(FIND, values).one_or_none() is not None
