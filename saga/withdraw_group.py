"""Withdraw the other bookings of a group that were to be made all or none, once one of them has failed.

The decision was taken in the transaction that failed the first one; those still pending undo, those confirmed are
cancelled.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from repositories.entities.bookings import Booking, Withdrawal
from repositories.entities.effects import Effect
from repositories.entities.sagas import SagaState
from repositories.enums import SagaStatus
from repositories.ports.bookings import Bookings
from repositories.ports.groups import Groups
from saga import cancel_booking
from saga.definition import NO_REASONS, NOTHING, Receipt, Table, TableWrong, once_decided, retriable

NAME = "withdraw_group"
FIRST_STEP = "withdraw_others"
BY = "group"


@dataclass(frozen=True)
class WithdrawGroup:
    groups: Groups
    bookings: Bookings
    clock: Callable[[], datetime]

    name = NAME
    reasons = NO_REASONS

    @cached_property
    def table(self) -> Table:
        return once_decided(retriable(FIRST_STEP, self.withdraw_others))

    def withdraw_others(self, state: SagaState) -> Receipt:
        organization_id = state.input["organization_id"]
        for booking_id in self.groups.live_bookings(state.input["group"], organization_id=organization_id):
            self._withdraw(booking_id, organization_id, state.request_id)
        return NOTHING

    def _withdraw(self, booking_id: int, organization_id: int, request_id: str | None) -> None:
        now = self.clock()

        def follow_up(cancelled: Booking, booked_by: str) -> SagaState:
            state = cancel_booking.first_state(_derived(booked_by, "cancel"), cancelled, booked_by=booked_by, now=now)
            return replace(state, request_id=request_id)

        self.bookings.withdraw(
            Withdrawal(booking_id=booking_id, organization_id=organization_id, by=BY, why=None),
            starts_after=datetime.min.replace(tzinfo=now.tzinfo),  # decided: no deadline keeps half a group
            follow_up=follow_up,
            idempotency=None,
            now=now,
            nudged_until=now,
        )

    def when_undone(self, state: SagaState) -> Effect:  # noqa: ARG002
        raise TableWrong(f"{NAME} is never undone")


def first_state(failed: SagaState, *, now: datetime) -> SagaState:
    """The journal row that begins with the failure of one booking of a group."""
    return SagaState(
        id=saga_id_after(failed.id),
        name=NAME,
        booking_id=failed.booking_id,
        input={"organization_id": failed.input["organization_id"], "group": failed.input["group"]},
        status=SagaStatus.RUNNING,
        step=FIRST_STEP,
        due_at=now,
        deadline_at=now,  # it is decided: no deadline turns it back
        expires_at=now,
        request_id=failed.request_id,
        created_at=now,
    )


def saga_id_after(failed_saga_id: str) -> str:
    return _derived(failed_saga_id, NAME)


def _derived(saga_id: str, what: str) -> str:
    """An id that a repeat derives again."""
    return hashlib.sha256(f"{saga_id}-{what}".encode()).hexdigest()[:32]
