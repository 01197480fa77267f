"""What a booking needs to know of a care provider."""

from sqlalchemy import bindparam, select

from repositories.database import Database
from repositories.entities.care_providers import CareProvider
from repositories.ports.errors import CareProviderUnknown
from repositories.psyter_db.tables import care_providers

GET = select(
    care_providers.c.id, care_providers.c.full_name_plang, care_providers.c.full_name_slang, care_providers.c.time_zone
).where(care_providers.c.id == bindparam("care_provider_id"))


class SqlCareProviders:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get_care_provider(self, care_provider_id: int) -> CareProvider:
        with self._database.reading() as connection:
            row = connection.execute(GET, {"care_provider_id": care_provider_id}).one_or_none()
        if row is None:
            raise CareProviderUnknown
        return CareProvider(**row._mapping)
