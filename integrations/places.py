"""A bound on the calls of an outside service at one time. A call without a place waits; it never holds a thread.

All workers share them through Redis. Each is a token with an end: whoever is killed in a call gives it back by dying.
While Redis is away each process keeps to the bound by itself.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from integrations.redis_connections import RedisAway, RedisConnections, connect_to

log = structlog.get_logger()

PATIENCE = timedelta(milliseconds=250)  # for one answer of Redis
PAUSE = timedelta(seconds=5)  # after a failure of Redis

ENTER = """
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now_ms + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
TAKEN = """
local now = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000), '+inf')
"""


class Places(Protocol):
    def enter(self, service: str, token: str) -> bool:
        """Take a place for the call with this token; False if none is free."""
        ...

    def leave(self, service: str, token: str) -> None: ...

    def free(self, service: str) -> int: ...


class LocalPlaces:
    """The places of one process."""

    def __init__(self, bounds: Mapping[str, int]) -> None:
        self._bounds = bounds
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, service: str, token: str) -> bool:  # noqa: ARG002
        with self._lock:
            if self._taken[service] >= self._bounds[service]:
                return False
            self._taken[service] += 1
            return True

    def leave(self, service: str, token: str) -> None:  # noqa: ARG002
        with self._lock:
            self._taken[service] -= 1

    def free(self, service: str) -> int:
        return self._bounds[service] - self._taken[service]


def shared_places(redis_url: str, *, bounds: Mapping[str, int], longest_call: timedelta) -> Places:
    """Places of all workers; of each process by itself where the broker is not one Redis."""
    try:
        connections = connect_to(redis_url, patience=PATIENCE)
    except ValueError:
        return LocalPlaces(bounds)
    return RedisPlaces(connections, bounds=bounds, longest_call=longest_call)


class RedisPlaces:
    """Safe for many threads."""

    def __init__(
        self,
        connections: RedisConnections,
        *,
        bounds: Mapping[str, int],
        longest_call: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._bounds = bounds
        self._longest_call_ms = round(longest_call.total_seconds() * 1000)
        self._monotonic = monotonic
        self._own = LocalPlaces(bounds)
        self._silent_until = float("-inf")
        self._lock = threading.Lock()

    def enter(self, service: str, token: str) -> bool:
        if not self._own.enter(service, token):
            return False
        is_free = self._ask("EVAL", ENTER, 1, _key(service), token, self._bounds[service], self._longest_call_ms)
        if is_free == 0:
            self._own.leave(service, token)
            return False
        return True

    def leave(self, service: str, token: str) -> None:
        self._own.leave(service, token)
        self._ask("ZREM", _key(service), token)

    def free(self, service: str) -> int:
        taken = self._ask("EVAL", TAKEN, 1, _key(service))
        return self._own.free(service) if taken is None else max(self._bounds[service] - taken, 0)

    def close(self) -> None:
        self._connections.close()

    def _ask(self, *command: str | int) -> int | None:
        """The number that Redis answers, or None while it is away."""
        if self._monotonic() < self._silent_until:
            return None
        try:
            return int(self._connections.ask(*command))
        except RedisAway as error:
            with self._lock:
                self._silent_until = self._monotonic() + PAUSE.total_seconds()
            log.warning("places_not_shared", seconds=PAUSE.total_seconds(), error=str(error))
            return None


def _key(service: str) -> str:
    return f"tahoon:places:{service}"
