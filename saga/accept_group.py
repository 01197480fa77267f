"""Accept several bookings at once that are made all or none: every one is judged first, then all are written together.

Refusals: those of saga.accept_booking, with the place of the booking in front of the field: `bookings.1.slotDate`
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.entities.bookings import NewBooking, Slot
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.sagas import SagaState
from repositories.ports.bookings import Slots
from repositories.ports.errors import ReferenceContradicted
from repositories.ports.groups import Groups
from repositories.ports.users import Users
from saga.accept_booking import HEAD_START, Accepted, BookingRequest, first_state, new_booking, user_of
from saga.book_session import NAME
from saga.slot_choice import Refusal, chosen_slot
from saga.sweep import Nudge


class MemberRefused(Exception):
    """One of the bookings cannot be accepted, so none is."""

    def __init__(self, place: int, why: Exception) -> None:
        super().__init__(place)
        self.place = place
        self.why = why


@dataclass(frozen=True, kw_only=True)
class AcceptGroup:
    slots: Slots
    groups: Groups
    users: Users
    nudge: Nudge
    clock: Callable[[], datetime]
    new_saga_id: Callable[[], str]
    max_age: timedelta

    def __call__(
        self, requests: Sequence[BookingRequest], *, organization_id: int, idempotency: IdempotencyKey | None
    ) -> tuple[Accepted, ...]:
        """Write all bookings down and ring for workers. Raises MemberRefused, KeyReused, KeyInFlight."""
        now = self.clock()
        earlier = self.groups.find_group(idempotency, organization_id=organization_id, now=now)
        if earlier is not None:
            return accepted_of(earlier)
        slots = [self._slot_of(place, request, now) for place, request in enumerate(requests)]
        users = [self._user_of(place, request, now) for place, request in enumerate(requests)]
        group_id = self.new_saga_id()
        bookings = [
            new_booking(request, slot, user_id, group_id=group_id)
            for request, slot, user_id in zip(requests, slots, users, strict=True)
        ]
        return self._written(bookings, idempotency, now)

    def _written(
        self, bookings: Sequence[NewBooking], idempotency: IdempotencyKey | None, now: datetime
    ) -> tuple[Accepted, ...]:
        saga_ids = [self.new_saga_id() for _ in bookings]

        def start(place: int, booking_id: int) -> SagaState:
            booking = bookings[place]
            deadline_at = min(now + self.max_age, booking.starts_at)
            return first_state(saga_ids[place], booking_id, booking, now=now, deadline_at=deadline_at)

        change = self.groups.accept_group(
            bookings, start=start, idempotency=idempotency, now=now, nudged_until=now + HEAD_START
        )
        if not change.is_replay:
            for saga_id in saga_ids:
                self.nudge(NAME, saga_id)
        return accepted_of(change)

    def _slot_of(self, place: int, request: BookingRequest, now: datetime) -> Slot:
        try:
            return chosen_slot(self.slots, request.choice, now=now)
        except Refusal as why:
            raise MemberRefused(place, why) from why

    def _user_of(self, place: int, request: BookingRequest, now: datetime) -> int:
        try:
            return user_of(self.users, request, now=now)
        except (Refusal, ReferenceContradicted) as why:
            raise MemberRefused(place, why) from why


def accepted_of(change: Change) -> tuple[Accepted, ...]:
    pairs = zip(change.ids[::2], change.ids[1::2], strict=True)
    return tuple(Accepted(booking_id=b, user_id=u, is_replay=change.is_replay) for b, u in pairs)
