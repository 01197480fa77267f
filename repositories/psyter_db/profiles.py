"""Care providers as partners see them, and the catalogue that they are filtered by."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, select, true

from repositories.database import Database
from repositories.entities.care_providers import (
    Catalogue,
    ExperienceLevel,
    Named,
    ProviderProfile,
    ProviderSummary,
    Qualification,
)
from repositories.enums import GenderType, QualificationKind
from repositories.psyter_db.tables import (
    care_provider_images,
    care_provider_languages,
    care_provider_qualifications,
    care_provider_specialties,
    care_providers,
    experience_levels,
    languages,
    provider_levels,
    specialties,
)

FRESH_SECONDS = 5.0
MOST_LINES = 1_000  # of one list of the catalogue

LANGUAGES, SPECIALTIES, EXPERIENCE_LEVELS, PROVIDER_LEVELS = (
    select(table).order_by(table.c.id).limit(MOST_LINES)
    for table in (languages, specialties, experience_levels, provider_levels)
)
FIND = select(care_providers).where(
    care_providers.c.id.in_(bindparam("provider_ids", expanding=True)), care_providers.c.is_active == true()
)


def _of_providers(table: Table, *order: Any) -> Select[Any]:
    wanted = table.c.care_provider_id.in_(bindparam("provider_ids", expanding=True))
    return select(table).where(wanted).order_by(table.c.care_provider_id, *order)


THEIR_LANGUAGES = _of_providers(care_provider_languages, care_provider_languages.c.language_id)
THEIR_SPECIALTIES = _of_providers(care_provider_specialties, care_provider_specialties.c.specialty_id)
THEIR_QUALIFICATIONS = _of_providers(care_provider_qualifications, care_provider_qualifications.c.id)
THEIR_IMAGES = _of_providers(care_provider_images, care_provider_images.c.position)
OF_NAMED, OF_LEVEL = ("id", "name_plang", "name_slang"), ("id", "name_plang", "name_slang", "min_years")
OF_SUMMARY = (
    *("id", "full_name_plang", "full_name_slang", "experience_years", "provider_level_id", "hourly_rate_minor"),
    *("rating_hundredths", "profile_image_url"),
)
OF_PROFILE = (
    *("title_plang", "title_slang", "short_bio_plang", "short_bio_slang", "country_code", "time_zone"),
    "reviews_count",
)
OF_QUALIFICATION = ("title_plang", "title_slang", "issuer_plang", "issuer_slang", "number", "from_year", "to_year")


class SqlProfiles:
    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read: tuple[float, Catalogue] | None = None

    def catalogue(self) -> Catalogue:
        """A change is seen after FRESH_SECONDS at the latest."""
        with self._lock:
            if self._read is None or self._monotonic() - self._read[0] >= FRESH_SECONDS:
                self._read = (self._monotonic(), self._catalogue())
            return self._read[1]

    def summaries(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderSummary]:
        with self._database.reading() as connection:
            return {row["id"]: summary for row, summary in _found(connection, care_provider_ids)}

    def profiles(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderProfile]:
        with self._database.reading() as connection:
            found = _found(connection, care_provider_ids)
            images = _grouped(connection, THEIR_IMAGES, care_provider_ids)
            qualifications = _grouped(connection, THEIR_QUALIFICATIONS, care_provider_ids)
        return {
            row["id"]: ProviderProfile(
                summary=summary,
                **{name: row[name] for name in OF_PROFILE},
                long_bio_plang=row["bio_plang"],
                long_bio_slang=row["bio_slang"],
                image_urls=tuple(image["url"] for image in images[row["id"]]),
                qualifications=tuple(_qualification_of(line) for line in qualifications[row["id"]]),
            )
            for row, summary in found
        }

    def _catalogue(self) -> Catalogue:
        with self._database.reading() as connection:

            def named(statement: Select[Any]) -> tuple[Named, ...]:
                rows = connection.execute(statement).mappings()
                return tuple(Named(**{name: row[name] for name in OF_NAMED}) for row in rows)

            levels = connection.execute(EXPERIENCE_LEVELS).mappings().all()
            return Catalogue(
                languages=named(LANGUAGES),
                specialties=named(SPECIALTIES),
                experience_levels=tuple(ExperienceLevel(**{name: row[name] for name in OF_LEVEL}) for row in levels),
                provider_levels=named(PROVIDER_LEVELS),
            )


def _found(connection: Connection, ids: Collection[int]) -> list[tuple[RowMapping, ProviderSummary]]:
    rows = connection.execute(FIND, {"provider_ids": list(ids)}).mappings().all()
    spoken = _grouped(connection, THEIR_LANGUAGES, ids)
    practised = _grouped(connection, THEIR_SPECIALTIES, ids)
    return [
        (
            row,
            ProviderSummary(
                **{name: row[name] for name in OF_SUMMARY},
                gender=GenderType(row["gender"]),
                language_ids=tuple(line["language_id"] for line in spoken[row["id"]]),
                specialty_ids=tuple(line["specialty_id"] for line in practised[row["id"]]),
            ),
        )
        for row in rows
    ]


def _grouped(connection: Connection, statement: Select[Any], ids: Collection[int]) -> Mapping[int, list[RowMapping]]:
    """The rows by care provider; none for one that has none."""
    found: dict[int, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(statement, {"provider_ids": list(ids)}).mappings():
        found[row["care_provider_id"]].append(row)
    return found


def _qualification_of(row: RowMapping) -> Qualification:
    return Qualification(kind=QualificationKind(row["kind"]), **{name: row[name] for name in OF_QUALIFICATION})
