"""What the console shows of all bookings at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.entities.sagas import SagaState
from repositories.enums import SagaStatus


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """How many sagas that have not ended stand at the same place; of a state no more than COUNTED are looked at."""

    name: str
    status: SagaStatus
    step: str | None
    sagas: int


@dataclass(frozen=True, kw_only=True)
class OldestBooking:
    id: int
    organization_id: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Minute:
    """How many sagas ended in one minute."""

    starts_at: datetime
    done: int
    undone: int
    resolved: int

    @property
    def ended(self) -> int:
        return self.done + self.undone + self.resolved


@dataclass(frozen=True, kw_only=True)
class Board:
    at: datetime
    crowds: Sequence[Crowd]
    pending_bookings: int  # counted no further than COUNTED, as is `due`
    oldest: OldestBooking | None  # that is pending
    due: int  # sagas that a worker should have taken up by now
    oldest_due_at: datetime | None
    minutes: Sequence[Minute]  # the oldest first; the last one is not over


@dataclass(frozen=True, kw_only=True)
class SagaLine:
    """A saga in a list: where it stands, and since when."""

    state: SagaState
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class WorkerSeen:
    """A worker process that answered lately."""

    name: str
    threads: int
    busy: int
    uptime: timedelta


@dataclass(frozen=True, kw_only=True)
class BrokerSeen:
    """What the broker and the workers said when they were last asked; None: they did not say."""

    queues: Mapping[str, int] | None  # nudges waiting, by queue
    workers: Sequence[WorkerSeen] | None
