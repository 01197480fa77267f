"""The state of outside services in memory. Kept honest by tests/contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repositories.entities.services import ServiceAudit, ServiceState, ServiceView
from repositories.enums import Service
from tests.fakes.scheduling import FakeScheduling


def all_closed() -> dict[Service, ServiceState]:
    return {service: ServiceState(service=service) for service in Service}


@dataclass
class FakeServices:
    scheduling: FakeScheduling = field(default_factory=FakeScheduling)  # where the lines are
    states: dict[Service, ServiceState] = field(default_factory=all_closed)
    entries: list[tuple[Service, ServiceAudit]] = field(default_factory=list)

    def look(self, *, now: datetime) -> Mapping[Service, ServiceView]:
        return {
            service: ServiceView(
                state=state,
                waiting_since=min(
                    (saga.in_line.since for saga in self.scheduling.line(service, now=now) if saga.in_line),
                    default=None,
                ),
            )
            for service, state in self.states.items()
        }

    def change(
        self, service: Service, rule: Callable[[ServiceState], ServiceState], *, entry: ServiceAudit | None = None
    ) -> ServiceState:
        self.states[service] = rule(self.states[service])
        if entry is not None:
            self.entries.append((service, entry))
        return self.states[service]

    def count_waiting(self) -> Mapping[Service, int]:
        waiting = [
            saga.in_line.service for saga in self.scheduling.sagas.values() if saga.in_line and saga.due_at is not None
        ]
        return {service: waiting.count(service) for service in set(waiting)}

    def trail(self, service: Service, *, limit: int) -> Sequence[ServiceAudit]:
        return [entry for of, entry in reversed(self.entries) if of is service][:limit]
