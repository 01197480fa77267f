"""Accept that a confirmed booking is to be moved to another time.

Refusals:  BookingNotFound | CareProviderContradicted | SessionTooSoon | SlotNotFound | SlotInPast | SlotContradicted
               name a field
           NotConfirmed | MoveInFlight
           KeyReused | KeyInFlight            name the idempotency key
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.entities.bookings import Booking, Slot
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.moves import Move
from repositories.entities.sagas import SagaState
from repositories.enums import SagaStatus
from repositories.ports.bookings import Bookings, Slots
from repositories.ports.errors import CancelledTooLate
from repositories.ports.moves import Moves
from repositories.ports.organizations import Organizations
from saga.accept_booking import HEAD_START
from saga.accept_cancellation import SessionTooSoon, cancellation_deadline, own_booking
from saga.reschedule_booking import FIRST_STEP, NAME
from saga.slot_choice import SlotChoice, chosen_slot
from saga.sweep import Nudge


@dataclass(frozen=True, kw_only=True)
class RescheduleRequest:
    organization_id: int
    booking_id: int
    user_id: int
    choice: SlotChoice
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class RescheduleAccepted:
    booking: Booking
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class AcceptReschedule:
    bookings: Bookings
    moves: Moves
    slots: Slots
    organizations: Organizations
    nudge: Nudge
    clock: Callable[[], datetime]
    new_saga_id: Callable[[], str]
    max_age: timedelta

    def __call__(self, request: RescheduleRequest) -> RescheduleAccepted:
        """Write the move down and ring for a worker. Raises the refusals above."""
        now = self.clock()
        earlier = self.moves.find_move(request.idempotency, organization_id=request.organization_id, now=now)
        booking = own_booking(
            self.bookings,
            request.booking_id,
            organization_id=request.organization_id,
            user_id=request.user_id,
            care_provider_id=request.choice.care_provider_id,
        )
        if earlier is not None:
            return RescheduleAccepted(booking=booking, is_replay=True)
        slot = chosen_slot(self.slots, request.choice, now=now)
        return self._started(request, booking, slot, now)

    def _started(self, request: RescheduleRequest, booking: Booking, slot: Slot, now: datetime) -> RescheduleAccepted:
        deadline = cancellation_deadline(self.organizations, request.organization_id)
        saga_id = self.new_saga_id()
        move = Move(booking_id=booking.id, organization_id=request.organization_id, saga_id=saga_id, to=slot)
        try:
            change = self.moves.start_move(
                move,
                starts_after=now + deadline,
                start=lambda moving: first_state(
                    move, moving, now=now, deadline_at=min(now + self.max_age, moving.starts_at, slot.starts_at)
                ),
                idempotency=request.idempotency,
                now=now,
                nudged_until=now + HEAD_START,
            )
        except CancelledTooLate as error:
            raise SessionTooSoon("bookingId", until=booking.starts_at - deadline) from error
        if not change.is_replay:
            self.nudge(NAME, saga_id)
        return RescheduleAccepted(booking=booking, is_replay=change.is_replay)


def first_state(move: Move, booking: Booking, *, now: datetime, deadline_at: datetime) -> SagaState:
    """The journal row of a move just accepted: due now, at the first step."""
    return SagaState(
        id=move.saga_id,
        name=NAME,
        booking_id=booking.id,
        input={
            "organization_id": booking.organization_id,
            "user_id": booking.user_id,
            "care_provider_id": booking.care_provider_id,
            "slot_id": move.to.id,
            "starts_at": move.to.starts_at.isoformat(),
            "ends_at": move.to.ends_at.isoformat(),
            "meeting_id": booking.meeting_id,
        },
        status=SagaStatus.RUNNING,
        step=FIRST_STEP,
        due_at=now,
        deadline_at=deadline_at,
        expires_at=min(booking.starts_at, move.to.starts_at),
        created_at=now,
    )
