"""Which quota a request counts against, and what is left of it. The kinds are those of api.contract.Limit."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from integrations.quotas import Quota, Quotas, Taken
from repositories.ports.errors import StoreUnavailable
from repositories.ports.rate_limits import RateLimits

log = structlog.get_logger()

WINDOW = timedelta(minutes=1)
FRESH_SECONDS = 10.0  # an organization's own limits are read again after so long


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One request, counted: against which quota, and what is left of it."""

    kind: str
    per_minute: int
    taken: Taken


@dataclass(frozen=True, kw_only=True)
class Limiter:
    quotas: Quotas
    per_minute: Mapping[str, int]  # by kind, for whoever has no limit of its own
    rate_limits: RateLimits
    monotonic: Callable[[], float] = time.monotonic
    _read: dict[int, tuple[float, Mapping[str, int]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_organization(self, kind: str, organization_id: int) -> Counted:
        own = self._own_limits(organization_id)
        return self._count(kind, f"organization:{organization_id}", own.get(kind, self.per_minute[kind]))

    def of_stranger(self, kind: str, who: str) -> Counted:
        """`who` is an address or a key: only a digest of it is kept."""
        digest = hashlib.sha256(who.encode()).hexdigest()[:24]
        return self._count(kind, f"stranger:{digest}", self.per_minute[kind])

    def _count(self, kind: str, whose: str, per_minute: int) -> Counted:
        taken = self.quotas.take(f"tahoon:requests:{kind}:{whose}", Quota(requests=per_minute, window=WINDOW))
        return Counted(kind=kind, per_minute=per_minute, taken=taken)

    def _own_limits(self, organization_id: int) -> Mapping[str, int]:
        """Those of the database, or what was last read of them: counting must not depend on it."""
        read_at, limits = self._read.get(organization_id, (float("-inf"), {}))
        now = self.monotonic()
        if now - read_at < FRESH_SECONDS or not self._lock.acquire(blocking=False):  # one reads, the others go on
            return limits
        try:
            limits = self.rate_limits.of_organization(organization_id)
        except StoreUnavailable:
            log.warning("rate_limits_unread", organization_id=organization_id)
        finally:
            self._read[organization_id] = (now, limits)
            self._lock.release()
        return limits
