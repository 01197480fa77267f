"""Organizations and application settings."""

from collections.abc import Mapping
from typing import Protocol

from repositories.entities.organizations import Organization
from repositories.enums import SettingGroup


class Organizations(Protocol):
    def find_organization(self, organization_id: int) -> Organization | None:
        """An active organization."""
        ...

    def is_reachable(self) -> bool: ...


class AppSettings(Protocol):
    def group(self, group: SettingGroup) -> Mapping[str, str]: ...
