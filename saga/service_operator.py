"""What an operator may do to an outside service. Each stands in its audit trail, with the reason, in one transaction.

pause     nobody asks it; sagas wait, and do not age
resume    it is asked again: at once, also if its breaker is open

Errors:  NotPossible (it says why)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service
from repositories.ports.services import Services
from saga.breaker import paused, resumed
from saga.operators import NotPossible


@dataclass(frozen=True, kw_only=True)
class ServiceOperator:
    services: Services
    clock: Callable[[], datetime]

    def look(self) -> Mapping[Service, ServiceView]:
        return self.services.look(now=self.clock())

    def count_waiting(self) -> Mapping[Service, int]:
        """How many sagas wait for each service for which any does."""
        return self.services.count_waiting()

    def trail(self, service: Service, *, limit: int) -> Sequence[ServiceAudit]:
        """What operators did to it, the newest first."""
        return self.services.trail(service, limit=limit)

    def pause(self, service: Service, *, by: str, why: str) -> ServiceState:
        now = self.clock()

        def pausing(state: ServiceState) -> ServiceState:
            if state.paused_at is not None:
                raise NotPossible(f"{state.paused_by} paused it already: {state.paused_why}")
            return paused(state, by=by, why=why, now=now)

        return self.services.change(service, pausing, entry=ServiceAudit(action="pause", by=by, why=why, at=now))

    def resume(self, service: Service, *, by: str, why: str) -> ServiceState:
        now = self.clock()

        def resuming(state: ServiceState) -> ServiceState:
            if state.paused_at is None and state.trouble is None:
                raise NotPossible("it is neither paused, nor is its breaker open")
            return resumed(state, now)

        return self.services.change(service, resuming, entry=ServiceAudit(action="resume", by=by, why=why, at=now))
