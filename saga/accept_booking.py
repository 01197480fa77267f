"""Accept a booking: everything a partner can get wrong is refused here, before anything is written.

Refusals:  UserNotFound | SlotNotFound | SlotInPast | SlotContradicted | UserContradicted   name a field
           KeyReused | KeyInFlight                                                         name the idempotency key
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.entities.bookings import NewBooking, Slot
from repositories.entities.idempotency import IdempotencyKey, KeyUse
from repositories.entities.sagas import SagaState
from repositories.entities.users import Guest
from repositories.enums import BookingPlatform, CommunicationType, SagaStatus
from repositories.ports.bookings import Bookings, Slots
from repositories.ports.errors import KeyInFlight, KeyReused, KeyTaken
from repositories.ports.users import Users
from saga.book_session import NAME
from saga.slot_choice import Refusal, SlotChoice, chosen_slot
from saga.sweep import Nudge

HEAD_START = timedelta(seconds=5)  # the sweep leaves an accepted booking to its own nudge this long


class UserNotFound(Refusal):
    """This user is not registered with your organization."""


class UserContradicted(Refusal):
    """This referenceId is not the one of the user."""


@dataclass(frozen=True, kw_only=True)
class BookingRequest:
    """One booking as a partner asks for it."""

    organization_id: int
    user_id: int | None
    reference_id: str | None
    guest: Guest | None
    choice: SlotChoice
    communication_type: CommunicationType
    platform: BookingPlatform
    is_from_mobile: bool
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    booking_id: int
    user_id: int
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class AcceptBooking:
    slots: Slots
    bookings: Bookings
    users: Users
    nudge: Nudge
    clock: Callable[[], datetime]
    new_saga_id: Callable[[], str]
    max_age: timedelta

    def __call__(self, request: BookingRequest) -> Accepted:
        """Write the booking down and ring for a worker. Raises the refusals above, ReferenceContradicted."""
        earlier = self._earlier_use(request)
        if earlier is not None:
            return earlier
        slot = chosen_slot(self.slots, request.choice, now=self.clock())
        user_id = user_of(self.users, request, now=self.clock())
        saga_id = self.new_saga_id()
        try:
            booking_id = self._write(request, slot, user_id, saga_id)
        except KeyTaken:
            return self._use_of_the_winner(request)
        self.nudge(NAME, saga_id)
        return Accepted(booking_id=booking_id, user_id=user_id, is_replay=False)

    def _earlier_use(self, request: BookingRequest) -> Accepted | None:
        if request.idempotency is None:
            return None
        use = self.bookings.find_key_use(request.organization_id, request.idempotency.key, now=self.clock())
        return None if use is None else _replayed(use, request.idempotency)

    def _use_of_the_winner(self, request: BookingRequest) -> Accepted:
        if (winner := self._earlier_use(request)) is None:
            raise KeyInFlight
        return winner

    def _write(self, request: BookingRequest, slot: Slot, user_id: int, saga_id: str) -> int:
        now = self.clock()
        booking = new_booking(request, slot, user_id)
        return self.bookings.accept(
            booking,
            start=lambda booking_id: first_state(
                saga_id, booking_id, booking, now=now, deadline_at=min(now + self.max_age, slot.starts_at)
            ),
            idempotency=request.idempotency,
            now=now,
            nudged_until=now + HEAD_START,
        )


def user_of(users: Users, request: BookingRequest, *, now: datetime) -> int:
    """The user that is named, or the guest, registered if new. Raises UserNotFound, UserContradicted,
    ReferenceContradicted."""
    if request.guest is not None:
        return users.register(request.guest, organization_id=request.organization_id, now=now).id
    user = users.find_user(request.user_id or 0, organization_id=request.organization_id)
    if user is None:
        raise UserNotFound("userId")
    if request.reference_id is not None and request.reference_id != user.reference_id:
        raise UserContradicted("referenceId")
    return user.id


def new_booking(request: BookingRequest, slot: Slot, user_id: int, *, group_id: str | None = None) -> NewBooking:
    return NewBooking(
        organization_id=request.organization_id,
        user_id=user_id,
        care_provider_id=slot.care_provider_id,
        slot_id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        communication_type=request.communication_type,
        platform=request.platform,
        is_from_mobile=request.is_from_mobile,
        group_id=group_id,
    )


def first_state(
    saga_id: str, booking_id: int, booking: NewBooking, *, now: datetime, deadline_at: datetime
) -> SagaState:
    """The journal row of a booking just accepted: due now, at the first step."""
    return SagaState(
        id=saga_id,
        name=NAME,
        booking_id=booking_id,
        input={
            "organization_id": booking.organization_id,
            "user_id": booking.user_id,
            "care_provider_id": booking.care_provider_id,
            "slot_id": booking.slot_id,
            "starts_at": booking.starts_at.isoformat(),
            "ends_at": booking.ends_at.isoformat(),
            **({} if booking.group_id is None else {"group": booking.group_id}),
        },
        status=SagaStatus.RUNNING,
        step="check_slot",
        due_at=now,
        deadline_at=deadline_at,
        expires_at=booking.starts_at,
        created_at=now,
    )


def _replayed(use: KeyUse, idempotency: IdempotencyKey) -> Accepted:
    if use.body_digest != idempotency.body_digest:
        raise KeyReused
    booking_id, user_id = use.ids
    return Accepted(booking_id=booking_id, user_id=user_id, is_replay=True)
