"""Organizations and application settings."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from repositories.entities.organizations import Organization, Seal
from repositories.enums import SettingGroup


class Organizations(Protocol):
    def find_organization(self, organization_id: int) -> Organization | None:
        """An active organization."""
        ...

    def is_reachable(self) -> bool: ...


class Seals(Protocol):
    """The sealed SharedAPIKeys of all organizations, for whoever changes the key that seals them."""

    def list_seals(self, *, after: int, limit: int) -> Sequence[Seal]:
        """Those of organizations with a higher id than `after`, by id."""
        ...

    def change_seal(self, seal: Seal, *, to: str) -> None:
        """Put `to` in the place of this seal, if it is still there."""
        ...


class AppSettings(Protocol):
    def group(self, group: SettingGroup) -> Mapping[str, str]: ...
