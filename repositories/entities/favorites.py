"""Care providers that users marked."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Favorite:
    care_provider_id: int
    full_name_plang: str
    full_name_slang: str
    is_active: bool  # False: the provider cannot be booked any more
    added_at: datetime
