"""Giving events their place in the order of all."""

from typing import Protocol


class Announcer(Protocol):
    def announce(self, *, limit: int) -> int:
        """Give the next positions to up to `limit` events that have none, those of one booking in their sequence;
        returns how many. Whoever reads a position has everything before it. Harmless when several run at once."""
        ...
