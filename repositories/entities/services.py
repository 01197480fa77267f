"""Outside services: how each fares, as all workers of all machines see it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.enums import Service, Trouble


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """A service's breaker. Closed while `trouble` is None; what follows from it is told by saga/breaker.py."""

    service: Service
    failures: int = 0  # in a row
    trouble: Trouble | None = None
    error: str | None = None  # the last failure's class name
    opened_at: datetime | None = None
    open_until: datetime | None = None  # from then on it is asked once, on trial
    probe_token: str | None = None  # of the call that is on trial
    probe_until: datetime | None = None  # when its caller must have died
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None
    standing_since: datetime | None = None  # paused or misconfigured: whoever waits does not age
    stood_still: timedelta = timedelta()  # how long that was so in the past, all in all


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """A service, and since when the longest of those who wait for it does."""

    state: ServiceState
    waiting_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class ServiceAudit:
    """What an operator did to a service, and why: a line of the audit trail."""

    action: str
    by: str
    why: str
    at: datetime
