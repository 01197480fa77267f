"""Which care providers an organization manages: what operators decide."""

from collections.abc import Sequence
from typing import Protocol

from repositories.entities.managed_providers import Decision, ManagingEntry


class ManagedProviderList(Protocol):
    def manage(self, decision: Decision) -> Sequence[int]:
        """From now on the organization manages all of them. Those that it did not before, in ascending order.
        Raises OrganizationUnknown, CareProviderUnknown; then nothing is written."""
        ...

    def unmanage(self, decision: Decision) -> Sequence[int]:
        """The organization manages none of them any more. Those that it did before, in ascending order."""
        ...

    def list_managed(self, organization_id: int, *, after: int, limit: int) -> Sequence[int]:
        """The next care providers by their ids."""
        ...

    def trail(self, organization_id: int, *, limit: int) -> Sequence[ManagingEntry]:
        """What was decided, the newest first."""
        ...
