"""Care providers."""

from typing import Protocol

from repositories.entities.care_providers import CareProvider


class CareProviders(Protocol):
    def get_care_provider(self, care_provider_id: int) -> CareProvider: ...
