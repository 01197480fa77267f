"""Announcing: what was committed gets its place in the order of all events, soon after, and its deliveries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, GiveUpBooking
from repositories.entities.moves import MoveBooking
from repositories.entities.sagas import Attempt, DueSaga, SagaState
from repositories.enums import Service
from repositories.ports.announcing import Announcer
from repositories.ports.sagas import Journal
from repositories.ports.webhooks import WebhookQueue

AT_ONCE = 500  # events in one transaction
ENDPOINTS = 100  # that are given deliveries in one go
LONGEST = 20  # transactions in one pass; the next pass comes soon
TELLING = (ConfirmBooking, EndBooking, GiveUpBooking, MoveBooking)  # effects that write an event


@dataclass(frozen=True, kw_only=True)
class Announce:
    announcer: Announcer
    queue: WebhookQueue
    ring: Callable[[int], object]  # nudges a worker about an endpoint; never raises
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        """Announce what waits; returns how many events. Raises StoreUnavailable."""
        announced = 0
        for _ in range(LONGEST):
            more = self.announcer.announce(limit=AT_ONCE)
            announced += more
            for endpoint_id in self.queue.fan_out(limit=ENDPOINTS, now=self.clock()):
                self.ring(endpoint_id)
            if more < AT_ONCE:
                break
        return announced


@dataclass(frozen=True, kw_only=True)
class TellingJournal:
    """The journal, which says when there is something to announce: after a commit that wrote an event.

    `tell` must be quick and never raise. It is asked by workers only: an accepted booking is soon claimed by one."""

    journal: Journal
    tell: Callable[[], object]

    def claim(self, saga_id: str, *, now: datetime, lease: timedelta, token: str) -> SagaState | None:
        claimed = self.journal.claim(saga_id, now=now, lease=lease, token=token)
        if claimed is not None and claimed.version == 1:  # what began it has just been committed
            self.tell()
        return claimed

    def save(
        self, state: SagaState, *, attempts: Sequence[Attempt], effects: Sequence[Effect] = (), now: datetime
    ) -> SagaState:
        saved = self.journal.save(state, attempts=attempts, effects=effects, now=now)
        if any(isinstance(effect, TELLING) for effect in effects):
            self.tell()
        return saved

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[DueSaga]:
        return self.journal.take_due(now=now, limit=limit, marked_until=marked_until)

    def take_waiting(
        self, service: Service, *, limit: int, window: int, longest_first: bool, now: datetime, marked_until: datetime
    ) -> list[DueSaga]:
        return self.journal.take_waiting(
            service, limit=limit, window=window, longest_first=longest_first, now=now, marked_until=marked_until
        )

    def is_reachable(self) -> bool:
        return self.journal.is_reachable()
