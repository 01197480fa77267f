"""What the saga relies on of SchedulingDatabase: on the fake, and on every engine alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from repositories.database import Database
from repositories.entities.bookings import Booking, NewBooking, Slot, Withdrawal, Withdrawn
from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, ReleaseTime, ReserveTime
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.sagas import Attempt, SagaState
from repositories.enums import (
    Attempted,
    BookingPlatform,
    BookingStatus,
    CommunicationType,
    OutcomeWord,
    Reason,
    SagaStatus,
)
from repositories.ports.errors import BookingWithdrawn, CancelledTooLate, KeyTaken, LeaseLost, SlotTaken
from repositories.scheduling_db import tables
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.slots import SqlSlots
from saga.accept_booking import first_state
from saga.cancel_booking import first_state as cancellation_state
from tests.conftest import FreshDatabase
from tests.engines import ENGINES
from tests.fakes.scheduling import FakeScheduling

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
STARTS = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)
TOKENS = (f"token-{n}" for n in count())


@dataclass
class World:
    slots: Any
    bookings: Any
    journal: Any
    add_slot: Callable[[Slot], None]
    events: Callable[[], list[tuple[int, int, str]]]

    def accept(
        self,
        *,
        key: IdempotencyKey | None = None,
        now: datetime = NOW,
        organization: int = 1,
        request_id: str | None = None,
    ) -> int:
        number = next(SAGAS)
        booking = NewBooking(
            organization_id=organization,
            user_id=5,
            care_provider_id=42,
            slot_id=7,
            starts_at=STARTS,
            ends_at=STARTS + HOUR,
            communication_type=CommunicationType.VIDEO,
            platform=BookingPlatform.API,
            is_from_mobile=False,
        )

        def start(booking_id: int) -> SagaState:
            state = first_state(f"{number:032}", booking_id, booking, now=now, deadline_at=now + HOUR)
            self.saga_of[booking_id] = state.id
            return replace(state, request_id=request_id)

        accepted: int = self.bookings.accept(
            booking, start=start, idempotency=key, now=now, nudged_until=now + timedelta(seconds=5)
        )
        return accepted

    def __post_init__(self) -> None:
        self.saga_of: dict[int, str] = {}

    def claim(self, booking_id: int, *, now: datetime = NOW) -> SagaState | None:
        claimed: SagaState | None = self.journal.claim(
            self.saga_of[booking_id], now=now, lease=LEASE, token=next(TOKENS)
        )
        return claimed

    def claimed(self, booking_id: int, *, now: datetime = NOW) -> SagaState:
        state = self.claim(booking_id, now=now)
        assert state is not None
        return state

    def save(self, state: SagaState, *effects: Effect, now: datetime = NOW) -> SagaState:
        saved: SagaState = self.journal.save(state, attempts=(), effects=effects, now=now)
        return saved

    def booking(self, booking_id: int) -> Booking:
        found: Booking | None = self.bookings.find_booking(booking_id, organization_id=1)
        assert found is not None
        return found

    def withdraw(
        self,
        booking_id: int,
        *,
        now: datetime = NOW,
        starts_after: datetime | None = None,
        key: IdempotencyKey | None = None,
        organization: int = 1,
        request_id: str | None = None,
    ) -> Withdrawn | None:
        wish = Withdrawal(booking_id=booking_id, organization_id=organization, by="partner", why="سبب")

        def follow_up(booking: Booking, booked_by: str) -> SagaState:
            self.saga_of[-booking.id] = f"{next(SAGAS):032}"
            state = cancellation_state(self.saga_of[-booking.id], booking, booked_by=booked_by, now=now)
            return replace(state, request_id=request_id)

        withdrawn: Withdrawn | None = self.bookings.withdraw(
            wish,
            starts_after=starts_after or now,
            follow_up=follow_up,
            idempotency=key,
            now=now,
            nudged_until=now + timedelta(seconds=5),
        )
        return withdrawn

    def confirmed(self, *, request_id: str | None = None) -> int:
        """A booking that was confirmed, its saga at its last step."""
        booking_id = self.accept(request_id=request_id)
        self.reserve(booking_id)
        state = replace(self.claimed(booking_id), due_at=NOW, claims=0, step="notify_provider")
        self.save(state, ConfirmBooking(booking_id=booking_id, meeting_id="room"))
        return booking_id

    def reserve(self, booking_id: int, starts_at: datetime = STARTS, length: timedelta = HOUR) -> None:
        """Claim, reserve, and let go."""
        state = replace(self.claimed(booking_id), due_at=NOW, claims=0)
        effect = ReserveTime(
            booking_id=booking_id, care_provider_id=42, starts_at=starts_at, ends_at=starts_at + length
        )
        try:
            self.save(state, effect)
        except SlotTaken:
            self.save(state)
            raise


SAGAS = count(1)


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    whole = fake_world() if request.param == "fake" else sql_world(fresh_database(request.param, "scheduling_db"))
    whole.add_slot(slot(7, STARTS, HOUR))
    return whole


def slot(number: int, starts_at: datetime, length: timedelta) -> Slot:
    return Slot(id=number, care_provider_id=42, starts_at=starts_at, ends_at=starts_at + length, is_open=True)


def fake_world() -> World:
    fake = FakeScheduling()

    def add(one: Slot) -> None:
        fake.slots[one.id] = one

    return World(fake, fake, fake, add, lambda: fake.events)


def sql_world(database: Database) -> World:
    database.write(lambda c: c.execute(insert(tables.slot_durations), {"id": 1, "minutes": 60}))

    def add(one: Slot) -> None:
        values = {
            "id": one.id,
            "care_provider_id": one.care_provider_id,
            "starts_at": one.starts_at,
            "ends_at": one.ends_at,
            "slot_duration_id": 1,
            "is_open": one.is_open,
        }
        database.write(lambda c: c.execute(insert(tables.slots), values))

    def events() -> list[tuple[int, int, str]]:
        kept = tables.booking_events
        with database.reading() as connection:
            rows = connection.execute(select(kept.c.booking_id, kept.c.sequence, kept.c.kind).order_by(kept.c.id))
            return [(row.booking_id, row.sequence, row.kind) for row in rows]

    return World(SqlSlots(database), SqlBookings(database), SqlJournal(database), add, events)


# --- slots and bookings --------------------------------------------------------------------


def test_a_slot_is_found_as_it_was_offered(world: World) -> None:
    assert world.slots.find_slot(7) == slot(7, STARTS, HOUR)
    assert world.slots.find_slot(8) is None


def test_an_accepted_booking_is_pending_with_one_event(world: World) -> None:
    booking_id = world.accept()
    booking = world.booking(booking_id)
    assert (booking.status, booking.starts_at, booking.meeting_id) == (BookingStatus.PENDING, STARTS, None)
    assert world.events() == [(booking_id, 1, "accepted")]


def test_a_foreign_booking_is_not_there(world: World) -> None:
    booking_id = world.accept(organization=1)
    assert world.bookings.find_booking(booking_id, organization_id=2) is None
    assert world.bookings.find_view(booking_id, organization_id=2) is None
    assert world.bookings.find_view(booking_id + 1, organization_id=1) is None


def test_a_key_is_used_once_per_organization_and_day(world: World) -> None:
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    booking_id = world.accept(key=key)
    use = world.bookings.find_key_use(1, "k", now=NOW)
    assert (use.body_digest, use.ids) == ("d" * 64, (booking_id, 5))
    with pytest.raises(KeyTaken):
        world.accept(key=key)
    assert world.bookings.find_booking(booking_id + 1, organization_id=1) is None
    assert world.bookings.find_key_use(2, "k", now=NOW) is None
    world.accept(key=key, organization=2)
    tomorrow = NOW + timedelta(hours=24)
    assert world.bookings.find_key_use(1, "k", now=tomorrow - timedelta(seconds=1)) is not None
    assert world.bookings.find_key_use(1, "k", now=tomorrow) is None
    world.accept(key=key, now=tomorrow)


# --- withdrawing ---------------------------------------------------------------------------


def test_a_pending_booking_is_withdrawn_once_and_can_never_be_confirmed(world: World) -> None:
    booking_id = world.accept()
    first, again = world.withdraw(booking_id), world.withdraw(booking_id, now=NOW + HOUR)
    assert first is not None
    assert first.saga is not None
    assert (first.saga.id, first.saga.name) == (world.saga_of[booking_id], "book_session")
    assert again is not None
    assert again.saga is None
    assert first.booking == again.booking == world.booking(booking_id)
    assert (first.booking.status, first.booking.withdrawn_at) == (BookingStatus.PENDING, NOW)
    assert (first.booking.withdrawn_by, first.booking.withdrawal_reason) == ("partner", "سبب")
    state = world.claimed(booking_id)
    assert state.withdrawn_at == NOW
    with pytest.raises(BookingWithdrawn):
        world.save(state, ConfirmBooking(booking_id=booking_id, meeting_id="room"))
    assert world.events() == [(booking_id, 1, "accepted"), (booking_id, 2, "withdrawn")]


def test_a_saga_that_waits_is_woken_by_the_withdrawal(world: World) -> None:
    booking_id = world.accept()
    world.save(replace(world.claimed(booking_id), due_at=NOW + HOUR, claims=0))
    world.journal.take_due(now=NOW, limit=9, marked_until=NOW + HOUR)
    world.withdraw(booking_id, now=NOW + timedelta(seconds=1))
    soon = NOW + timedelta(seconds=2)
    due = world.journal.take_due(now=soon, limit=9, marked_until=soon)
    assert [saga.id for saga in due] == [world.saga_of[booking_id]]


def test_a_saga_in_the_hands_of_a_worker_is_left_to_it(world: World) -> None:
    booking_id = world.accept()
    state = world.claimed(booking_id)
    world.withdraw(booking_id)
    assert world.claim(booking_id) is None
    world.save(replace(state, due_at=NOW, claims=0))
    assert world.claimed(booking_id).withdrawn_at == NOW


def test_a_confirmed_booking_is_cancelled_at_once_and_its_time_is_free(world: World) -> None:
    booking_id = world.confirmed()
    withdrawn = world.withdraw(booking_id)
    assert withdrawn is not None
    assert withdrawn.saga is not None
    assert (withdrawn.saga.id, withdrawn.saga.name) == (world.saga_of[-booking_id], "cancel_booking")
    assert withdrawn.booking == world.booking(booking_id)
    assert (withdrawn.booking.status, withdrawn.booking.withdrawn_at) == (BookingStatus.CANCELLED, NOW)
    assert world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)
    state = world.claimed(-booking_id)
    assert (state.name, state.step, state.booking_id) == ("cancel_booking", "refund_order", booking_id)
    assert state.input["room_key"] == f"{world.saga_of[booking_id]}-create_meeting"
    assert state.input["meeting_id"] == "room"
    assert world.claimed(booking_id).withdrawn_at == NOW
    assert [kind for _, _, kind in world.events()] == ["accepted", "confirmed", "cancelled"]
    again = world.withdraw(booking_id)
    assert again is not None
    assert (again.saga, again.booking) == (None, withdrawn.booking)


def test_a_session_that_begins_too_soon_is_not_cancelled(world: World) -> None:
    booking_id = world.confirmed()
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    with pytest.raises(CancelledTooLate):
        world.withdraw(booking_id, starts_after=STARTS, key=key)
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED
    assert world.bookings.find_key_use(1, "k", now=NOW) is None
    assert not world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)
    assert world.withdraw(booking_id, starts_after=STARTS - timedelta(seconds=1)) is not None


def test_a_booking_that_failed_stays_failed(world: World) -> None:
    booking_id = world.accept()
    end = EndBooking(booking_id=booking_id, reason=Reason.DEADLINE_PASSED, failed_step="check_slot")
    world.save(replace(world.claimed(booking_id), due_at=None, status=SagaStatus.UNDONE), end)
    withdrawn = world.withdraw(booking_id)
    assert withdrawn is not None
    assert (withdrawn.saga, withdrawn.booking.status, withdrawn.booking.withdrawn_at) == (
        None,
        BookingStatus.FAILED,
        None,
    )


def test_nobody_withdraws_a_foreign_booking(world: World) -> None:
    booking_id = world.confirmed()
    assert world.withdraw(booking_id, organization=2) is None
    assert world.withdraw(booking_id + 1) is None
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


def test_a_key_that_was_used_withdraws_nothing(world: World) -> None:
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    world.accept(key=key)
    booking_id = world.accept()
    with pytest.raises(KeyTaken):
        world.withdraw(booking_id, key=key)
    assert world.booking(booking_id).withdrawn_at is None
    other = IdempotencyKey(key="k-2", body_digest="e" * 64)
    world.withdraw(booking_id, key=other)
    use = world.bookings.find_key_use(1, "k-2", now=NOW)
    assert (use.body_digest, use.ids) == ("e" * 64, (booking_id, 5))


# --- claim and save ------------------------------------------------------------------------


def test_a_saga_is_claimed_as_it_was_accepted(world: World) -> None:
    state = world.claimed(world.accept())
    assert (state.status, state.step, state.claims, state.due_at) == (SagaStatus.RUNNING, "check_slot", 1, NOW + LEASE)
    assert state.input["slot_id"] == 7
    assert (state.owed, state.receipts, state.created_at) == ((), {}, NOW)


def test_only_one_claims(world: World) -> None:
    booking_id = world.accept()
    world.claimed(booking_id)
    assert world.claim(booking_id) is None
    assert world.claim(booking_id, now=NOW + LEASE - timedelta(microseconds=1)) is None


def test_a_lease_that_ran_out_is_claimed_again_and_counted(world: World) -> None:
    booking_id = world.accept()
    world.claimed(booking_id)
    assert world.claimed(booking_id, now=NOW + LEASE).claims == 2


def test_nothing_is_claimed_before_it_is_due(world: World) -> None:
    booking_id = world.accept()
    world.save(replace(world.claimed(booking_id), due_at=NOW + HOUR))
    assert world.claim(booking_id, now=NOW + HOUR - timedelta(microseconds=1)) is None
    assert world.claim(booking_id, now=NOW + HOUR) is not None


def test_an_unknown_saga_is_not_claimed(world: World) -> None:
    assert world.journal.claim("0" * 32, now=NOW, lease=LEASE, token="t") is None


def test_what_was_saved_is_what_the_next_claim_reads(world: World) -> None:
    booking_id = world.accept()
    saved = replace(
        world.claimed(booking_id),
        status=SagaStatus.UNDOING,
        step="save_order",
        owed=("save_order", "schedule_booking"),
        receipts={"save_order": {"order_id": 3}},
        failures=2,
        claims=0,
        due_at=NOW,
        deadline_at=NOW + 2 * HOUR,
        reason=Reason.SERVICE_UNAVAILABLE,
        failed_step="create_meeting",
        error="ProviderUnavailable",
    )
    world.save(saved)
    again = world.claimed(booking_id)
    varying: dict[str, Any] = {"version": 0, "lease_token": None, "due_at": None, "claims": 0}
    assert replace(again, **varying) == replace(saved, **varying)


def test_an_ended_saga_is_never_claimed(world: World) -> None:
    booking_id = world.accept()
    world.save(replace(world.claimed(booking_id), status=SagaStatus.DONE, due_at=None, step=None))
    assert world.claim(booking_id, now=NOW + 1000 * HOUR) is None


def test_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    booking_id = world.accept()
    zombie = world.claimed(booking_id)
    world.claimed(booking_id, now=NOW + LEASE)
    effect = ReserveTime(booking_id=booking_id, care_provider_id=42, starts_at=STARTS, ends_at=STARTS + HOUR)
    with pytest.raises(LeaseLost):
        world.save(zombie, effect)
    assert world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)


def test_a_save_that_is_repeated_is_refused(world: World) -> None:
    state = world.claimed(world.accept())
    saved = world.save(state)
    with pytest.raises(LeaseLost):
        world.save(state)
    world.save(saved)


def test_a_save_after_the_end_is_refused(world: World) -> None:
    ended = world.save(replace(world.claimed(world.accept()), status=SagaStatus.DONE, due_at=None))
    with pytest.raises(LeaseLost):
        world.save(ended)


def test_attempts_are_told_in_order(world: World) -> None:
    booking_id = world.accept()
    lines = [
        Attempt(
            step=step,
            kind=Attempted.ACTION,
            number=1,
            outcome=OutcomeWord.DONE,
            error=None,
            started_at=NOW,
            duration=timedelta(microseconds=1500),
        )
        for step in ("check_slot", "schedule_booking")
    ]
    world.journal.save(world.claimed(booking_id), attempts=lines, now=NOW)
    assert list(world.bookings.find_view(booking_id, organization_id=1).timeline) == lines


def test_an_attempt_that_commits_with_its_line_has_a_duration(world: World) -> None:
    booking_id = world.accept()
    line = Attempt(
        step="confirm_booking",
        kind=Attempted.ACTION,
        number=1,
        outcome=OutcomeWord.DONE,
        error=None,
        started_at=NOW,
        duration=None,
    )
    world.journal.save(world.claimed(booking_id), attempts=[line], now=NOW)
    (told,) = world.bookings.find_view(booking_id, organization_id=1).timeline
    assert told.duration is not None


# --- effects: twice is once ----------------------------------------------------------------


def test_a_time_is_held_once(world: World) -> None:
    first, second = world.accept(), world.accept()
    world.reserve(first)
    with pytest.raises(SlotTaken):
        world.reserve(second)
    assert not world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=second)
    assert world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=first)


def test_reserving_twice_is_reserving_once(world: World) -> None:
    booking_id = world.accept()
    world.reserve(booking_id)
    world.reserve(booking_id)


def test_a_released_time_is_free_and_releasing_twice_is_releasing_once(world: World) -> None:
    first, second = world.accept(), world.accept()
    world.reserve(first)
    for _ in range(2):
        state = world.claimed(first)
        world.save(replace(state, due_at=NOW), ReleaseTime(booking_id=first))
    world.reserve(second)


def test_releasing_leaves_the_times_of_others(world: World) -> None:
    first, second = world.accept(), world.accept()
    world.reserve(first)
    world.save(world.claimed(second), ReleaseTime(booking_id=second))
    assert not world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=second)


def test_a_refused_effect_leaves_the_saga_as_it_was(world: World) -> None:
    first, second = world.accept(), world.accept()
    world.reserve(first)
    state = world.claimed(second)
    effect = ReserveTime(booking_id=second, care_provider_id=42, starts_at=STARTS - HOUR, ends_at=STARTS + HOUR)
    with pytest.raises(SlotTaken):
        world.save(replace(state, step="save_order"), effect)
    assert world.slots.is_time_free(slot(8, STARTS - HOUR, HOUR), booking_id=0)
    world.save(state)


def test_confirming_twice_is_confirming_once(world: World) -> None:
    booking_id = world.accept()
    state = world.claimed(booking_id)
    effect = ConfirmBooking(booking_id=booking_id, meeting_id="m-1")
    world.save(world.save(state, effect), effect)
    assert (world.booking(booking_id).status, world.booking(booking_id).meeting_id) == (BookingStatus.CONFIRMED, "m-1")
    assert world.events() == [(booking_id, 1, "accepted"), (booking_id, 2, "confirmed")]


def test_a_withdrawn_booking_is_never_confirmed(world: World) -> None:
    booking_id = world.accept()
    world.withdraw(booking_id)
    state = world.claimed(booking_id)
    with pytest.raises(BookingWithdrawn):
        world.save(state, ConfirmBooking(booking_id=booking_id, meeting_id="m-1"))
    ended = EndBooking(booking_id=booking_id, reason=Reason.BOOKING_WITHDRAWN, failed_step="confirm_booking")
    world.save(state, ended)
    assert world.booking(booking_id).status is BookingStatus.CANCELLED
    assert world.events()[-1] == (booking_id, 3, "cancelled")


def test_an_ended_booking_is_neither_confirmed_nor_ended_again(world: World) -> None:
    booking_id = world.accept()
    ended = EndBooking(booking_id=booking_id, reason=Reason.MEETING_REFUSED, failed_step="create_meeting")
    state = world.save(world.claimed(booking_id), ended)
    state = world.save(state, replace(ended, reason=Reason.INTERNAL_ERROR))
    with pytest.raises(BookingWithdrawn):
        world.save(state, ConfirmBooking(booking_id=booking_id, meeting_id="m-1"))
    booking = world.booking(booking_id)
    assert (booking.status, booking.reason, booking.failed_step) == (
        BookingStatus.FAILED,
        Reason.MEETING_REFUSED,
        "create_meeting",
    )
    assert world.events() == [(booking_id, 1, "accepted"), (booking_id, 2, "failed")]


def test_a_confirmed_booking_is_never_failed(world: World) -> None:
    booking_id = world.accept()
    state = world.save(world.claimed(booking_id), ConfirmBooking(booking_id=booking_id, meeting_id="m-1"))
    world.save(state, EndBooking(booking_id=booking_id, reason=Reason.INTERNAL_ERROR, failed_step=None))
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.tuples(st.integers(0, 60), st.sampled_from([30, 45, 50, 60])), min_size=1, max_size=12))
def test_no_two_bookings_overlap_whatever_their_lengths(world: World, wishes: list[tuple[int, int]]) -> None:
    base = STARTS + timedelta(days=next(SAGAS))
    held: list[tuple[datetime, datetime]] = []
    for place, minutes in wishes:
        starts_at, length = base + timedelta(minutes=5 * place), timedelta(minutes=minutes)
        overlaps = any(starts_at < end and start < starts_at + length for start, end in held)
        try:
            world.reserve(world.accept(), starts_at, length)
        except SlotTaken:
            assert overlaps
        else:
            assert not overlaps
            held.append((starts_at, starts_at + length))


# --- the sweep -----------------------------------------------------------------------------


def due(world: World, now: datetime, *, limit: int = 100) -> list[str]:
    found = world.journal.take_due(now=now, limit=limit, marked_until=now + timedelta(seconds=60))
    assert all(saga.name == "book_session" for saga in found)
    return [saga.id for saga in found]


def test_an_accepted_saga_has_a_head_start_before_the_sweep_takes_it(world: World) -> None:
    saga = world.saga_of[world.accept()]
    assert due(world, NOW + timedelta(seconds=4)) == []
    assert due(world, NOW + timedelta(seconds=5)) == [saga]


def test_what_was_taken_is_marked_for_a_while(world: World) -> None:
    saga = world.saga_of[world.accept()]
    later = NOW + timedelta(seconds=5)
    assert due(world, later) == [saga]
    assert due(world, later + timedelta(seconds=59)) == []
    assert due(world, later + timedelta(seconds=60)) == [saga]


def test_the_oldest_is_taken_first_and_no_more_than_asked_for(world: World) -> None:
    sagas = []
    for minutes in (3, 1, 2):
        booking_id = world.accept()
        world.save(replace(world.claimed(booking_id), due_at=NOW + timedelta(minutes=minutes)))
        sagas.append(world.saga_of[booking_id])
    later = NOW + HOUR
    assert due(world, later, limit=2) == [sagas[1], sagas[2]]
    assert due(world, later) == [sagas[0]]


def test_a_leased_saga_is_left_alone_and_taken_as_soon_as_its_lease_ends(world: World) -> None:
    booking_id = world.accept()
    later = NOW + timedelta(seconds=5)
    due(world, later)
    world.claimed(booking_id, now=later)
    assert due(world, later + LEASE - timedelta(microseconds=1)) == []
    assert due(world, later + LEASE) == [world.saga_of[booking_id]]


def test_an_ended_saga_is_never_taken(world: World) -> None:
    world.save(replace(world.claimed(world.accept()), status=SagaStatus.STUCK, due_at=None))
    assert due(world, NOW + 1000 * HOUR) == []
