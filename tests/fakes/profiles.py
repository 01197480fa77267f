"""Care providers' profiles in memory. Kept honest by tests/contract."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from repositories.entities.care_providers import Catalogue, ProviderProfile, ProviderSummary


@dataclass
class FakeProfiles:
    kept: Catalogue = field(
        default_factory=lambda: Catalogue(languages=(), specialties=(), experience_levels=(), provider_levels=())
    )
    known: dict[int, ProviderProfile] = field(default_factory=dict)
    inactive: set[int] = field(default_factory=set)

    def catalogue(self) -> Catalogue:
        return self.kept

    def summaries(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderSummary]:
        return {number: profile.summary for number, profile in self.profiles(care_provider_ids).items()}

    def profiles(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderProfile]:
        wanted = set(care_provider_ids) - self.inactive
        return {number: profile for number, profile in self.known.items() if number in wanted}
