"""What came of a booking is told in the audit log, once, by the transaction that decides it: on every engine."""

from typing import Any

import pytest
from sqlalchemy import update

from repositories.audit_outbox import SqlAuditOutbox
from repositories.database import Database
from repositories.entities.audit import Deed
from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, GiveUpBooking
from repositories.entities.moves import EndMove
from repositories.enums import DeedOutcome, Reason
from repositories.ports.errors import BookingWithdrawn
from repositories.scheduling_db import tables
from repositories.scheduling_db.effects import apply_effect
from tests.contract.test_moves import FAR, LATER, Moving
from tests.contract.test_moves import sql as moving_on
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot


class Settling:
    """A booking in a database, and the lines that wait to be sealed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.moving: Moving = moving_on(database)
        for one in (slot(7, STARTS, HOUR), LATER, FAR):
            self.moving.world.add_slot(one)
        self.booking_id = self.moving.world.accept()
        self.asked_as("the-booking", self.moving.world.saga_of[self.booking_id])

    def asked_as(self, request_id: str, saga_id: str, **more: Any) -> None:
        change = update(tables.sagas).where(tables.sagas.c.id == saga_id).values(request_id=request_id, **more)
        self.database.write(lambda connection: connection.execute(change))

    def apply(self, effect: Effect) -> None:
        self.database.write(lambda connection: apply_effect(connection, effect, NOW))

    def confirm(self) -> None:
        self.apply(ConfirmBooking(booking_id=self.booking_id, meeting_id="m-1"))

    def end(self) -> None:
        self.apply(EndBooking(booking_id=self.booking_id, reason=Reason.MEETING_REFUSED, failed_step="create_meeting"))

    def deeds(self) -> list[Deed]:
        return list(SqlAuditOutbox(self.database).oldest(limit=10))

    def told(self) -> list[tuple[str, Reason | None, str]]:
        return [(deed.outcome.value, deed.reason, deed.request_id) for deed in self.deeds()]


@pytest.fixture
def settling(scheduling_database: Database) -> Settling:
    return Settling(scheduling_database)


def test_a_booking_that_is_confirmed_is_told_whole_and_once(settling: Settling) -> None:
    settling.confirm()
    settling.confirm()
    (deed,) = settling.deeds()
    assert deed == Deed(
        id=deed.id,
        action="booking.settle",
        outcome=DeedOutcome.CONFIRMED,
        organization_id=1,
        resource_kind="booking",
        resource_id=str(settling.booking_id),
        request_id="the-booking",
        occurred_at=NOW,
    )
    assert len(deed.id) == 32


def test_a_booking_that_failed_is_told_with_its_reason_once(settling: Settling) -> None:
    settling.end()
    settling.end()
    with pytest.raises(BookingWithdrawn):
        settling.confirm()
    assert settling.told() == [("failed", Reason.MEETING_REFUSED, "the-booking")]


def test_a_booking_that_was_withdrawn_is_told_as_cancelled(settling: Settling) -> None:
    settling.moving.world.withdraw(settling.booking_id)
    settling.apply(
        GiveUpBooking(booking_id=settling.booking_id, reason=Reason.BOOKING_WITHDRAWN, failed_step="confirm_booking")
    )
    assert settling.told() == [("cancelled", Reason.BOOKING_WITHDRAWN, "the-booking")]


def test_what_is_rolled_back_is_not_told(settling: Settling) -> None:
    def dies(connection: Any) -> None:
        apply_effect(connection, ConfirmBooking(booking_id=settling.booking_id, meeting_id="m-1"), NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        settling.database.write(dies)
    assert settling.deeds() == []


def test_a_booking_without_a_request_id_is_told_too(settling: Settling) -> None:
    change = update(tables.sagas).values(request_id=None)
    settling.database.write(lambda connection: connection.execute(change))
    settling.confirm()
    assert settling.told() == [("confirmed", None, "")]


def test_a_move_is_told_under_the_request_that_asked_for_it(settling: Settling) -> None:
    settling.confirm()
    saga_id = settling.moving.start(settling.booking_id)
    settling.asked_as("the-move", saga_id)
    settling.moving.world.reserve(settling.booking_id, LATER.starts_at, HOUR)
    settling.apply(settling.moving.move(settling.booking_id, saga_id))
    settling.apply(EndMove(booking_id=settling.booking_id, saga_id=saga_id))
    assert settling.told() == [("confirmed", None, "the-booking"), ("moved", None, "the-move")]


def test_a_move_that_turns_back_is_told_with_its_reason_once(settling: Settling) -> None:
    settling.confirm()
    saga_id = settling.moving.start(settling.booking_id)
    settling.asked_as("the-move", saga_id, reason=Reason.MEETING_REFUSED)
    for _ in range(2):
        settling.apply(EndMove(booking_id=settling.booking_id, saga_id=saga_id))
    assert settling.told()[1:] == [("kept", Reason.MEETING_REFUSED, "the-move")]


def test_a_booking_that_was_cancelled_while_it_moved_keeps_nothing(settling: Settling) -> None:
    settling.confirm()
    saga_id = settling.moving.start(settling.booking_id)
    settling.moving.world.withdraw(settling.booking_id)
    settling.apply(EndMove(booking_id=settling.booking_id, saga_id=saga_id))
    assert [outcome for outcome, _, _ in settling.told()] == ["confirmed"]
