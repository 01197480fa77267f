"""Care providers and the catalogue."""

from collections.abc import Collection, Mapping
from typing import Protocol

from repositories.entities.care_providers import CareProvider, Catalogue, ProviderProfile, ProviderSummary


class CareProviders(Protocol):
    def get_care_provider(self, care_provider_id: int) -> CareProvider:
        """Raises CareProviderUnknown."""
        ...


class Profiles(Protocol):
    """What partners see of care providers; one that is not active is not there."""

    def catalogue(self) -> Catalogue:
        """In the order of the ids; a change is seen after some seconds."""
        ...

    def summaries(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderSummary]: ...

    def profiles(self, care_provider_ids: Collection[int]) -> Mapping[int, ProviderProfile]: ...
