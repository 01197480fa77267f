"""The feed of events in memory."""

from dataclasses import dataclass, field

from repositories.entities.events import BookingEvent, EventFilter, EventPage


@dataclass
class FakeEventFeed:
    events: list[BookingEvent] = field(default_factory=list)

    def read(self, wanted: EventFilter, *, after: int, limit: int) -> EventPage:
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
