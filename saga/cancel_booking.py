"""What is left to do once a confirmed booking is cancelled: the table first, its steps below.

The decision was taken in the accepting transaction, which changed the status and released the time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from integrations.ports import NotificationType, Push, PushSender, VideoRooms
from repositories.entities.bookings import Booking
from repositories.entities.effects import Effect
from repositories.enums import SagaStatus, Service
from repositories.ports.care_providers import CareProviders
from repositories.ports.orders import Orders
from saga.definition import (
    NO_REASONS,
    NOTHING,
    PUSH,
    Ended,
    Receipt,
    Retry,
    SagaState,
    Table,
    TableWrong,
    once_decided,
    retriable,
)
from saga.meeting_key import create_meeting_key
from saga.notify import recorded

NAME = "cancel_booking"
FIRST_STEP = "refund_order"
VIDEOSDK = Retry(limit=1_000_000, base=timedelta(milliseconds=500), cap=timedelta(minutes=5))


@dataclass(frozen=True)
class CancelBooking:
    orders: Orders
    rooms: VideoRooms
    providers: CareProviders
    push: PushSender
    clock: Callable[[], datetime]

    name = NAME
    reasons = NO_REASONS

    @cached_property
    def table(self) -> Table:
        return once_decided(
            retriable(FIRST_STEP, self.refund_order),
            retriable("close_meeting", self.close_room, retry=VIDEOSDK, asks=Service.VIDEOSDK),
            retriable(
                "notify_cancellation",
                self.push_cancellation,
                retry=PUSH,
                asks=Service.FCM,
                best_effort=True,
                record=self.record_push,
            ),
        )

    # 1
    def refund_order(self, state: SagaState) -> Receipt:
        self.orders.void_order_if_present(state.booking_id, now=self.clock())
        return NOTHING

    # 2
    def close_room(self, state: SagaState) -> Receipt:
        self.rooms.close_room_if_open(state.input["room_key"], meeting_id=state.input["meeting_id"])
        return NOTHING

    # 3
    def push_cancellation(self, state: SagaState) -> Receipt:
        provider = self.providers.get_care_provider(state.input["care_provider_id"])
        push = Push(
            kind=NotificationType.CANCEL_REFUND_BOOKING,
            booking_id=state.booking_id,
            care_provider_id=provider.id,
            meeting_id=state.input["meeting_id"],
            happens_at=datetime.fromisoformat(state.input["starts_at"]),
            time_zone=provider.time_zone,
        )
        self.push.send(push, key=state.key("notify_cancellation"))
        return NOTHING

    def record_push(self, state: SagaState, ended: Ended) -> Effect:
        return recorded(
            state,
            NotificationType.CANCEL_REFUND_BOOKING,
            ended,
            starts_at=datetime.fromisoformat(state.input["starts_at"]),
            key=state.key("notify_cancellation"),
        )

    def when_undone(self, state: SagaState) -> Effect:  # noqa: ARG002
        raise TableWrong(f"{NAME} is never undone")


def first_state(saga_id: str, booking: Booking, *, booked_by: str, now: datetime) -> SagaState:
    """The journal row of a booking just cancelled; `booked_by` is the saga whose room is to be closed."""
    return SagaState(
        id=saga_id,
        name=NAME,
        booking_id=booking.id,
        input={
            "organization_id": booking.organization_id,
            "care_provider_id": booking.care_provider_id,
            "starts_at": booking.starts_at.isoformat(),
            "room_key": create_meeting_key(booked_by),
            "meeting_id": booking.meeting_id,
        },
        status=SagaStatus.RUNNING,
        step=FIRST_STEP,
        due_at=now,
        deadline_at=now,  # it is decided: no deadline turns it back
        expires_at=now,
        created_at=now,
    )
