"""How many requests are left: counted in Redis for all processes, and by each process itself while Redis is away.

A window slides: what was taken in the window before counts by the share of it that is still less than a window old.
One key holds both counts, and one script looks and takes, so several processes never sell the last request twice.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Protocol

import structlog

from integrations.redis_connections import RedisAway, RedisConnections, connect_to

log = structlog.get_logger()

PATIENCE = timedelta(milliseconds=250)  # with Redis; beyond it the process counts by itself
PAUSE = timedelta(seconds=5)  # before a Redis that failed is asked again, by one request
MOST_KEYS = 10_000  # that a process counts by itself

TAKE_ONE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, quota = tonumber(ARGV[1]), tonumber(ARGV[2])
local number, passed = math.floor(now / window), now % window
local kept = redis.call('HMGET', KEYS[1], 'number', 'taken', 'before')
local last, taken, before = tonumber(kept[1]) or number, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
if last == number - 1 then before, taken = taken, 0 elseif last < number then before, taken = 0, 0 end
if before * (window - passed) / window + taken + 1 > quota then return {0, taken, before, passed} end
redis.call('HSET', KEYS[1], 'number', number, 'taken', taken + 1, 'before', before)
redis.call('PEXPIRE', KEYS[1], 2 * window)
return {1, taken + 1, before, passed}
"""


@dataclass(frozen=True, kw_only=True)
class Quota:
    requests: int
    window: timedelta


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came of asking for one request more; times are whole seconds from now."""

    is_allowed: bool
    left: int
    resets_in: int  # if refused: until one is free again


class Quotas(Protocol):
    def take(self, key: str, quota: Quota) -> Taken:
        """Take one request from the quota of this key, unless it is used up."""
        ...


class SharedQuotas:
    """In Redis. Raises RedisAway."""

    def __init__(self, connections: RedisConnections) -> None:
        self._connections = connections

    def take(self, key: str, quota: Quota) -> Taken:
        window = _milliseconds(quota)
        answer: Any = self._connections.ask("EVAL", TAKE_ONE, 1, key, window, quota.requests)
        is_allowed, taken, before, passed = (int(number) for number in answer)
        return _told(quota, is_allowed=bool(is_allowed), taken=taken, before=before, passed=passed)


class OwnQuotas:
    """In this process."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, int, int]] = {}  # key -> number of the window, taken in it, in the one before

    def take(self, key: str, quota: Quota) -> Taken:
        window = _milliseconds(quota)
        number, passed = divmod(int(self._clock() * 1000), window)
        with self._lock:
            last, taken, before = self._kept.get(key, (number, 0, 0))
            if last < number:
                taken, before = 0, taken if last == number - 1 else 0
            is_allowed = before * (window - passed) / window + taken + 1 <= quota.requests
            self._kept[key] = (number, taken + is_allowed, before)
            if len(self._kept) > MOST_KEYS:
                del self._kept[next(iter(self._kept))]
        return _told(quota, is_allowed=is_allowed, taken=taken + is_allowed, before=before, passed=passed)


class PatientQuotas:
    """Shared ones; while those are away, our own. A Redis that hangs costs one request in PAUSE its PATIENCE."""

    def __init__(
        self, *, shared: Quotas, own: Quotas, pause: timedelta = PAUSE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._own = own
        self._pause = pause.total_seconds()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ask_again_at: float | None = None  # None: all is well

    def take(self, key: str, quota: Quota) -> Taken:
        if self._may_ask():
            try:
                taken = self._shared.take(key, quota)
            except RedisAway as error:
                self._turn_away(error)
            else:
                self._ask_again_at = None
                return taken
        return self._own.take(key, quota)

    def _may_ask(self) -> bool:
        if self._ask_again_at is None:
            return True
        with self._lock:
            now = self._monotonic()
            if self._ask_again_at is not None and now < self._ask_again_at:
                return False
            self._ask_again_at = now + self._pause  # one asks, the others wait for what comes of it
            return True

    def _turn_away(self, error: RedisAway) -> None:
        with self._lock:
            self._ask_again_at = self._monotonic() + self._pause
        log.warning("shared_quotas_away", seconds=self._pause, error=str(error))


def open_quotas(redis_url: str) -> Quotas:
    """Shared ones, connecting lazily; each process's own where the broker is not one Redis."""
    try:
        connections = connect_to(redis_url, patience=PATIENCE)
    except ValueError:
        return OwnQuotas()
    return PatientQuotas(shared=SharedQuotas(connections), own=OwnQuotas())


def _milliseconds(quota: Quota) -> int:
    return quota.window // timedelta(milliseconds=1)


def _told(quota: Quota, *, is_allowed: bool, taken: int, before: int, passed: int) -> Taken:
    window = _milliseconds(quota)
    used = before * (window - passed) / window + taken
    wait = window - passed if is_allowed else _until_one_is_free(quota.requests, window, taken, before, passed)
    return Taken(is_allowed=is_allowed, left=max(0, int(quota.requests - used)), resets_in=max(1, ceil(wait / 1000)))


def _until_one_is_free(requests: int, window: int, taken: int, before: int, passed: int) -> float:
    """Milliseconds: in this window if what was taken before it fades enough, else in the next."""
    if taken < requests and before > 0:
        return window * (1 - (requests - 1 - taken) / before) - passed
    return window - passed + window * (1 - (requests - 1) / max(taken, 1))
