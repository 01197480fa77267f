"""A bound on the calls of an outside service at one time. A call without a place waits; it never holds a thread."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from repositories.enums import Service


class Places(Protocol):
    def enter(self, service: Service, token: str) -> bool:
        """Take a place for the call with this token; False if none is free."""
        ...

    def leave(self, service: Service, token: str) -> None: ...

    def free(self, service: Service) -> int: ...


class LocalPlaces:
    """The places of one process."""

    def __init__(self, bounds: Mapping[Service, int]) -> None:
        self._bounds = bounds
        self._taken: Counter[Service] = Counter()
        self._lock = threading.Lock()

    def enter(self, service: Service, token: str) -> bool:  # noqa: ARG002
        with self._lock:
            if self._taken[service] >= self._bounds[service]:
                return False
            self._taken[service] += 1
            return True

    def leave(self, service: Service, token: str) -> None:  # noqa: ARG002
        with self._lock:
            self._taken[service] -= 1

    def free(self, service: Service) -> int:
        return self._bounds[service] - self._taken[service]
