"""Move a confirmed booking to another time of the same care provider: the table first, its steps below.

The new time is taken before the old one is given back; the booking keeps its id and its room.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from integrations.ports import NotificationType, Push, PushSender
from repositories.entities.effects import Effect
from repositories.entities.moves import MOVED_BY, EndMove, MoveBooking, ReleaseOtherTime
from repositories.enums import Reason, Service
from repositories.ports.bookings import Slots
from repositories.ports.care_providers import CareProviders
from repositories.ports.errors import BalanceOut, BookingWithdrawn, OrderVoided, SlotTaken
from repositories.ports.moves import OrderChanges
from saga.definition import (
    NOTHING,
    PUSH,
    Ended,
    Receipt,
    SagaState,
    Table,
    compensable,
    in_journal,
    nothing,
    pivot,
    retriable,
    steps,
)
from saga.notify import recorded
from saga.slot_choice import SLOT_REFUSALS, SlotClosed, check_slot, instant, time_wanted

NAME = MOVED_BY
FIRST_STEP = "check_slot"

REASONS: dict[type[Exception], Reason] = {
    SlotClosed: Reason.NOT_ALLOWED,
    SlotTaken: Reason.RECORD_ALREADY_EXIST,
    BalanceOut: Reason.CHARITY_ORGANIZATION_BALANCE_OUT,
    OrderVoided: Reason.BOOKING_WITHDRAWN,
    BookingWithdrawn: Reason.BOOKING_WITHDRAWN,
}


@dataclass(frozen=True)
class RescheduleBooking:
    slots: Slots
    orders: OrderChanges
    providers: CareProviders
    push: PushSender
    clock: Callable[[], datetime]

    name = NAME
    reasons = REASONS

    @cached_property
    def table(self) -> Table:
        return steps(
            compensable(FIRST_STEP, self.check_slot, undo=nothing, stops_on=SLOT_REFUSALS),
            compensable(
                "take_time",
                in_journal(self.take_time),
                undo=in_journal(self.release_time_if_not_its_own),
                stops_on=SLOT_REFUSALS,
            ),
            compensable(
                "settle_difference",
                self.settle_difference,
                undo=self.revert_difference_if_settled,
                stops_on=(BalanceOut, OrderVoided),
            ),
            pivot("move_booking", in_journal(self.move), stops_on=(BookingWithdrawn,)),
            retriable(
                "notify_reschedule",
                self.push_new_time,
                retry=PUSH,
                asks=Service.FCM,
                best_effort=True,
                record=self.record_push,
            ),
        )

    # 1
    def check_slot(self, state: SagaState) -> Receipt:
        check_slot(self.slots, state)
        return NOTHING

    # 2
    def take_time(self, state: SagaState) -> Effect:
        return time_wanted(state)

    def release_time_if_not_its_own(self, state: SagaState) -> Effect:
        return ReleaseOtherTime(booking_id=state.booking_id)

    # 3
    def settle_difference(self, state: SagaState) -> Receipt:
        change = self.orders.change_amount(
            state.booking_id,
            change_key=state.key("settle_difference"),
            duration=instant(state, "ends_at") - instant(state, "starts_at"),
            now=self.clock(),
        )
        return {"before_minor": change.before_minor, "after_minor": change.after_minor}

    def revert_difference_if_settled(self, state: SagaState) -> None:
        self.orders.revert_change_if_present(
            state.booking_id, change_key=state.key("settle_difference"), now=self.clock()
        )

    # 4
    def move(self, state: SagaState) -> Effect:
        return MoveBooking(
            booking_id=state.booking_id,
            saga_id=state.id,
            slot_id=state.input["slot_id"],
            starts_at=instant(state, "starts_at"),
            ends_at=instant(state, "ends_at"),
        )

    # 5
    def push_new_time(self, state: SagaState) -> Receipt:
        provider = self.providers.get_care_provider(state.input["care_provider_id"])
        push = Push(
            kind=NotificationType.RESERVE_SLOT,
            booking_id=state.booking_id,
            care_provider_id=provider.id,
            meeting_id=state.input["meeting_id"],
            happens_at=instant(state, "starts_at"),
            time_zone=provider.time_zone,
        )
        self.push.send(push, key=state.key("notify_reschedule"))
        return NOTHING

    def record_push(self, state: SagaState, ended: Ended) -> Effect:
        return recorded(
            state,
            NotificationType.RESERVE_SLOT,
            ended,
            starts_at=instant(state, "starts_at"),
            key=state.key("notify_reschedule"),
        )

    def when_undone(self, state: SagaState) -> Effect:
        return EndMove(booking_id=state.booking_id, saga_id=state.id)
