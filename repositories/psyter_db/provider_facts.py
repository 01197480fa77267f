"""What care providers can be filtered by, for the copy that a search reads."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, true

from repositories.database import Database
from repositories.entities.availability import ProviderFacts
from repositories.entities.care_providers import Catalogue, ExperienceLevel
from repositories.enums import GenderType
from repositories.psyter_db.profiles import EXPERIENCE_LEVELS, OF_LEVEL
from repositories.psyter_db.tables import care_provider_languages, care_provider_specialties, care_providers

NO_LEVEL = 0  # of too few years for any

NEXT = (
    select(
        care_providers.c.id,
        care_providers.c.gender,
        care_providers.c.experience_years,
        care_providers.c.provider_level_id,
        care_providers.c.hourly_rate_minor,
    )
    .where(care_providers.c.id > bindparam("after"), care_providers.c.is_active == true())
    .order_by(care_providers.c.id)
    .limit(bindparam("most"))
)
LANGUAGES, SPECIALTIES = (
    select(table.c.care_provider_id, table.c[column])
    .where(table.c.care_provider_id >= bindparam("first"), table.c.care_provider_id <= bindparam("last"))
    .order_by(table.c.care_provider_id, table.c[column])
    for table, column in ((care_provider_languages, "language_id"), (care_provider_specialties, "specialty_id"))
)


class SqlKnownFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def facts_after(self, care_provider_id: int, *, limit: int) -> Sequence[ProviderFacts]:
        with self._database.reading() as connection:
            rows = connection.execute(NEXT, {"after": care_provider_id, "most": limit}).all()
            if not rows:
                return []
            which = {"first": rows[0].id, "last": rows[-1].id}
            languages, specialties = (_grouped(connection, kind, which) for kind in (LANGUAGES, SPECIALTIES))
            levels = _levels(connection)
        return [
            ProviderFacts(
                care_provider_id=row.id,
                gender=GenderType(row.gender),
                language_ids=languages[row.id],
                specialty_ids=specialties[row.id],
                experience_level_id=getattr(levels.experience_level_of(row.experience_years), "id", NO_LEVEL),
                provider_level_id=row.provider_level_id,
                hourly_rate_minor=row.hourly_rate_minor,
            )
            for row in rows
        ]


def _grouped(connection: Connection, statement: Any, which: Mapping[str, int]) -> Mapping[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for provider, value in connection.execute(statement, which):
        found[provider] += (value,)
    return found


def _levels(connection: Connection) -> Catalogue:
    rows = connection.execute(EXPERIENCE_LEVELS).mappings()
    levels = tuple(ExperienceLevel(**{name: row[name] for name in OF_LEVEL}) for row in rows)
    return Catalogue(languages=(), specialties=(), experience_levels=levels, provider_levels=())
