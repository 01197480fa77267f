"""The state of outside services, shared by all workers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service


class Services(Protocol):
    def look(self, *, now: datetime) -> Mapping[Service, ServiceView]:
        """Every service, as it stands; one statement."""
        ...

    def change(
        self, service: Service, rule: Callable[[ServiceState], ServiceState], *, entry: ServiceAudit | None = None
    ) -> ServiceState:
        """Write what the rule makes of the state, and the audit entry, in one transaction; returns what was written.
        Changes of one service happen one after the other, whoever makes them."""
        ...

    def count_waiting(self) -> Mapping[Service, int]:
        """How many sagas wait for each service, where any do, counted no further than COUNTED."""
        ...

    def trail(self, service: Service, *, limit: int) -> Sequence[ServiceAudit]:
        """What operators did to it, the newest first."""
        ...
