"""Anything may happen, in any order: partners, faults, deaths, zombies and operators, over a few slots and one balance.

After each step nothing is sold twice and the ledger is the balance; whenever everything has settled, all promises hold.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from integrations.ports import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from repositories.entities.bookings import Booking
from repositories.entities.moves import MOVED_BY
from repositories.entities.sagas import SagaState
from repositories.enums import BookingStatus, LedgerKind, OrderStatus, SagaStatus
from repositories.ports.errors import (
    CancelledTooLate,
    KeyInFlight,
    KeyReused,
    MoveInFlight,
    NotConfirmed,
    ReferenceContradicted,
    SagaMoved,
    StoreUnavailable,
)
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.cells import cells_of
from saga import cancel_booking
from saga.definition import InJournal
from saga.engine import is_ended, step_of
from saga.operators import Intervention, NotPossible
from saga.reconcile import Disagreement, Finding
from saga.slot_choice import Refusal
from tests.contract.test_psyter import BALANCE, CHARITY
from tests.integration.system.promises import (
    check_events,
    check_money,
    check_time,
    check_timeline,
    rows,
    stories_of,
)
from tests.model.world import LEASE, PARTNERS, SLOTS, World
from tests.unit.saga.world import Killed

REFUSALS = (
    Refusal,
    CancelledTooLate,
    KeyInFlight,
    KeyReused,
    MoveInFlight,
    NotConfirmed,
    ReferenceContradicted,
    StoreUnavailable,
)
ERRORS: dict[str, Callable[[], Exception]] = {
    "not sent": lambda: ProviderUnavailable("refused", may_have_happened=False),
    "no answer": lambda: ProviderUnavailable("time-out", may_have_happened=True),
    "no": lambda: ProviderRefused("400"),
    "our key is wrong": lambda: ProviderMisconfigured("401"),
    "a bug": lambda: ZeroDivisionError(),
}
ROUNDS = 600  # of letting time pass until everything has settled

numbers = st.integers(min_value=0, max_value=50)
slots = st.integers(min_value=0, max_value=len(SLOTS) - 1)
points = st.integers(min_value=1, max_value=24)
errors = st.sampled_from(sorted(ERRORS))


class Machine(RuleBasedStateMachine):
    new_world: Callable[[], World]

    @initialize()
    def begin(self) -> None:
        self.world = type(self).new_world()
        self.by_hand: set[str] = set()  # sagas that an operator stepped into: their timelines tell another story

    def teardown(self) -> None:
        self.everything_settles()
        self.world.close()

    # --- partners --------------------------------------------------------------------------

    @rule(slot=slots, partner=st.sampled_from(PARTNERS), guest=st.sampled_from("AB"), key=st.sampled_from("KLM"))
    def book(self, slot: int, partner: int, guest: str, key: str) -> None:
        with suppress(*REFUSALS):
            self.world.book(self.world.slots[slot], organization_id=partner, guest=guest, key=key)

    @rule(slot=slots, partner=st.sampled_from(PARTNERS))
    def book_without_a_key(self, slot: int, partner: int) -> None:
        with suppress(*REFUSALS):
            self.world.book(self.world.slots[slot], organization_id=partner, guest="A", key=None)

    @rule(slot=slots, at=points, asks_again=st.booleans())
    def the_api_dies_while_it_accepts(self, slot: int, at: int, asks_again: bool) -> None:
        key = f"died-{self.world.new_id()}"

        def ask() -> Any:
            return self.world.book(self.world.slots[slot], organization_id=CHARITY, guest="A", key=key)

        with suppress(*REFUSALS):
            self.with_fate(ask, death=at)
            if asks_again:
                again = ask()
                assert again.booking_id == ask().booking_id

    @rule(which=numbers)
    def cancel(self, which: int) -> None:
        if (booking := self.a_booking(which)) is not None:
            with suppress(*REFUSALS):
                self.world.cancel(booking)

    @rule(which=numbers, wrong=st.sampled_from(["organization_id", "user_id", "care_provider_id"]))
    def a_wrong_cancellation_changes_nothing(self, which: int, wrong: str) -> None:
        if (booking := self.a_booking(which)) is not None:
            try:
                self.world.cancel(booking, **{wrong: 99})
            except REFUSALS:
                return
            raise AssertionError("it was taken")

    @rule(which=numbers, slot=slots)
    def move(self, which: int, slot: int) -> None:
        if (booking := self.a_booking(which)) is not None:
            with suppress(*REFUSALS):
                self.world.move(booking, self.world.slots[slot])

    @rule(slot=slots, is_open=st.booleans())
    def the_provider_opens_or_closes_a_slot(self, slot: int, is_open: bool) -> None:
        self.world.open_slot(self.world.slots[slot], is_open=is_open)

    # --- messages and time -----------------------------------------------------------------

    @rule()
    def work(self) -> None:
        """A worker takes up every message there is."""
        while self.world.nudged:
            self.advance(self.world.nudged.pop(0))

    @rule(which=numbers)
    def a_message_comes_again(self, which: int) -> None:
        if (saga := self.a_saga(which)) is not None:
            self.advance(saga.id)

    @rule()
    def the_broker_loses_everything(self) -> None:
        self.world.nudged.clear()

    @rule()
    def sweep(self) -> None:
        with suppress(StoreUnavailable):
            self.world.sweep()

    @rule(seconds=st.sampled_from([0.1, 1, 21, 31, 61, 301]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule(hours=st.sampled_from([3, 12]))
    def hours_pass(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    # --- faults ----------------------------------------------------------------------------

    @rule(error=errors, after_effect=st.booleans(), times=st.sampled_from([1, 1, 2, 10]))
    def rooms_will_fail(self, error: str, after_effect: bool, times: int) -> None:
        for _ in range(times):
            self.world.rooms.fail_next(ERRORS[error](), after_effect=after_effect and error == "no answer")

    @rule(error=errors)
    def a_push_will_fail(self, error: str) -> None:
        self.world.push.fail_next(ERRORS[error]())

    @rule(name=st.sampled_from(["psyter", "scheduling"]), fails=st.lists(st.booleans(), min_size=1, max_size=3))
    def a_database_will_not_answer(self, name: str, fails: list[bool]) -> None:
        self.world.fate.outages.setdefault(name, []).extend(fails)

    @rule()
    def all_is_mended(self) -> None:
        self.world.rooms.failures.clear()
        self.world.push.failures.clear()
        self.world.fate.outages.clear()

    @rule(which=numbers, at=points)
    def a_worker_dies(self, which: int, at: int) -> None:
        if (saga := self.a_saga(which)) is not None:
            self.with_fate(lambda: self.world.runner().advance(saga.id), death=at)

    @rule(
        which=numbers,
        at=points,
        meanwhile=st.lists(st.sampled_from(["cancel", "undo", "retry", "work", "settle", "move"]), max_size=3),
    )
    def a_worker_stands_still_beyond_its_lease(self, which: int, at: int, meanwhile: list[str]) -> None:
        saga = self.a_saga(which)
        if saga is None:
            return

        def dream() -> None:
            self.world.now += LEASE
            for deed in meanwhile:
                self.do_meanwhile(deed, saga)

        self.with_fate(lambda: self.world.runner().advance(saga.id), sleep=at, dream=dream)

    def do_meanwhile(self, deed: str, saga: SagaState) -> None:
        booking = next(booking for booking in self.world.all_bookings() if booking.id == saga.booking_id)
        match deed:
            case "cancel":
                with suppress(*REFUSALS):
                    self.world.cancel(booking)
            case "move":
                with suppress(*REFUSALS):
                    self.world.move(booking, self.world.slots[0])
            case "undo" | "retry":
                self.operate(deed, saga.id)
            case "work":
                self.advance(saga.id)
            case "settle":
                self.settle()

    # --- operators -------------------------------------------------------------------------

    @rule(which=numbers, deed=st.sampled_from(["retry", "undo", "skip", "resolve"]))
    def an_operator_steps_in(self, which: int, deed: str) -> None:
        if (saga := self.a_saga(which)) is not None:
            self.operate(deed, saga.id)

    def operate(self, deed: str, saga_id: str) -> None:
        wish = Intervention(saga_id=saga_id, by="ops", why="the model")
        self.by_hand.add(saga_id)
        with suppress(NotPossible, SagaMoved, StoreUnavailable):
            match deed:
                case "retry":
                    self.world.operator.retry(wish)
                case "undo":
                    self.world.operator.undo(wish)
                case "skip":
                    self.skip(wish)
                case "resolve":
                    self.world.operator.resolve(wish)
                    self.mend_by_hand(saga_id)

    def skip(self, wish: Intervention) -> None:
        """As the handbook has it: do by hand what the step was to do, then skip it with what came of it."""
        record = self.world.records.find_record(wish.saga_id)
        assert record is not None
        if is_ended(record.state) and record.state.status is not SagaStatus.STUCK:
            return
        saga = next(saga for saga in self.world.sagas() if saga.name == record.state.name)
        step = step_of(saga.table, record.state)
        is_undoing = record.state.status is SagaStatus.UNDOING or record.state.reason is not None
        work = step.undo if is_undoing else step.action
        receipt: Any = None
        if not isinstance(work, InJournal):
            try:
                with self.world.fate.kind():
                    receipt = work(record.state)
            except Exception:
                return
        self.world.operator.skip(wish, step=step.name, receipt=receipt or {})

    def mend_by_hand(self, saga_id: str) -> None:
        """What an operator sees to who closes a saga as resolved."""
        self.world.rooms.failures.clear()
        record = self.world.records.find_record(saga_id)
        assert record is not None
        sagas = {saga.name: saga for saga in self.world.sagas()}
        state = record.state
        booking = next(booking for booking in self.world.all_bookings() if booking.id == state.booking_id)
        has_happened = booking.slot_id == state.input["slot_id"] if state.name == MOVED_BY else is_confirmed(booking)
        if not has_happened:
            with self.world.fate.kind():
                undo_by_hand(sagas[state.name], state)

    # --- how -------------------------------------------------------------------------------

    def with_fate(self, work: Callable[[], object], **fate: Any) -> None:
        """Do it with what fate has in store for it; a process that dies is gone."""
        self.world.fate.passed = 0
        for name, value in fate.items():
            setattr(self.world.fate, name, value)
        try:
            work()
        except Killed:
            pass
        finally:
            self.world.fate.death = self.world.fate.sleep = None

    def advance(self, saga_id: str) -> None:
        self.world.runner().advance(saga_id)

    def a_booking(self, which: int) -> Booking | None:
        known = self.world.all_bookings()
        return known[which % len(known)] if known else None

    def a_saga(self, which: int) -> SagaState | None:
        known = sorted(self.world.all_sagas(), key=lambda saga: saga.id)
        return known[which % len(known)] if known else None

    def settle(self) -> None:
        """Time passes, sweeps sweep and workers work, until nothing is due."""
        for _ in range(ROUNDS):
            self.work()
            due = [saga.due_at for saga in self.world.all_sagas() if saga.due_at is not None]
            if not due:
                return
            self.world.now = max(self.world.now, min(due))
            with suppress(StoreUnavailable):
                if not self.world.sweep():
                    self.world.now += timedelta(seconds=5)
        raise AssertionError("the sagas never end")

    # --- what must be so -------------------------------------------------------------------

    @invariant()
    def nothing_is_sold_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        held: dict[int, int] = {row.cell_start: row.booking_id for row in rows(self.world, scheduling.reserved_cells)}
        for booking in rows(self.world, scheduling.bookings, scheduling.bookings.c.status == BookingStatus.CONFIRMED):
            assert {held.get(cell) for cell in cells_of(booking.starts_at, booking.ends_at)} == {booking.id}

    @invariant()
    def the_ledger_is_the_balance(self) -> None:
        if not hasattr(self, "world"):
            return
        sign = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
        entries = rows(self.world, psyter.balance_ledger)
        (balance,) = rows(self.world, psyter.organization_balances)
        assert balance.balance_minor == BALANCE + sum(sign[entry.kind] * entry.amount_minor for entry in entries)
        assert balance.balance_minor >= 0
        for order in rows(self.world, psyter.orders):
            paid = -sum(sign[entry.kind] * entry.amount_minor for entry in entries if entry.order_id == order.id)
            is_paid = order.status == OrderStatus.OPEN and order.is_charged_to_balance
            assert paid == (order.amount_minor if is_paid else 0)

    @precondition(lambda self: len(self.world.all_sagas()) > 2)
    @rule()
    def everything_settles(self) -> None:
        """Once whatever failed works again, and operators have taken up what was parked, all promises hold."""
        self.all_is_mended()
        self.settle()
        for _ in range(3):
            for saga in self.world.all_sagas():
                if saga.status is SagaStatus.STUCK:
                    self.operate("retry", saga.id)
            self.settle()
        self.check_promises()

    def check_promises(self) -> None:
        found: list[Finding] = []
        self.world.reconcile(window=timedelta(days=10), tell=found.append)
        assert {finding.kind for finding in found} <= {Disagreement.ROOM_WITHOUT_BOOKING}, [*map(str, found)]
        assert self.world.reconcile(window=timedelta(days=10), tell=found.append).counts == {}
        tables = {saga.name: saga.table for saga in self.world.sagas()}
        stories = stories_of(self.world)
        for story in stories:
            assert story.booking.status != BookingStatus.PENDING
            assert (story.booking.withdrawn_at is None) == (story.booking.status != BookingStatus.CANCELLED)
            check_time(story)
            check_money(story)
            check_events(story)
            for saga in story.sagas:
                lines = [line for line in story.attempts if line.saga_id == saga.id]
                assert saga.due_at is None
                assert saga.status != SagaStatus.STUCK
                if saga.id not in self.by_hand:
                    check_timeline(story, saga, lines, tables[saga.name])
        assert self.world.open_rooms() == {story.booking.meeting_id for story in stories if story.is_confirmed}


def is_confirmed(booking: Booking) -> bool:
    return booking.status is BookingStatus.CONFIRMED


def undo_by_hand(saga: Any, state: SagaState) -> None:
    """Everything outside the journal that the saga may have done, or was to do after its decision, is put right."""
    for step in saga.table:
        work = step.action if saga.name == cancel_booking.NAME else step.undo
        if not isinstance(work, InJournal):
            work(state)
