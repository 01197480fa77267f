"""Care providers, and the catalogue that they are filtered by. Rates are in hundredths of the currency unit."""

from dataclasses import dataclass

from repositories.enums import GenderType, QualificationKind


@dataclass(frozen=True, kw_only=True)
class CareProvider:
    """What a booking needs to know of a provider."""

    id: int
    full_name_plang: str
    full_name_slang: str
    time_zone: str  # IANA name


@dataclass(frozen=True, kw_only=True)
class Named:
    """A line of the catalogue, in the primary and in the secondary language."""

    id: int
    name_plang: str
    name_slang: str


@dataclass(frozen=True, kw_only=True)
class ExperienceLevel(Named):
    min_years: int


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What care providers can be filtered by."""

    languages: tuple[Named, ...]
    specialties: tuple[Named, ...]
    experience_levels: tuple[ExperienceLevel, ...]
    provider_levels: tuple[Named, ...]

    def experience_level_of(self, years: int) -> ExperienceLevel | None:
        """The highest level that so many years reach."""
        reached = [level for level in self.experience_levels if level.min_years <= years]
        return max(reached, key=lambda level: (level.min_years, level.id), default=None)


@dataclass(frozen=True, kw_only=True)
class ProviderSummary:
    """A care provider as a search shows them."""

    id: int
    full_name_plang: str
    full_name_slang: str
    gender: GenderType
    experience_years: int
    provider_level_id: int
    hourly_rate_minor: int
    rating_hundredths: int
    profile_image_url: str
    language_ids: tuple[int, ...]
    specialty_ids: tuple[int, ...]

    @property
    def full_name(self) -> str:
        """In the primary language, in the secondary where there is no other."""
        return self.full_name_plang.strip() or self.full_name_slang.strip()


@dataclass(frozen=True, kw_only=True)
class Qualification:
    kind: QualificationKind
    title_plang: str
    title_slang: str
    issuer_plang: str
    issuer_slang: str
    number: str
    from_year: int | None
    to_year: int | None


@dataclass(frozen=True, kw_only=True)
class ProviderProfile:
    """Everything that is shown of a care provider."""

    summary: ProviderSummary
    title_plang: str
    title_slang: str
    short_bio_plang: str
    short_bio_slang: str
    long_bio_plang: str
    long_bio_slang: str
    country_code: str
    time_zone: str
    reviews_count: int
    image_urls: tuple[str, ...]
    qualifications: tuple[Qualification, ...]
