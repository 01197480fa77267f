"""Care providers and a catalogue for tests, and their rows."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert

from repositories.database import Database
from repositories.entities.care_providers import (
    Catalogue,
    ExperienceLevel,
    Named,
    ProviderProfile,
    ProviderSummary,
    Qualification,
)
from repositories.enums import GenderType, ProviderLevel, QualificationKind
from repositories.psyter_db import tables

CATALOGUE = Catalogue(
    languages=(
        Named(id=1, name_plang="English", name_slang="الإنجليزية"),
        Named(id=2, name_plang="Arabic", name_slang="العربية"),
        Named(id=3, name_plang="French", name_slang="الفرنسية"),
    ),
    specialties=(
        Named(id=3, name_plang="Anxiety", name_slang="القلق"),
        Named(id=5, name_plang="Trauma", name_slang="الصدمات النفسية"),
    ),
    experience_levels=(
        ExperienceLevel(id=1, name_plang="Up to 5 years", name_slang="حتى ٥ سنوات", min_years=0),
        ExperienceLevel(id=2, name_plang="5 to 10 years", name_slang="من ٥ إلى ١٠ سنوات", min_years=5),
        ExperienceLevel(id=3, name_plang="Over 10 years", name_slang="أكثر من ١٠ سنوات", min_years=11),
    ),
    provider_levels=tuple(
        Named(id=level, name_plang=level.name.capitalize(), name_slang=word)
        for level, word in zip(ProviderLevel, ("مبتدئ", "أول", "استشاري"), strict=True)
    ),
)


def summary_of(number: int, **changes: Any) -> ProviderSummary:
    values = {
        "id": number,
        "full_name_plang": f"Dr. Sarah {number}",
        "full_name_slang": f"د. سارة {number}",
        "gender": GenderType.FEMALE,
        "experience_years": 10,
        "provider_level_id": ProviderLevel.CONSULTANT,
        "hourly_rate_minor": 200_00,
        "rating_hundredths": 480,
        "profile_image_url": f"https://images.example.com/{number}.jpg",
        "language_ids": (1, 2),
        "specialty_ids": (5,),
    }
    return ProviderSummary(**{**values, **changes})


def qualification_of(kind: QualificationKind, title: str) -> Qualification:
    return Qualification(
        kind=kind,
        title_plang=title,
        title_slang="شهادة",
        issuer_plang="King Saud University",
        issuer_slang="جامعة الملك سعود",
        number="L-7",
        from_year=2008,
        to_year=None,
    )


def profile_of(summary: ProviderSummary, **changes: Any) -> ProviderProfile:
    values = {
        "summary": summary,
        "title_plang": "Psychologist",
        "title_slang": "أخصائية نفسية",
        "short_bio_plang": "Short.",
        "short_bio_slang": "قصيرة.",
        "long_bio_plang": "Long.",
        "long_bio_slang": "طويلة.",
        "country_code": "SA",
        "time_zone": "Asia/Riyadh",
        "reviews_count": 12,
        "image_urls": ("https://images.example.com/a.jpg", "https://images.example.com/b.jpg"),
        "qualifications": tuple(qualification_of(kind, kind.capitalize()) for kind in QualificationKind),
    }
    return ProviderProfile(**{**values, **changes})


# --- rows --------------------------------------------------------------------------------


def add_catalogue(database: Database, catalogue: Catalogue = CATALOGUE) -> None:
    for table, lines in (
        (tables.languages, catalogue.languages),
        (tables.specialties, catalogue.specialties),
        (tables.provider_levels, catalogue.provider_levels),
        (tables.experience_levels, catalogue.experience_levels),
    ):
        add_rows(database, table, [vars(line) for line in lines])


def add_profiles(database: Database, profiles: Iterable[ProviderProfile], *, inactive: Iterable[int] = ()) -> None:
    known = list(profiles)
    add_rows(database, tables.care_providers, [_provider_row(one, is_active=_id(one) not in inactive) for one in known])
    languages = [{"care_provider_id": _id(p), "language_id": one} for p in known for one in p.summary.language_ids]
    add_rows(database, tables.care_provider_languages, languages)
    specialties = [{"care_provider_id": _id(p), "specialty_id": one} for p in known for one in p.summary.specialty_ids]
    add_rows(database, tables.care_provider_specialties, specialties)
    images = [
        {"care_provider_id": _id(p), "position": place, "url": url}
        for p in known
        for place, url in enumerate(p.image_urls)
    ]
    add_rows(database, tables.care_provider_images, images)
    lines = [{"care_provider_id": _id(p), **vars(one)} for p in known for one in p.qualifications]
    add_rows(database, tables.care_provider_qualifications, lines)


def add_rows(database: Database, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        database.write(lambda connection: connection.execute(insert(table), rows))


def _id(profile: ProviderProfile) -> int:
    return profile.summary.id


def _provider_row(profile: ProviderProfile, *, is_active: bool) -> dict[str, Any]:
    values = {**vars(profile.summary), **vars(profile), "is_active": is_active}
    renamed = {"long_bio_plang": "bio_plang", "long_bio_slang": "bio_slang"}
    row = {renamed.get(name, name): value for name, value in values.items()}
    for name in ("language_ids", "specialty_ids", "summary", "image_urls", "qualifications"):
        del row[name]
    return row
