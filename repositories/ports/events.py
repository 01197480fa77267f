"""The feed of an organization's events."""

from typing import Protocol

from repositories.entities.events import EventFilter, EventPage


class EventFeed(Protocol):
    def read(self, wanted: EventFilter, *, after: int, forgotten: int | None = None, limit: int) -> EventPage:
        """Announced events at positions beyond `after`, in their order. Whoever goes on where a page reached misses
        none: an event that commits late is announced later, and so stands later.

        `forgotten` is of the page before; None begins, with whatever is kept. Raises EventsForgotten: since the reader
        began, an event beyond `after` was purged."""
        ...
