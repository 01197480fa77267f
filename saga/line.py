"""The line of sagas that wait for an outside service, and how they are let go.

Nothing is done for those who wait: no claim, no try, no line in the timeline. They are let go oldest first, as many as
places are free, by each sweep and by each worker whose call has just ended: after an outage one probe, and then no more
at a time than the bound allows. Whoever comes new to a service for which others wait lets them go first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from integrations.places import Places
from repositories.entities.sagas import InLine, SagaState
from repositories.enums import Service
from repositories.ports.errors import StoreUnavailable
from repositories.ports.sagas import Journal
from saga.breaker import Permit, permit, stood_still
from saga.lookout import Lookout
from saga.sweep import MARK, Nudge

log = structlog.get_logger()

YIELDS_AFTER = timedelta(seconds=2)  # a shorter wait is no line: the next sweep ends it


@dataclass(frozen=True, kw_only=True)
class Line:
    journal: Journal
    lookout: Lookout
    places: Places
    nudge: Nudge
    clock: Callable[[], datetime]

    def is_turn_of_others(self, service: Service, state: SagaState) -> bool:
        """Whether others have waited for this service, and this saga has not."""
        if state.in_line is not None and state.in_line.service is service:
            return False
        since = self.lookout.of(service).waiting_since
        return since is not None and self.clock() - since >= YIELDS_AFTER

    def is_shut(self, service: Service) -> bool:
        return permit(self.lookout.of(service).state, self.clock()) is not Permit.ASK

    def end_of(self, service: Service) -> InLine:
        """The place of a saga that joins it now."""
        now = self.clock()
        self.lookout.note_waiting(service, now)
        return InLine(service=service, since=now, stood_still=stood_still(self.lookout.of(service).state, now))

    def stood_still(self, service: Service) -> timedelta:
        return stood_still(self.lookout.of(service).state, self.clock())

    def let_all_go(self) -> int:
        return sum(self.let_go(service) for service in Service)

    def let_go(self, service: Service) -> int:
        """Nudge those whose turn it is; returns how many. Never raises."""
        view = self.lookout.of(service)
        if view.waiting_since is None:
            return 0
        match permit(view.state, self.clock()):
            case Permit.ASK:
                return self._nudge_first(service, self.places.free(service))
            case Permit.PROBE:
                return self._nudge_first(service, 1, longest_first=True)
        return 0

    def _nudge_first(self, service: Service, most: int, *, longest_first: bool = False) -> int:
        if most <= 0:
            return 0
        now = self.clock()
        try:
            first = self.journal.take_waiting(
                service, limit=most, window=most, longest_first=longest_first, now=now, marked_until=now + MARK
            )
        except StoreUnavailable:  # a worker has news of its own to write; the next sweep comes soon
            log.warning("line_journal_unavailable", service=service.value)
            return 0
        return sum(self.nudge(saga.name, saga.id) for saga in first)
