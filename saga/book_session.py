"""Book one session: the table first, its steps below."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from integrations.ports import NotificationType, ProviderRefused, Push, PushSender, VideoRooms
from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, ReleaseTime
from repositories.enums import Reason, Service
from repositories.ports.bookings import Slots
from repositories.ports.care_providers import CareProviders
from repositories.ports.errors import BalanceOut, BookingWithdrawn, OrderVoided, SlotTaken
from repositories.ports.orders import Orders
from repositories.ports.users import Users
from saga import withdraw_group
from saga.definition import (
    NOTHING,
    PUSH,
    Ended,
    Receipt,
    Retry,
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

NAME = "book_session"


VIDEOSDK = Retry(limit=8, base=timedelta(milliseconds=500), cap=timedelta(seconds=30))

REASONS: dict[type[Exception], Reason] = {
    SlotClosed: Reason.NOT_ALLOWED,
    SlotTaken: Reason.RECORD_ALREADY_EXIST,
    BalanceOut: Reason.CHARITY_ORGANIZATION_BALANCE_OUT,
    OrderVoided: Reason.SERVICE_UNAVAILABLE,
    ProviderRefused: Reason.MEETING_REFUSED,
    BookingWithdrawn: Reason.BOOKING_WITHDRAWN,
}


@dataclass(frozen=True)
class BookSession:
    slots: Slots
    orders: Orders
    rooms: VideoRooms
    providers: CareProviders
    users: Users
    push: PushSender
    clock: Callable[[], datetime]

    name = NAME
    reasons = REASONS

    @cached_property
    def table(self) -> Table:
        return steps(
            compensable("check_slot", self.check_slot, undo=nothing, stops_on=SLOT_REFUSALS),
            compensable(
                "schedule_booking",
                in_journal(self.reserve_time),
                undo=in_journal(self.release_time_if_held),
                stops_on=SLOT_REFUSALS,
            ),
            compensable(
                "save_order", self.save_order, undo=self.void_order_if_present, stops_on=(BalanceOut, OrderVoided)
            ),
            compensable(
                "create_meeting",
                self.open_room,
                undo=self.close_room_if_open,
                stops_on=(ProviderRefused,),
                retry=VIDEOSDK,
                answers=("meeting_id",),
                asks=Service.VIDEOSDK,
            ),
            pivot("confirm_booking", in_journal(self.confirm), stops_on=(BookingWithdrawn,)),
            retriable(
                "notify_provider",
                self.push_new_booking,
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
    def reserve_time(self, state: SagaState) -> Effect:
        return time_wanted(state)

    def release_time_if_held(self, state: SagaState) -> Effect:
        return ReleaseTime(booking_id=state.booking_id)

    # 3
    def save_order(self, state: SagaState) -> Receipt:
        order = self.orders.save_order(
            booking_id=state.booking_id,
            organization_id=state.input["organization_id"],
            user_id=state.input["user_id"],
            care_provider_id=state.input["care_provider_id"],
            duration=instant(state, "ends_at") - instant(state, "starts_at"),
            now=self.clock(),
        )
        return {"order_id": order.id}

    def void_order_if_present(self, state: SagaState) -> None:
        self.orders.void_order_if_present(state.booking_id, now=self.clock())

    # 4
    def open_room(self, state: SagaState) -> Receipt:
        return {"meeting_id": self.rooms.open_room(state.key("create_meeting")).meeting_id}

    def close_room_if_open(self, state: SagaState) -> None:
        self.rooms.close_room_if_open(
            state.key("create_meeting"), meeting_id=state.receipts.get("create_meeting", {}).get("meeting_id")
        )

    # 5
    def confirm(self, state: SagaState) -> Effect:
        return ConfirmBooking(booking_id=state.booking_id, meeting_id=state.receipts["create_meeting"]["meeting_id"])

    # 6
    def push_new_booking(self, state: SagaState) -> Receipt:
        if state.withdrawn_at is not None:  # cancelled while this push waited: news of the past would only confuse
            return NOTHING
        provider = self.providers.get_care_provider(state.input["care_provider_id"])
        user = self.users.find_user(state.input["user_id"], organization_id=state.input["organization_id"])
        push = Push(
            kind=NotificationType.NEW_BOOKING,
            booking_id=state.booking_id,
            care_provider_id=provider.id,
            meeting_id=state.receipts["create_meeting"]["meeting_id"],
            happens_at=instant(state, "starts_at"),
            time_zone=provider.time_zone,
            client_name=None if user is None else user.name,
        )
        self.push.send(push, key=state.key("notify_provider"))
        return NOTHING

    def record_push(self, state: SagaState, ended: Ended) -> Effect | None:
        if state.withdrawn_at is not None and ended.error is None:  # nothing was sent
            return None
        return recorded(
            state,
            NotificationType.NEW_BOOKING,
            ended,
            starts_at=instant(state, "starts_at"),
            key=state.key("notify_provider"),
        )

    def when_undone(self, state: SagaState) -> Effect:
        return EndBooking(
            booking_id=state.booking_id,
            reason=state.reason or Reason.INTERNAL_ERROR,
            failed_step=state.failed_step,
            if_failed=withdraw_group.first_state(state, now=self.clock()) if "group" in state.input else None,
        )
