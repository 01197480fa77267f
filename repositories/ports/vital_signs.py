"""How the system stands, as metrics tell it."""

from datetime import datetime
from typing import Protocol

from repositories.entities.vital_signs import Backlog, VitalSigns


class ReadsVitalSigns(Protocol):
    def __call__(self, *, now: datetime) -> VitalSigns:
        """Raises StoreUnavailable."""
        ...


class ReadsDeeds(Protocol):
    def __call__(self) -> Backlog:
        """The deeds of PsyterDatabase that are not in the audit log yet. Raises StoreUnavailable."""
        ...
