"""Reconciliation on real databases: each disagreement is made by hand, found, and mended only where that is safe."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from integrations.ports import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from repositories.database import Database
from repositories.enums import BookingStatus, OrderStatus, Reason, SagaStatus
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.psyter_db.tables import balance_ledger, orders, organization_balances
from repositories.scheduling_db.facts import SqlSchedulingFacts
from repositories.scheduling_db.tables import bookings, reserved_cells, sagas
from saga import reconcile
from saga.meeting_key import create_meeting_key
from saga.reconcile import GIVE_UP, GRACE, OVERDUE, Disagreement, Report
from tests.conftest import FreshDatabase
from tests.integration.saga.world import RealWorld
from tests.unit.saga.world import BALANCE, CHARITY, ORDINARY, PROVIDER, SLOT_STARTS

NO = ProviderRefused("400")
MAYBE = ProviderUnavailable("time-out", may_have_happened=True)
SAFE = {Disagreement.TIME_WITHOUT_BOOKING, Disagreement.ROOM_WITHOUT_BOOKING}


@pytest.fixture
def world(fresh_database: FreshDatabase) -> RealWorld:
    """On SQLite; what is read of each engine is the matter of tests/contract."""
    return RealWorld(databases=(fresh_database("sqlite", "scheduling_db"), fresh_database("sqlite", "psyter_db")))


def hold(world: RealWorld, booking_id: int, *, at: datetime) -> None:
    """One cell."""
    cell = {"care_provider_id": PROVIDER, "cell_start": int(at.timestamp()), "booking_id": booking_id}
    world.by_hand(insert(reserved_cells).values(cell))


# --- each kind, by hand --------------------------------------------------------------------------


def time_without_booking(world: RealWorld) -> None:
    hold(world, world.failed(NO), at=SLOT_STARTS + timedelta(days=9))


def booking_against_time(world: RealWorld) -> None:
    world.by_hand(delete(reserved_cells).where(reserved_cells.c.booking_id == world.confirmed()))


def pending_without_saga(world: RealWorld) -> None:
    world.by_hand(delete(sagas).where(sagas.c.booking_id == world.book_next()))


def booking_against_saga(world: RealWorld) -> None:
    world.by_hand(update(sagas).where(sagas.c.booking_id == world.confirmed()).values(status=SagaStatus.UNDONE))


def order_without_booking(world: RealWorld) -> None:
    world.by_hand(update(orders).where(orders.c.booking_id == world.failed(NO)).values(status=OrderStatus.OPEN))


def booking_without_order(world: RealWorld) -> None:
    world.by_hand(delete(orders).where(orders.c.booking_id == world.confirmed()))


def ledger_against_order(world: RealWorld) -> None:
    world.confirmed(CHARITY)
    world.by_hand(update(orders).values(amount_minor=orders.c.amount_minor + 1))


def balance_against_ledger(world: RealWorld) -> None:
    world.confirmed(CHARITY)
    world.by_hand(update(organization_balances).values(balance_minor=BALANCE))


def room_without_booking(world: RealWorld) -> None:
    world.rooms.open_room(create_meeting_key(world.saga_of(world.failed(NO))))


def booking_without_room(world: RealWorld) -> None:
    booking = world.booking(world.confirmed())
    world.rooms.close_room_if_open("", meeting_id=booking.meeting_id)


def second_room(world: RealWorld) -> None:
    booking_id = world.confirmed()
    by_hand = world.rooms.open_room("made by hand").meeting_id
    world.by_hand(update(bookings).where(bookings.c.id == booking_id).values(meeting_id=by_hand))


def room_unknown(world: RealWorld) -> None:
    world.confirmed()
    world.rooms.fail_next(NO)


def saga_stuck(world: RealWorld) -> None:
    world.by_hand(
        update(sagas).where(sagas.c.booking_id == world.book_next()).values(status=SagaStatus.STUCK, due_at=None)
    )


def saga_overdue(world: RealWorld) -> None:
    world.book_next()
    world.now += OVERDUE


MADE: list[Callable[[RealWorld], None]] = [
    time_without_booking,
    booking_against_time,
    pending_without_saga,
    booking_against_saga,
    order_without_booking,
    booking_without_order,
    ledger_against_order,
    balance_against_ledger,
    room_without_booking,
    booking_without_room,
    second_room,
    room_unknown,
    saga_stuck,
    saga_overdue,
]


def test_every_kind_is_made_below() -> None:
    assert [make.__name__ for make in MADE] == [kind.value for kind in Disagreement]


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_disagreement_is_found_alone_and_only_looked_at_when_asked_so(
    world: RealWorld, make: Callable[[RealWorld], None]
) -> None:
    make(world)
    before = world.everything()
    report = world.reconcile(mend=False)
    assert report.counts == {make.__name__: 1}
    assert (report.mended, report.is_clean) == (0, False)
    assert world.everything() == before
    (finding,) = world.found
    assert finding.booking_id in {row.id for row in world.rows(bookings)} or finding.organization_id == CHARITY


@pytest.mark.parametrize("make", [m for m in MADE if m.__name__ in SAFE], ids=lambda make: make.__name__)
def test_what_is_safe_is_mended_and_then_all_agree(world: RealWorld, make: Callable[[RealWorld], None]) -> None:
    make(world)
    report = world.reconcile()
    assert (report.counts, report.mended, report.is_clean) == ({make.__name__: 1}, 1, True)
    assert [finding.is_mended for finding in world.found] == [True]
    assert world.rows(reserved_cells) == []
    assert world.open_rooms() == []
    assert world.reconcile().counts == {}


@pytest.mark.parametrize("make", [m for m in MADE if m.__name__ not in SAFE], ids=lambda make: make.__name__)
def test_what_is_not_safe_is_left_to_an_operator(world: RealWorld, make: Callable[[RealWorld], None]) -> None:
    make(world)
    before = world.everything()
    report = world.reconcile()
    assert (report.counts, report.mended, report.is_clean) == ({make.__name__: 1}, 0, False)
    assert world.everything() == before


def test_what_is_mended_harms_no_booking_beside_it(world: RealWorld) -> None:
    kept = world.confirmed()
    for make in (time_without_booking, room_without_booking):
        make(world)
    assert world.reconcile().mended == 2
    assert world.open_rooms() == [world.booking(kept).meeting_id]
    assert {cell.booking_id for cell in world.rows(reserved_cells)} == {kept}


# --- more ways to disagree -----------------------------------------------------------------------


def test_an_open_order_of_a_booking_that_does_not_exist_is_found(world: RealWorld) -> None:
    booking_id = world.confirmed()
    world.by_hand(update(orders).where(orders.c.booking_id == booking_id).values(booking_id=404))
    assert world.reconcile().counts == {
        Disagreement.BOOKING_WITHOUT_ORDER: 1,
        Disagreement.ORDER_WITHOUT_BOOKING: 1,
    }
    assert [finding.booking_id for finding in world.found] == [booking_id, 404]


def test_an_order_that_changes_long_after_its_booking_ended_is_found(world: RealWorld) -> None:
    booking_id = world.failed(NO)
    world.now += timedelta(days=5)
    of_it = update(orders).where(orders.c.booking_id == booking_id)
    world.by_hand(of_it.values(status=OrderStatus.OPEN))
    assert world.reconcile().counts == {}
    world.by_hand(of_it.values(updated_at=world.now))
    assert world.reconcile().counts == {Disagreement.ORDER_WITHOUT_BOOKING: 1}


def test_a_debit_that_is_missing_is_found_at_the_order_and_at_the_balance(world: RealWorld) -> None:
    world.confirmed(CHARITY)
    world.by_hand(delete(balance_ledger))
    assert world.reconcile().counts == {
        Disagreement.LEDGER_AGAINST_ORDER: 1,
        Disagreement.BALANCE_AGAINST_LEDGER: 1,
    }


def test_a_failed_booking_whose_saga_was_done_is_found(world: RealWorld) -> None:
    booking_id = world.failed(NO)
    world.by_hand(update(sagas).where(sagas.c.booking_id == booking_id).values(status=SagaStatus.DONE))
    assert world.reconcile().counts == {Disagreement.BOOKING_AGAINST_SAGA: 1}


def test_a_booking_that_says_it_is_moving_without_a_saga_that_moves_it_is_found(world: RealWorld) -> None:
    world.by_hand(update(bookings).where(bookings.c.id == world.confirmed()).values(moving_saga_id="0" * 32))
    assert world.reconcile().counts == {Disagreement.BOOKING_AGAINST_SAGA: 1}


def test_time_beyond_the_session_of_a_booking_is_found(world: RealWorld) -> None:
    booking = world.booking(world.confirmed())
    hold(world, booking.id, at=booking.ends_at)
    assert world.reconcile().counts == {Disagreement.BOOKING_AGAINST_TIME: 1}


def test_a_room_made_by_hand_is_the_room_of_its_booking(world: RealWorld) -> None:
    booking = world.booking(world.confirmed())
    world.rooms.close_room_if_open("", meeting_id=booking.meeting_id)
    by_hand = world.rooms.open_room("made by hand").meeting_id
    world.by_hand(update(bookings).values(meeting_id=by_hand))
    assert world.reconcile().counts == {}
    world.cancel(booking.id)
    world.settle()
    assert world.reconcile().counts == {}


def test_a_cancelled_booking_whose_room_was_made_by_hand_leaves_none_open(world: RealWorld) -> None:
    booking_id = world.confirmed()
    world.cancel(booking_id)
    world.settle()
    by_hand = world.rooms.open_room("made by hand").meeting_id
    world.by_hand(update(bookings).values(meeting_id=by_hand))
    report = world.reconcile()
    assert (report.counts, report.mended) == ({Disagreement.ROOM_WITHOUT_BOOKING: 1}, 1)
    assert world.open_rooms() == []


def test_a_session_that_has_begun_may_close_its_room(world: RealWorld) -> None:
    booking = world.booking(world.confirmed())
    world.rooms.close_room_if_open("", meeting_id=booking.meeting_id)
    world.now = SLOT_STARTS
    assert world.reconcile(window=timedelta(days=2)).counts == {}


# --- zero is the normal answer ---------------------------------------------------------------------


def test_on_every_engine_ordinary_bookings_cancellations_and_failures_agree(
    scheduling_database: Database, psyter_database: Database
) -> None:
    world = RealWorld(databases=(scheduling_database, psyter_database))
    world.move_next(world.confirmed(CHARITY))
    for organization_id in (CHARITY, ORDINARY):
        world.cancel(world.confirmed(organization_id))
        world.settle()
        world.failed(NO, organization_id)
    withdrawn = world.book_next()
    world.cancel(withdrawn)
    world.settle()
    late = world.book_next()
    world.rooms.fail_next(MAYBE, after_effect=True)
    world.work()
    world.now += timedelta(minutes=10)
    world.settle()
    assert world.booking(late).status is BookingStatus.FAILED
    report = world.reconcile()
    assert (report.looked_at, report.counts, report.rooms_not_asked, report.is_clean) == (7, {}, 0, True)
    assert str(report) == "7 bookings looked at, 0 disagreements"


def test_a_booking_refused_before_its_room_costs_videosdk_no_call(world: RealWorld) -> None:
    booking_id = world.book_next()
    hold(world, booking_id + 1, at=SLOT_STARTS)
    world.settle()
    assert world.booking(booking_id).reason is Reason.RECORD_ALREADY_EXIST
    asked = Counting(world.rooms)
    report = world.reconcile(mend=False, rooms=asked)
    assert report.counts == {Disagreement.TIME_WITHOUT_BOOKING: 1}
    assert asked.keys == []


class Counting:
    """VideoSDK, and what it was asked."""

    def __init__(self, rooms: Any) -> None:
        self._rooms = rooms
        self.keys: list[str] = []

    def find_open_room(self, key: str) -> Any:
        self.keys.append(key)
        return self._rooms.find_open_room(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rooms, name)


# --- beside running sagas --------------------------------------------------------------------------


def test_at_no_step_of_a_booking_its_move_or_its_cancellation_is_anything_said_or_touched(world: RealWorld) -> None:
    booking_id = world.book_next(CHARITY)
    for journey in (lambda: None, lambda: world.move_next(booking_id), lambda: world.cancel(booking_id)):
        journey()
        while world.due():
            before = world.everything()
            assert world.reconcile().counts == {}
            assert world.everything() == before
            world.one_step()
    assert world.booking(booking_id).status is BookingStatus.CANCELLED
    assert world.reconcile().counts == {}


def test_at_no_step_of_an_undo_is_anything_said_or_touched(world: RealWorld) -> None:
    booking_id = world.book_next(CHARITY)
    world.rooms.fail_next(MAYBE, after_effect=True)
    world.work()
    world.cancel(booking_id)
    while world.due():
        before = world.everything()
        assert world.reconcile().counts == {}
        assert world.everything() == before
        world.one_step()
    assert world.booking(booking_id).status is BookingStatus.CANCELLED
    assert world.reconcile().counts == {}


class Meanwhile:
    """Passes every call on, and lets something happen after the first call of one method."""

    def __init__(self, inner: Any, method: str, happens: Callable[[], None]) -> None:
        self._inner, self._method, self._happens = inner, method, happens

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if name != self._method:
            return target

        def call(*args: Any, **named: Any) -> Any:
            answer = target(*args, **named)
            happens, self._happens = self._happens, lambda: None
            happens()
            return answer

        return call


@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("scheduling", "settled_bookings"),
        ("psyter", "orders_of"),
        ("rooms", "find_open_room"),
        ("psyter", "changed_orders"),
        ("scheduling", "bookings_of"),
    ],
)
@pytest.mark.parametrize("window", [timedelta(days=1), GRACE], ids=["by its booking", "by its order"])
def test_a_booking_that_is_cancelled_while_it_is_looked_at_is_neither_reported_nor_harmed(
    world: RealWorld, part: str, method: str, window: timedelta
) -> None:
    booking_id = world.confirmed(CHARITY)
    if window == GRACE:  # only the order changed in the window
        world.by_hand(update(orders).values(updated_at=world.now + timedelta(seconds=1)))
        world.by_hand(update(sagas).values(updated_at=world.now - timedelta(minutes=1)))
        world.now += timedelta(seconds=2)

    def cancelled() -> None:
        world.cancel(booking_id)
        world.settle()

    parts: dict[str, Any] = {
        "scheduling": SqlSchedulingFacts(world.databases[0]),
        "psyter": SqlPsyterFacts(world.databases[1]),
        "rooms": world.rooms,
    }
    parts[part] = Meanwhile(parts[part], method, cancelled)
    report = world.reconcile(window=window, **parts)
    assert report.counts == {}
    assert world.reconcile().counts == {}


# --- often, and far enough back --------------------------------------------------------------------


def test_a_room_that_a_zombie_opens_hours_after_its_saga_was_undone_is_closed(world: RealWorld) -> None:
    saga_id = world.saga_of(world.failed(NO))
    world.now += timedelta(hours=23)
    assert world.reconcile().counts == {}
    world.rooms.open_room(create_meeting_key(saga_id))
    world.now += timedelta(minutes=50)
    report = world.reconcile()
    assert (report.counts, report.mended) == ({Disagreement.ROOM_WITHOUT_BOOKING: 1}, 1)
    assert world.open_rooms() == []


def test_a_booking_whose_saga_was_stuck_for_weeks_is_looked_at_when_it_ends(world: RealWorld) -> None:
    booking_id = world.confirmed()
    world.rooms.fail_next(NO)
    world.cancel(booking_id)
    world.settle()
    world.now += timedelta(days=20)
    assert world.reconcile().counts == {Disagreement.SAGA_STUCK: 1}
    resolved = {"status": SagaStatus.RESOLVED, "updated_at": world.now}
    world.by_hand(update(sagas).where(sagas.c.status == SagaStatus.STUCK).values(resolved))
    report = world.reconcile()
    assert (report.counts, report.mended) == ({Disagreement.ROOM_WITHOUT_BOOKING: 1}, 1)


def test_what_ended_before_the_window_or_a_moment_ago_is_not_looked_at(world: RealWorld) -> None:
    world.confirmed()
    assert world.reconcile(clock=lambda: world.now).looked_at == 0
    assert world.reconcile().looked_at == 1
    world.now += timedelta(days=1)
    assert world.reconcile().looked_at == 0
    assert world.reconcile(window=timedelta(days=2)).looked_at == 1


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_however_many_there_are_each_is_found_once_and_few_are_in_memory(
    world: RealWorld, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "PAGE", page)
    failed = [world.failed(NO) for _ in range(5)]
    for number, booking_id in enumerate(failed):
        world.rooms.open_room(create_meeting_key(world.saga_of(booking_id)))
        hold(world, booking_id, at=SLOT_STARTS + timedelta(days=number))
    world.by_hand(update(orders).values(status=OrderStatus.OPEN))
    kinds = (
        Disagreement.TIME_WITHOUT_BOOKING,
        Disagreement.ORDER_WITHOUT_BOOKING,
        Disagreement.ROOM_WITHOUT_BOOKING,
    )
    report = world.reconcile()
    assert (report.looked_at, report.counts, report.mended) == (5, dict.fromkeys(kinds, 5), 10)
    for kind in kinds:
        assert sorted(finding.booking_id or 0 for finding in world.found if finding.kind is kind) == failed
    assert world.reconcile().counts == {Disagreement.ORDER_WITHOUT_BOOKING: 5}


# --- VideoSDK is away ------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [MAYBE, ProviderMisconfigured("401")])
def test_with_videosdk_away_the_rest_is_still_compared_and_the_report_says_so(
    world: RealWorld, error: Exception
) -> None:
    for _ in range(GIVE_UP + 2):
        world.confirmed()
    world.by_hand(update(organization_balances).values(balance_minor=1))
    world.by_hand(delete(orders))
    for _ in range(GIVE_UP):
        world.rooms.fail_next(error)
    asked = Counting(world.rooms)
    report = world.reconcile(rooms=asked)
    assert report.counts == {
        Disagreement.ROOM_UNKNOWN: GIVE_UP,
        Disagreement.BOOKING_WITHOUT_ORDER: GIVE_UP + 2,
        Disagreement.BALANCE_AGAINST_LEDGER: 1,
    }
    assert (report.rooms_not_asked, len(asked.keys)) == (2, GIVE_UP)
    assert "2 rooms not asked: VideoSDK does not answer" in str(report)


def test_a_report_with_rooms_not_asked_is_not_clean() -> None:
    report = Report(looked_at=1, counts={}, mended=0, rooms_not_asked=1)
    assert not report.is_clean


def test_one_refusal_or_two_silences_do_not_keep_the_other_rooms_from_being_asked(world: RealWorld) -> None:
    for _ in range(6):
        world.confirmed()
    for error in (MAYBE, MAYBE, NO, MAYBE, MAYBE):
        world.rooms.fail_next(error)
    report = world.reconcile()
    assert (report.counts, report.rooms_not_asked) == ({Disagreement.ROOM_UNKNOWN: 5}, 0)


def test_a_room_that_could_not_be_closed_is_not_called_mended(world: RealWorld) -> None:
    room_without_booking(world)
    world.rooms.fail_next(MAYBE, of="close_room_if_open")
    report = world.reconcile()
    assert (report.counts, report.mended) == ({Disagreement.ROOM_UNKNOWN: 1}, 0)
    assert world.reconcile().mended == 1


# --- how it is told ----------------------------------------------------------------------------------


def test_a_finding_is_told_in_one_line_of_ids(world: RealWorld) -> None:
    for make in (room_without_booking, balance_against_ledger, saga_stuck):
        make(world)
    report = world.reconcile()
    assert sorted(map(str, world.found)) == [
        "balance_against_ledger organization=1",
        "room_without_booking booking=1 mended",
        f"saga_stuck booking=3 saga={world.saga_of(3)}",
    ]
    assert str(report).split(", ") == [
        "2 bookings looked at",
        "3 disagreements",
        "balance_against_ledger 1",
        "room_without_booking 1",
        "saga_stuck 1",
        "1 mended",
    ]
