"""Webhooks: an organization's endpoints, what is delivered to them, and each attempt."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from repositories.entities.events import BookingEvent
from repositories.enums import DeliveryState, DisabledBecause, EndpointState


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where an organization wants to hear of events."""

    id: int
    organization_id: int
    url: str
    description: str | None
    kinds: tuple[str, ...]  # of events; none: all
    state: EndpointState
    disabled_because: DisabledBecause | None = None
    disabled_at: datetime | None = None
    sealed_secret: str = field(repr=False)
    earlier_secret: str | None = field(default=None, repr=False)  # sealed; signs too, until earlier_until
    earlier_until: datetime | None = None
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    last_error: str | None = None
    last_status: int | None = None
    delivered_at: datetime | None = None
    rests_until: datetime | None = None
    created_at: datetime

    def wants(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, kw_only=True)
class NewEndpoint:
    organization_id: int
    url: str
    description: str | None
    kinds: tuple[str, ...]
    sealed_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class EndpointChange:
    """What an owner changes; None: it stays as it is."""

    url: str | None = None
    description: str | None = None
    kinds: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint; without an event it is a test."""

    id: int
    endpoint_id: int
    event: BookingEvent | None
    state: DeliveryState
    attempts: int  # begun, in this round
    due_at: datetime | None
    last_error: str | None = None
    last_status: int | None = None
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One request; `error` is None if it was answered with a 2xx."""

    started_at: datetime
    duration: timedelta
    http_status: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class DeliveryRecord:
    delivery: Delivery
    attempts: tuple[DeliveryAttempt, ...]  # the first one first


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a worker asks for: the next delivery, under this token until its lease ends."""

    token: str
    now: datetime
    lease: timedelta
    slots: int  # deliveries of one endpoint at one time


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A delivery in a worker's hands until its lease ends."""

    endpoint: Endpoint
    delivery: Delivery
    token: str
    is_more: bool  # another worker could take another delivery of this endpoint now
    request_id: str | None = None  # of the request that its event comes of


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What follows from an attempt: for the delivery, and for its endpoint."""

    delivery: Delivery
    endpoint: Endpoint
