"""What a move to another time relies on of both databases: on the fakes, and on every engine alike."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from repositories.database import Database
from repositories.entities.effects import ReserveTime
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.moves import EndMove, Move, MoveBooking, ReleaseOtherTime
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, OrderStatus
from repositories.ports.errors import (
    BalanceOut,
    BookingWithdrawn,
    CancelledTooLate,
    KeyReused,
    MoveInFlight,
    NotConfirmed,
    OrderVoided,
)
from repositories.psyter_db.order_changes import SqlOrderChanges
from repositories.scheduling_db import tables
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.moves import SqlMoves
from saga.accept_reschedule import first_state
from tests.conftest import FreshDatabase
from tests.contract import test_psyter as psyter
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, SAGAS, STARTS, slot
from tests.engines import ENGINES
from tests.fakes.psyter import FakePsyter
from tests.fakes.scheduling import FakeScheduling

LATER = slot(8, STARTS + timedelta(minutes=30), HOUR)  # half of it is the booking's own time
FAR = slot(9, STARTS + timedelta(days=1), timedelta(minutes=30))


@dataclass
class Moving:
    world: scheduling.World
    moves: Any
    cells: Any  # a booking's cells, as they are kept

    def start(self, booking_id: int, *, to: Any = LATER, key: IdempotencyKey | None = None, **given: Any) -> str:
        saga_id = f"{next(SAGAS):032}"
        self.change(booking_id, saga_id, to=to, key=key, **given)
        return saga_id

    def change(
        self,
        booking_id: int,
        saga_id: str,
        *,
        to: Any = LATER,
        key: IdempotencyKey | None = None,
        starts_after: datetime = NOW,
        organization: int = 1,
    ) -> Change:
        move = Move(booking_id=booking_id, organization_id=organization, saga_id=saga_id, to=to)
        change: Change = self.moves.start_move(
            move,
            starts_after=starts_after,
            start=lambda booking: first_state(move, booking, now=NOW, deadline_at=NOW + HOUR),
            idempotency=key,
            now=NOW,
            nudged_until=NOW + timedelta(seconds=5),
        )
        self.world.saga_of[booking_id] = saga_id
        return change

    def take(self, booking_id: int, to: Any) -> SagaState:
        self.world.reserve(booking_id, to.starts_at, to.ends_at - to.starts_at)
        return self.world.claimed(booking_id)

    def move(self, booking_id: int, saga_id: str, to: Any = LATER) -> MoveBooking:
        return MoveBooking(
            booking_id=booking_id, saga_id=saga_id, slot_id=to.id, starts_at=to.starts_at, ends_at=to.ends_at
        )


@pytest.fixture(params=["fake", *ENGINES])
def moving(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Moving:
    whole = fake() if request.param == "fake" else sql(fresh_database(request.param, "scheduling_db"))
    for one in (slot(7, STARTS, HOUR), LATER, FAR):
        whole.world.add_slot(one)
    return whole


def fake() -> Moving:
    world = scheduling.fake_world()
    kept: FakeScheduling = world.bookings
    return Moving(world, kept, lambda id: sorted(cell for (_, cell), holder in kept.cells.items() if holder == id))


def sql(database: Database) -> Moving:
    def cells(booking_id: int) -> list[int]:
        column = tables.reserved_cells.c
        query = select(column.cell_start).where(column.booking_id == booking_id).order_by(column.cell_start)
        with database.reading() as connection:
            return list(connection.execute(query).scalars())

    return Moving(scheduling.sql_world(database), SqlMoves(database), cells)


# --- beginning -----------------------------------------------------------------------------


def test_a_move_begins_with_its_saga_and_nothing_else_changes(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id)
    booking = moving.world.booking(booking_id)
    assert (booking.moving_saga_id, booking.starts_at) == (saga_id, STARTS)
    state = moving.world.claimed(booking_id)
    assert (state.name, state.step, state.input["slot_id"]) == ("reschedule_booking", "check_slot", LATER.id)
    view = moving.world.bookings.find_view(booking_id, organization_id=1)
    assert view.move.id == saga_id
    assert (view.reason, view.failed_step) == (None, None)


def test_one_move_at_a_time(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    moving.start(booking_id)
    with pytest.raises(MoveInFlight):
        moving.start(booking_id, to=FAR)


def test_what_is_not_confirmed_or_not_theirs_is_not_moved(moving: Moving) -> None:
    pending = moving.world.accept()
    with pytest.raises(NotConfirmed):
        moving.start(pending)
    confirmed = moving.world.confirmed()
    with pytest.raises(NotConfirmed):
        moving.start(confirmed, organization=2)
    moving.world.withdraw(confirmed)
    with pytest.raises(NotConfirmed):
        moving.start(confirmed)


def test_a_session_too_near_is_not_moved(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    with pytest.raises(CancelledTooLate):
        moving.start(booking_id, starts_after=STARTS)
    assert moving.world.booking(booking_id).moving_saga_id is None
    moving.start(booking_id, starts_after=STARTS - timedelta(seconds=1))


def test_a_key_begins_one_move(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    assert not moving.change(booking_id, "a" * 32, key=key).is_replay
    assert moving.change(booking_id, "b" * 32, key=key) == Change(ids=(booking_id,), is_replay=True)
    assert moving.moves.find_move(key, organization_id=1, now=NOW).is_replay
    assert moving.moves.find_move(None, organization_id=1, now=NOW) is None
    with pytest.raises(KeyReused):
        moving.moves.find_move(IdempotencyKey(key="k", body_digest="e" * 64), organization_id=1, now=NOW)


# --- effects -------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [LATER, FAR], ids=["overlapping", "apart"])
def test_a_moved_booking_holds_its_new_time_only(moving: Moving, to: Any) -> None:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id, to=to)
    state = moving.take(booking_id, to)
    assert set(moving.cells(booking_id)) == {*cells_of(STARTS, STARTS + HOUR), *cells_of(to.starts_at, to.ends_at)}
    moving.world.save(state, moving.move(booking_id, saga_id, to))
    assert moving.cells(booking_id) == cells_of(to.starts_at, to.ends_at)
    booking = moving.world.booking(booking_id)
    assert (booking.slot_id, booking.starts_at, booking.ends_at) == (to.id, to.starts_at, to.ends_at)
    assert booking.moving_saga_id is None
    assert moving.world.events()[-1] == (booking_id, 3, "rescheduled")


def test_a_move_that_turns_back_leaves_the_booking_its_own_time(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id)
    state = moving.take(booking_id, LATER)
    moving.world.save(state, ReleaseOtherTime(booking_id=booking_id), EndMove(booking_id=booking_id, saga_id=saga_id))
    assert moving.cells(booking_id) == cells_of(STARTS, STARTS + HOUR)
    assert moving.world.booking(booking_id).moving_saga_id is None
    moving.start(booking_id, to=FAR)


def test_a_booking_cancelled_meanwhile_is_not_moved_and_keeps_no_time(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id)
    moving.world.withdraw(booking_id)
    moving.world.saga_of[booking_id] = saga_id
    state = moving.take(booking_id, LATER)
    with pytest.raises(BookingWithdrawn):
        moving.world.save(state, moving.move(booking_id, saga_id))
    moving.world.save(state, ReleaseOtherTime(booking_id=booking_id))
    assert moving.cells(booking_id) == []
    assert moving.world.booking(booking_id).status is BookingStatus.CANCELLED


def test_another_sagas_move_moves_and_ends_nothing(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    saga_id = moving.start(booking_id)
    state = moving.take(booking_id, LATER)
    with pytest.raises(BookingWithdrawn):
        moving.world.save(state, moving.move(booking_id, "f" * 32))
    moving.world.save(state, EndMove(booking_id=booking_id, saga_id="f" * 32))
    assert moving.world.booking(booking_id).moving_saga_id == saga_id


def test_time_that_is_partly_ones_own_is_taken_once(moving: Moving) -> None:
    booking_id = moving.world.confirmed()
    moving.start(booking_id)
    state = moving.take(booking_id, LATER)
    again = ReserveTime(booking_id=booking_id, care_provider_id=42, starts_at=LATER.starts_at, ends_at=LATER.ends_at)
    moving.world.save(state, again)
    assert len(moving.cells(booking_id)) == 18


# --- the order's amount ----------------------------------------------------------------------


@dataclass
class Paying:
    world: psyter.World
    changes: Any

    def change(self, booking_id: int, minutes: int, key: str = "change") -> tuple[int, int]:
        change = self.changes.change_amount(
            booking_id, change_key=key, duration=timedelta(minutes=minutes), now=psyter.NOW
        )
        return change.before_minor, change.after_minor

    def revert(self, booking_id: int, key: str = "change") -> None:
        self.changes.revert_change_if_present(booking_id, change_key=key, now=psyter.NOW)

    def amount(self, booking_id: int) -> int:
        order = self.world.order_of(booking_id)
        assert order is not None
        return order.amount_minor

    def check_ledger(self) -> None:
        signs = {"debit": -1, "restore": 1}
        assert self.world.balance() == psyter.BALANCE + sum(
            signs[kind.value] * amount for kind, amount in self.world.ledger()
        )


@pytest.fixture(params=["fake", *ENGINES])
def paying(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Paying:
    if request.param == "fake":
        world = psyter.fake_world()
        kept: FakePsyter = world.orders
        return Paying(world, kept)
    database = fresh_database(request.param, "psyter_db")
    return Paying(psyter.sql_world(database), SqlOrderChanges(database))


@pytest.mark.parametrize("minutes", [30, 60, 90, 120])
def test_the_difference_is_settled_once_and_reverted_once(paying: Paying, minutes: int) -> None:
    paying.world.save(1)
    after = psyter.PRICE * minutes // 60
    for _ in range(2):
        assert paying.change(1, minutes) == (psyter.PRICE, after)
        assert (paying.amount(1), paying.world.balance()) == (after, psyter.BALANCE - after)
        paying.check_ledger()
    for _ in range(2):
        paying.revert(1)
        assert (paying.amount(1), paying.world.balance()) == (psyter.PRICE, psyter.BALANCE - psyter.PRICE)
        paying.check_ledger()


def test_a_partner_without_a_balance_pays_by_the_order_only(paying: Paying) -> None:
    paying.world.save(1, organization=psyter.ORDINARY)
    paying.change(1, 120)
    assert paying.amount(1) == 2 * psyter.PRICE
    assert paying.world.ledger() == []


def test_a_balance_that_is_out_changes_nothing(paying: Paying) -> None:
    paying.world.save(1)
    with pytest.raises(BalanceOut):
        paying.change(1, 240)
    assert (paying.amount(1), paying.world.balance()) == (psyter.PRICE, psyter.BALANCE - psyter.PRICE)
    paying.revert(1)
    assert (paying.amount(1), paying.world.balance()) == (psyter.PRICE, psyter.BALANCE - psyter.PRICE)


def test_a_void_order_is_not_changed(paying: Paying) -> None:
    paying.world.save(1)
    paying.world.void(1)
    with pytest.raises(OrderVoided):
        paying.change(1, 120)
    assert paying.world.balance() == psyter.BALANCE


def test_voiding_a_changed_order_gives_all_of_it_back(paying: Paying) -> None:
    paying.world.save(1)
    paying.change(1, 120)
    paying.world.void(1)
    paying.revert(1)
    assert paying.world.balance() == psyter.BALANCE
    paying.check_ledger()


def test_a_change_that_comes_after_its_undo_is_kept_out(paying: Paying) -> None:
    paying.world.save(1)
    paying.revert(1)
    with pytest.raises(OrderVoided):
        paying.change(1, 120)
    assert (paying.amount(1), paying.world.balance()) == (psyter.PRICE, psyter.BALANCE - psyter.PRICE)


STEPS = st.lists(
    st.tuples(st.sampled_from(["change", "revert", "void"]), st.sampled_from([30, 60, 120]), st.sampled_from("ab")),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_fake_and_sqlite_agree_on_any_story(steps: list[tuple[str, int, str]], fresh_database: FreshDatabase) -> None:
    def told(paying: Paying) -> list[Any]:
        paying.world.save(1)
        story: list[Any] = []
        for what, minutes, key in steps:
            try:
                if what == "change":
                    paying.change(1, minutes, key)
                elif what == "revert":
                    paying.revert(1, key)
                else:
                    paying.world.void(1)
            except (BalanceOut, OrderVoided) as error:
                story.append(type(error))
            order = paying.world.order_of(1)
            assert order is not None
            expected = order.amount_minor if order.status is OrderStatus.OPEN else 0
            assert paying.world.balance() == psyter.BALANCE - expected
            story.append((order.status, order.amount_minor, paying.world.balance()))
        return story

    database = fresh_database("sqlite", "psyter_db")
    world = psyter.fake_world()
    assert told(Paying(world, world.orders)) == told(Paying(psyter.sql_world(database), SqlOrderChanges(database)))
