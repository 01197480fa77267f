"""What one process knows of the outside services, so that an ordinary call asks no database."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from repositories.entities.services import ServiceState, ServiceView
from repositories.enums import Service
from repositories.ports.errors import StoreUnavailable
from repositories.ports.services import Services

log = structlog.get_logger()

FRESH = timedelta(milliseconds=500)


class Lookout:
    """Safe for many threads. While the database does not answer, what was known last still holds."""

    def __init__(self, services: Services, *, clock: Callable[[], datetime]) -> None:
        self._services = services
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at: datetime | None = None
        self._known = {
            service: ServiceView(state=ServiceState(service=service), waiting_since=None) for service in Service
        }

    def of(self, service: Service) -> ServiceView:
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= FRESH:
            self._look(now)
        return self._known[service]

    def note(self, state: ServiceState) -> None:
        """What this process has just written."""
        with self._lock:
            self._known[state.service] = replace(self._known[state.service], state=state)

    def note_waiting(self, service: Service, since: datetime) -> None:
        with self._lock:
            if self._known[service].waiting_since is None:
                self._known[service] = replace(self._known[service], waiting_since=since)

    def _look(self, now: datetime) -> None:
        """One thread looks; the others go on with what is known, if anything is."""
        if not self._lock.acquire(blocking=self._looked_at is None):
            return
        try:
            self._known.update(self._services.look(now=now))
            self._looked_at = now
        except StoreUnavailable:
            log.warning("services_unknown")
            self._looked_at = now
        finally:
            self._lock.release()
