"""How the system stands at one moment, as far as its databases know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from repositories.entities.services import ServiceState
from repositories.enums import ReportStatus, SagaStatus, Service

COUNTED = 10_000  # nobody reads a long backlog to its end to count it: so many means so many or more


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits to be done: how much, counted no further than COUNTED, and since when."""

    number: int
    since: datetime | None  # the oldest; None where nothing waits, or where it is not known


@dataclass(frozen=True, kw_only=True)
class VitalSigns:
    """Of SchedulingDatabase."""

    sagas: Mapping[SagaStatus, int]  # of those that have not ended
    due: Backlog  # sagas that nobody has in hand
    pending: Backlog  # bookings
    in_line: Mapping[Service, int]
    services: Mapping[Service, ServiceState]
    events: Backlog  # not announced yet
    reports: Mapping[ReportStatus, int]  # of those that have not been worked through
    webhooks: Backlog  # endpoints with something to deliver now
    pushes: Backlog  # that should have been sent by now, reminders among them
    deeds: Backlog  # not in the audit log yet
