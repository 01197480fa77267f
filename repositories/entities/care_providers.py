"""Care providers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CareProvider:
    """What a booking needs to know of a provider."""

    id: int
    full_name_plang: str
    full_name_slang: str
    time_zone: str  # IANA name
