"""The feed of events in memory."""

from dataclasses import dataclass, field, replace

from repositories.entities.events import BookingEvent, EventFilter, EventPage
from repositories.ports.errors import EventsForgotten


@dataclass
class FakeEventFeed:
    events: list[BookingEvent] = field(default_factory=list)
    forgotten: list[BookingEvent] = field(default_factory=list)

    def read(self, wanted: EventFilter, *, after: int, forgotten: int | None = None, limit: int) -> EventPage:
        gone = [
            event.position
            for event in self.forgotten
            if event.organization_id == wanted.organization_id and wanted.booking_id in (None, event.booking_id)
        ]
        upto = max(gone, default=0)
        if forgotten is not None and upto > max(after, forgotten):
            raise EventsForgotten
        page = self._page(wanted, after=after, limit=limit)
        return replace(page, forgotten=upto if forgotten is None else forgotten)

    def _page(self, wanted: EventFilter, *, after: int, limit: int) -> EventPage:
        beyond = [
            event
            for event in sorted(self.events, key=lambda event: event.position)
            if event.position > after and event.organization_id == wanted.organization_id
        ]
        found = [
            event
            for event in beyond
            if wanted.booking_id in (None, event.booking_id) and (wanted.kinds is None or event.kind in wanted.kinds)
        ]
        if len(found) > limit:
            return EventPage(events=found[:limit], reached=found[limit - 1].position, has_more=True)
        looked_at = beyond if wanted.booking_id is None else found
        return EventPage(events=found, reached=max([after, *(one.position for one in looked_at)]), has_more=False)
