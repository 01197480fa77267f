"""What reconciliation relies on of both databases: on the fakes, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from repositories.database import CHUNK, Database, in_chunks
from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, ReserveTime
from repositories.entities.facts import BookingFact, OrderFact, Span
from repositories.entities.pushes import RecordPush
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, OrderStatus, Reason, SagaStatus
from repositories.ports.facts import PsyterFacts, SchedulingFacts
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.scheduling_db.facts import ROOM_STEP, SqlSchedulingFacts
from saga.book_session import BookSession
from tests.conftest import FreshDatabase
from tests.contract import test_psyter, test_scheduling
from tests.contract.test_saga_records import line
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot
from tests.engines import ENGINES
from tests.fakes.operations import FakePsyterFacts, FakeSchedulingFacts

DAY = timedelta(days=1)
LAST_DAY = Span(since=NOW - DAY, before=NOW)
FAILED_AT = EndBooking(booking_id=0, reason=Reason.MEETING_REFUSED, failed_step="create_meeting")


@dataclass
class Desk:
    world: test_scheduling.World
    facts: SchedulingFacts

    def ended(self, at: datetime, status: SagaStatus = SagaStatus.UNDONE, *effects: Effect, steps: Any = ()) -> int:
        """A booking whose saga ended then; failed, unless the effects say otherwise."""
        booking_id = self.world.accept(now=at)
        self.end(booking_id, at, status, *(effects or [FAILED_AT]), steps=steps)
        return booking_id

    def end(self, saga: int, at: datetime, status: SagaStatus, *effects: Effect, steps: Any = ()) -> None:
        state = replace(self.world.claimed(saga, now=at), status=status, step=None, due_at=None, claims=0)
        of_this = [replace(effect, booking_id=abs(saga)) for effect in effects if not isinstance(effect, RecordPush)]
        self.world.journal.save(state, attempts=[line(step) for step in steps], effects=of_this, now=at)

    def settled(self, span: Span = LAST_DAY, *, page: int = 100) -> list[BookingFact]:
        """Page after page."""
        found: list[BookingFact] = []
        while some := self.facts.settled_bookings(span, after=found[-1] if found else None, limit=page):
            assert len(some) <= page
            found += some
        return found

    def fact(self, booking_id: int) -> BookingFact:
        (found,) = self.facts.bookings_of([booking_id])
        return found


@pytest.fixture(params=["fake", *ENGINES])
def desk(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Desk:
    if request.param == "fake":
        world = test_scheduling.fake_world()
        desk = Desk(world, FakeSchedulingFacts(world.journal))
    else:
        database = fresh_database(request.param, "scheduling_db")
        desk = Desk(test_scheduling.sql_world(database), SqlSchedulingFacts(database))
    desk.world.add_slot(slot(7, STARTS, HOUR))
    return desk


def held(booking_id: int, starts_at: datetime = STARTS, *, provider: int = 42, length: timedelta = HOUR) -> ReserveTime:
    return ReserveTime(
        booking_id=booking_id, care_provider_id=provider, starts_at=starts_at, ends_at=starts_at + length
    )


CONFIRM = ConfirmBooking(booking_id=0, meeting_id="room")


# --- bookings ----------------------------------------------------------------------------------


def test_a_settled_booking_is_found_in_the_span_in_which_its_last_saga_ended(desk: Desk) -> None:
    for at in (NOW, NOW - DAY - timedelta(microseconds=1)):
        desk.ended(at)
    inside = [desk.ended(NOW - DAY), desk.ended(NOW - timedelta(microseconds=1))]
    assert [fact.id for fact in desk.settled()] == inside


def test_what_a_saga_may_still_change_is_not_settled(desk: Desk) -> None:
    before = NOW - HOUR
    desk.world.accept(now=before)
    stuck = desk.world.accept(now=before)
    desk.end(stuck, before, SagaStatus.STUCK)
    pending = desk.world.accept(now=before)
    desk.end(pending, before, SagaStatus.DONE)  # no saga is left, and yet the booking has not ended
    assert desk.settled() == []
    assert [desk.fact(booking_id).is_settled for booking_id in (stuck, pending)] == [False, False]


def test_a_booking_with_a_saga_to_come_is_not_settled_until_that_one_ends(desk: Desk) -> None:
    booking_id = desk.ended(NOW - 3 * DAY, SagaStatus.DONE, held(0), CONFIRM)
    desk.world.withdraw(booking_id, now=NOW - 2 * DAY)
    assert desk.settled(Span(since=NOW - 9 * DAY, before=NOW)) == []
    desk.end(-booking_id, NOW - HOUR, SagaStatus.DONE)
    (fact,) = desk.settled()
    assert (fact.id, fact.status, fact.last_saga_at) == (booking_id, BookingStatus.CANCELLED, NOW - HOUR)
    assert (fact.last_saga, fact.booked_by) == (desk.world.saga_of[-booking_id], desk.world.saga_of[booking_id])
    assert fact.booked_by_ended is SagaStatus.DONE
    assert desk.settled(Span(since=NOW - 9 * DAY, before=NOW - DAY)) == []  # found once, at its last end


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_page_after_page_every_booking_is_found_once(desk: Desk, page: int) -> None:
    times = [NOW - timedelta(minutes=minutes) for minutes in (9, 7, 7, 7, 1)]  # several ended at one moment
    ended = {desk.ended(at) for at in times}
    found = desk.settled(page=page)
    assert [fact.last_saga_at for fact in found] == times
    assert ({fact.id for fact in found}, len(found)) == (ended, 5)


def test_a_fact_says_what_a_confirmed_booking_has(desk: Desk) -> None:
    booking_id = desk.ended(NOW - HOUR, SagaStatus.DONE, held(0), CONFIRM, steps=["check_slot", ROOM_STEP])
    (fact,) = desk.settled()
    saga_id = desk.world.saga_of[booking_id]
    assert fact == BookingFact(
        id=booking_id,
        status=BookingStatus.CONFIRMED,
        meeting_id="room",
        starts_at=STARTS,
        is_settled=True,
        is_moving=False,
        booked_by=saga_id,
        booked_by_ended=SagaStatus.DONE,
        last_saga=saga_id,
        last_saga_at=NOW - HOUR,
        cells=12,
        has_its_time=True,
        may_have_room=True,
    )
    assert desk.facts.bookings_of([booking_id, 404]) == [fact]


def test_a_booking_that_never_came_to_the_room_has_none(desk: Desk) -> None:
    desk.ended(NOW - HOUR, steps=["check_slot", "schedule_booking"])
    assert [fact.may_have_room for fact in desk.settled()] == [False]
    assert ROOM_STEP in {step.name for step in BookSession(*[None] * 7).table}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effects", "cells"),
    [
        ([], 0),
        ([held(0, length=HOUR / 2)], 6),
        ([held(0, STARTS + HOUR)], 12),
        ([held(0, provider=43)], 12),
        ([held(0, length=2 * HOUR)], 24),
    ],
    ids=["none", "too little", "at another time", "of another provider", "too much"],
)
def test_only_exactly_its_own_time_is_the_time_of_a_booking(desk: Desk, effects: list[Effect], cells: int) -> None:
    desk.ended(NOW - HOUR, SagaStatus.DONE, *effects, CONFIRM)
    assert [(fact.cells, fact.has_its_time) for fact in desk.settled()] == [(cells, False)]


def test_facts_of_many_bookings_are_read_in_chunks(desk: Desk) -> None:
    booking_id = desk.ended(NOW)
    many = [404 + number for number in range(CHUNK)] + [booking_id]
    assert [fact.id for fact in desk.facts.bookings_of(many)] == [booking_id]
    assert desk.facts.bookings_of([]) == []
    assert [len(some) for some in in_chunks(many)] == [CHUNK, 1]


# --- time that nobody has ------------------------------------------------------------------------


def loose(desk: Desk, *, now: datetime = NOW, page: int = 100) -> list[int]:
    found: list[int] = []
    while some := desk.facts.held_by_no_live_booking(now=now, after=found[-1] if found else None, limit=page):
        found += some
    return found


@pytest.mark.parametrize("page", [1, 100])
def test_time_is_loose_if_its_booking_has_ended_or_does_not_exist(desk: Desk, page: int) -> None:
    desk.ended(NOW, SagaStatus.DONE, held(0), CONFIRM)
    pending = desk.world.accept()
    desk.world.reserve(pending, STARTS + HOUR)
    failed = desk.ended(NOW, SagaStatus.UNDONE, FAILED_AT)
    for booking_id, place in ((failed, 2), (404, 3)):
        state = replace(desk.world.claimed(pending), due_at=NOW, claims=0)
        desk.world.save(state, held(booking_id, STARTS + place * HOUR))
    assert loose(desk, page=page) == [failed, 404]
    assert desk.facts.release_if_not_live(failed) is True
    assert desk.facts.release_if_not_live(failed) is False
    assert desk.facts.release_if_not_live(pending) is False
    assert loose(desk, page=page) == [404]
    assert not desk.world.slots.is_time_free(slot(8, STARTS + HOUR, HOUR), booking_id=0)
    assert desk.world.slots.is_time_free(slot(8, STARTS + 2 * HOUR, HOUR), booking_id=0)


def test_time_that_is_over_troubles_nobody(desk: Desk) -> None:
    booking_id = desk.ended(NOW, SagaStatus.UNDONE, held(0), FAILED_AT)
    assert loose(desk, now=STARTS + HOUR - timedelta(minutes=5)) == [booking_id]
    assert loose(desk, now=STARTS + HOUR) == []


# --- sagas -------------------------------------------------------------------------------------


def test_a_pending_booking_without_an_open_saga_is_forgotten(desk: Desk) -> None:
    desk.world.accept()
    stuck = desk.world.accept()
    desk.end(stuck, NOW, SagaStatus.STUCK)
    forgotten = [desk.world.accept() for _ in range(3)]
    for booking_id in forgotten:
        desk.end(booking_id, NOW, SagaStatus.UNDONE)
    late = NOW + timedelta(microseconds=1)
    assert list(desk.facts.pending_without_saga(before=late, after=None, limit=2)) == forgotten[:2]
    assert list(desk.facts.pending_without_saga(before=late, after=forgotten[1], limit=2)) == forgotten[2:]
    assert list(desk.facts.pending_without_saga(before=NOW, after=None, limit=2)) == []


def every(read: Callable[[SagaState | None], Any]) -> list[SagaState]:
    found: list[SagaState] = []
    while some := read(found[-1] if found else None):
        found += some
    return found


@pytest.mark.parametrize("page", [1, 2, 100])
def test_every_stuck_saga_is_found(desk: Desk, page: int) -> None:
    desk.world.accept()
    stuck = [desk.world.accept() for _ in range(3)]
    for booking_id in stuck:
        desk.end(booking_id, NOW, SagaStatus.STUCK)
    found = every(lambda last: desk.facts.stuck_sagas(after=last, limit=page))
    assert [saga.booking_id for saga in found] == stuck


@pytest.mark.parametrize("page", [1, 2, 100])
def test_every_saga_that_nobody_takes_up_is_found(desk: Desk, page: int) -> None:
    late = [desk.world.accept(now=NOW - timedelta(minutes=minutes)) for minutes in (6, 9, 9)]
    desk.world.accept(now=NOW - timedelta(minutes=5))
    desk.ended(NOW - HOUR)
    before = NOW - timedelta(minutes=5)
    found = every(lambda last: desk.facts.overdue_sagas(before=before, after=last, limit=page))
    assert [saga.booking_id for saga in found] == [late[1], late[2], late[0]]


# --- orders and money ----------------------------------------------------------------------------


@dataclass
class Till:
    world: test_psyter.World
    facts: PsyterFacts
    set_balance: Callable[[int], None]

    def save(self, booking_id: int, at: datetime, organization: int = test_psyter.CHARITY) -> None:
        self.world.orders.save_order(
            booking_id=booking_id,
            organization_id=organization,
            user_id=1,
            care_provider_id=test_psyter.PROVIDER,
            duration=HOUR / 2,
            now=at,
        )

    def changed(self, *, page: int) -> list[OrderFact]:
        found: list[OrderFact] = []
        while some := self.facts.changed_orders(LAST_DAY, after=found[-1] if found else None, limit=page):
            found += some
        return found


@pytest.fixture(params=["fake", *ENGINES])
def till(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Till:
    if request.param == "fake":
        world = test_psyter.fake_world()
        return Till(world, FakePsyterFacts(world.orders), lambda minor: world.orders.balances.update({1: minor}))
    database = fresh_database(request.param, "psyter_db")
    world = test_psyter.sql_world(database)
    return Till(world, SqlPsyterFacts(database), lambda minor: set_balance(database, minor))


def set_balance(database: Database, minor: int) -> None:
    change = update(psyter.organization_balances).values(balance_minor=minor)
    database.write(lambda connection: connection.execute(change))


def test_an_order_is_shown_with_what_the_ledger_says_of_it(till: Till) -> None:
    price = test_psyter.PRICE // 2
    till.save(1, NOW)
    till.save(2, NOW)
    till.world.orders.void_order_if_present(2, now=NOW + HOUR)
    till.save(3, NOW, test_psyter.ORDINARY)
    till.world.orders.void_order_if_present(4, now=NOW)
    facts = sorted(till.facts.orders_of([1, 2, 3, 4, 5]), key=lambda fact: fact.booking_id)
    assert [
        (f.status, f.is_charged_to_balance, f.amount_minor, f.debited_minor, f.restored_minor, f.updated_at)
        for f in facts
    ] == [
        (OrderStatus.OPEN, True, price, price, 0, NOW),
        (OrderStatus.VOID, True, price, price, price, NOW + HOUR),
        (OrderStatus.OPEN, False, price, 0, 0, NOW),
        (OrderStatus.VOID, False, 0, 0, 0, NOW),
    ]
    assert till.facts.orders_of([]) == []


@pytest.mark.parametrize("page", [1, 2, 100])
def test_every_order_that_changed_in_the_span_is_found_once(till: Till, page: int) -> None:
    times = [NOW - DAY, NOW - HOUR, NOW - HOUR, NOW - timedelta(microseconds=1)]
    for number, at in enumerate([NOW, NOW - DAY - timedelta(microseconds=1), *times], start=1):
        till.save(number, at, test_psyter.ORDINARY)
    assert [fact.booking_id for fact in till.changed(page=page)] == [3, 4, 5, 6]


def test_saving_again_changes_nothing_and_voiding_does_once(till: Till) -> None:
    till.save(1, NOW - 2 * DAY)
    till.save(1, NOW - HOUR)
    assert till.changed(page=9) == []
    for at in (NOW - HOUR, NOW):
        till.world.orders.void_order_if_present(1, now=at)
    assert [fact.updated_at for fact in till.changed(page=9)] == [NOW - HOUR]


def test_a_balance_that_is_not_what_the_ledger_left_is_found(till: Till) -> None:
    till.save(1, NOW)
    till.save(2, NOW)
    till.world.orders.void_order_if_present(2, now=NOW)
    assert list(till.facts.balances_against_ledger(after=None, limit=9)) == []
    till.set_balance(till.world.balance() - 1)
    assert list(till.facts.balances_against_ledger(after=None, limit=9)) == [test_psyter.CHARITY]
    assert list(till.facts.balances_against_ledger(after=test_psyter.CHARITY, limit=9)) == []
