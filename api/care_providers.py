"""Care providers as the wire shows them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from api.security.id_cipher import IdKind
from api.services import services
from repositories.entities.availability import SlotDuration
from repositories.entities.care_providers import Catalogue, Named, ProviderProfile, ProviderSummary, Qualification
from repositories.entities.orders import MINUTE, price_of
from repositories.enums import QualificationKind

LIST_OF = {
    QualificationKind.CREDENTIAL: "credentialsList",
    QualificationKind.EDUCATION: "educationList",
    QualificationKind.CERTIFICATION: "certificationsList",
}


def named(line: Named) -> dict[str, Any]:
    return {"id": line.id, "namePLang": line.name_plang, "nameSLang": line.name_slang}


def catalogue_body(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "languagesList": [named(line) for line in catalogue.languages],
        "specialtiesList": [named(line) for line in catalogue.specialties],
        "experienceLevelsList": [
            {**named(level), "minYears": level.min_years} for level in catalogue.experience_levels
        ],
        "providerLevelsList": [named(line) for line in catalogue.provider_levels],
    }


def summary_body(provider: ProviderSummary, catalogue: Catalogue) -> dict[str, Any]:
    level = catalogue.experience_level_of(provider.experience_years)
    return {
        "userLoginInfoId": services().id_cipher.encrypt(IdKind.CARE_PROVIDER, provider.id),
        "fullName": provider.full_name,
        "genderType": int(provider.gender),
        "languagesList": _chosen(catalogue.languages, provider.language_ids),
        "specialtiesList": _chosen(catalogue.specialties, provider.specialty_ids),
        "experienceYears": provider.experience_years,
        "experienceLevel": None if level is None else level.id,
        "serviceProviderLevel": provider.provider_level_id,
        "hourlyRate": provider.hourly_rate_minor / 100,
        "profileImageUrl": provider.profile_image_url,
        "rating": provider.rating_hundredths / 100,
    }


def profile_body(profile: ProviderProfile, catalogue: Catalogue, durations: Iterable[SlotDuration]) -> dict[str, Any]:
    summary = profile.summary
    return {
        **summary_body(summary, catalogue),
        "fullNamePLang": summary.full_name_plang,
        "fullNameSLang": summary.full_name_slang,
        "titlePLang": profile.title_plang,
        "titleSLang": profile.title_slang,
        "shortBioPLang": profile.short_bio_plang,
        "shortBioSLang": profile.short_bio_slang,
        "longBioPLang": profile.long_bio_plang,
        "longBioSLang": profile.long_bio_slang,
        "countryCode": profile.country_code,
        "timeZone": profile.time_zone,
        "reviewsCount": profile.reviews_count,
        "profileImagesList": list(profile.image_urls),
        **{name: _of_kind(kind, profile.qualifications) for kind, name in LIST_OF.items()},
        "sessionRatesList": [_rate(duration, summary.hourly_rate_minor) for duration in durations],
    }


def duration_body(duration: SlotDuration) -> dict[str, Any]:
    return {
        "careProviderSlotDurationId": services().id_cipher.encrypt(IdKind.CARE_PROVIDER_SLOT_DURATION, duration.id),
        "durationMinutes": duration.length // MINUTE,
    }


def _chosen(lines: Sequence[Named], ids: Sequence[int]) -> list[Mapping[str, Any]]:
    return [named(line) for line in lines if line.id in ids]


def _of_kind(kind: QualificationKind, qualifications: Iterable[Qualification]) -> list[dict[str, Any]]:
    return [
        {
            "titlePLang": one.title_plang,
            "titleSLang": one.title_slang,
            "issuerPLang": one.issuer_plang,
            "issuerSLang": one.issuer_slang,
            "number": one.number,
            "fromYear": one.from_year,
            "toYear": one.to_year,
        }
        for one in qualifications
        if one.kind is kind
    ]


def _rate(duration: SlotDuration, hourly_rate_minor: int) -> dict[str, Any]:
    price = price_of(duration.length, hourly_rate_minor=hourly_rate_minor)
    return {**duration_body(duration), "amount": price / 100}
