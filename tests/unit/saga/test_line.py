"""Sagas that wait for an outside service: at no cost, for as long as it takes, and let go oldest first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.ports import ProviderError, ProviderMisconfigured, ProviderUnavailable
from repositories.entities.sagas import DueSaga, SagaState
from repositories.enums import BookingStatus, OutcomeWord, Reason, SagaStatus, Service, Trouble
from repositories.ports.errors import StoreUnavailable
from saga.breaker import paused, resumed
from saga.engine import PATIENCE
from saga.line import YIELDS_AFTER
from saga.sweep import FULL
from tests.unit.saga.world import BREAKER, ORDINARY, PROVIDER, SLOT, SLOT_STARTS, World

SILENT = ProviderUnavailable("no answer", may_have_happened=False)
WRONG_KEY = ProviderMisconfigured("401")
SECOND = timedelta(seconds=1)
PLACES = 3


def book(world: World, *, number: int) -> int:
    """A booking of a time of its own, of an organization that pays from no balance."""
    slot_id, starts_at = SLOT + number, SLOT_STARTS + timedelta(hours=number)
    ends_at = starts_at + timedelta(hours=1)
    world.scheduling.add_slot(id=slot_id, care_provider_id=PROVIDER, starts_at=starts_at, ends_at=ends_at)
    wish = {"local_date": starts_at.date(), "local_start": starts_at.time(), "local_end": ends_at.time()}
    return world.book(ORDINARY, slot_id=slot_id, **wish).booking_id


class Outage:
    """VideoSDK down, and so many bookings accepted meanwhile, one a second, each tried as soon as it may be."""

    def __init__(self, error: ProviderError = SILENT, *, bookings: int) -> None:
        self.world = World()
        self.world.rooms.is_down = error
        self.bookings = [self.accept() for _ in range(bookings)]

    def accept(self) -> int:
        booking_id = book(self.world, number=len(self.world.scheduling.bookings) + 1)
        self.let_pass(SECOND)
        return booking_id

    def let_pass(self, time: timedelta) -> None:
        """Beat and workers go on: each second, and seldom when it takes hours."""
        ends_at, beat = self.world.now + time, max(SECOND, time / 500)
        while self.world.now < ends_at:
            self.world.work()
            self.world.now += beat
            self.world.sweep()
        self.world.work()

    def recover(self) -> None:
        self.world.rooms.is_down = None

    # --- what is so ------------------------------------------------------------------------

    def saga(self, booking_id: int) -> SagaState:
        return next(saga for saga in self.world.scheduling.sagas.values() if saga.booking_id == booking_id)

    def in_line(self) -> list[int]:
        return [saga.booking_id for saga in self.world.scheduling.line(Service.VIDEOSDK, now=self.world.now)]

    def lines(self, booking_id: int) -> list[tuple[str, OutcomeWord]]:
        return [(line.step, line.outcome) for line in self.world.scheduling.attempts[booking_id]]

    def confirmed(self) -> list[int]:
        """In the order in which they were confirmed."""
        return [booking for booking, _, kind in self.world.scheduling.events if kind == "confirmed"]


# --- an outage -----------------------------------------------------------------------------


def test_in_an_outage_everybody_waits_and_one_call_at_a_time_tries() -> None:
    outage = Outage(bookings=60)
    assert sorted(outage.in_line()) == outage.bookings
    calls = outage.world.rooms.calls
    assert calls <= BREAKER.failures + 60 // 10 + 1
    outage.let_pass(timedelta(minutes=2))
    assert outage.world.rooms.calls - calls == 12  # one every ten seconds
    assert outage.world.places.free(Service.VIDEOSDK) == PLACES


def test_nobody_pays_for_the_outage_alone() -> None:
    outage = Outage(bookings=20)
    outage.let_pass(timedelta(minutes=5))
    tries = [outage.saga(booking).failures for booking in outage.bookings]
    assert sum(tries) == outage.world.rooms.calls
    assert max(tries) <= BREAKER.failures
    assert min(tries) >= 1
    assert all(outage.saga(booking).status is SagaStatus.RUNNING for booking in outage.bookings)


def test_after_an_outage_bookings_are_confirmed_in_the_order_of_their_acceptance() -> None:
    outage = Outage(bookings=60)
    outage.recover()
    outage.let_pass(timedelta(seconds=30))
    probe = outage.confirmed()[0]
    assert outage.confirmed() == [probe, *(booking for booking in outage.bookings if booking != probe)]
    outage.world.settle()
    outage.world.check_promises()


def test_an_outage_that_lasts_undoes_at_the_deadline_and_says_why() -> None:
    outage = Outage(bookings=30)
    outage.let_pass(timedelta(minutes=11))
    for booking_id in outage.bookings:
        booking = outage.world.booking(booking_id)
        assert (booking.status, booking.reason) == (BookingStatus.FAILED, Reason.SERVICE_UNAVAILABLE)
        assert booking.failed_step == "create_meeting"
    outage.world.check_promises()


def test_who_waits_costs_nothing() -> None:
    outage = Outage(ProviderUnavailable("429", may_have_happened=False, retry_after=timedelta(minutes=9)), bookings=5)
    before = {booking: outage.saga(booking) for booking in outage.bookings}
    outage.let_pass(timedelta(minutes=8))
    assert {booking: outage.saga(booking) for booking in outage.bookings} == before


def test_the_timeline_of_a_long_wait_is_short_and_true() -> None:
    outage = Outage(WRONG_KEY, bookings=3)
    outage.let_pass(timedelta(hours=3))
    told = [line for line in outage.lines(outage.bookings[1]) if line[0] == "create_meeting"]
    assert told in (
        [("create_meeting", OutcomeWord.HELD)],
        [("create_meeting", OutcomeWord.HELD), ("create_meeting", OutcomeWord.MISCONFIGURED)],
    )
    outage.recover()
    outage.let_pass(timedelta(seconds=30))
    assert outage.lines(outage.bookings[1])[-3:] == [
        ("create_meeting", OutcomeWord.DONE),
        ("confirm_booking", OutcomeWord.DONE),
        ("notify_provider", OutcomeWord.DONE),
    ]


def test_a_booking_withdrawn_while_it_waits_is_cancelled_at_once() -> None:
    outage = Outage(bookings=8)
    outage.world.cancel(outage.bookings[6])
    outage.world.work()
    assert outage.world.booking(outage.bookings[6]).status is BookingStatus.CANCELLED
    assert outage.bookings[6] not in outage.in_line()


def test_one_booking_that_videosdk_cannot_bear_does_not_keep_the_others_waiting() -> None:
    outage = Outage(bookings=1)
    outage.let_pass(timedelta(seconds=15))  # alone, and five times in a row: the breaker is open because of it
    assert outage.in_line() == outage.bookings
    sick = outage.saga(outage.bookings[0]).key("create_meeting")
    outage.recover()
    outage.world.rooms.never_opens = sick
    healthy = outage.accept()
    outage.let_pass(2 * BREAKER.open_for)
    assert outage.world.booking(healthy).status is BookingStatus.CONFIRMED
    assert outage.world.services.states[Service.VIDEOSDK].trouble is None


# --- our own fault, or an operator's will ----------------------------------------------------


def test_nothing_is_undone_while_our_key_is_refused_and_all_is_confirmed_when_it_is_right_again() -> None:
    outage = Outage(WRONG_KEY, bookings=20)
    outage.let_pass(timedelta(hours=5))
    assert outage.world.services.states[Service.VIDEOSDK].trouble is Trouble.MISCONFIGURED
    assert all(outage.world.booking(b).status is BookingStatus.PENDING for b in outage.bookings)
    outage.recover()
    outage.let_pass(timedelta(seconds=30))
    assert sorted(outage.confirmed()) == outage.bookings
    assert all(outage.saga(booking).failures == 0 for booking in outage.bookings)


def test_age_goes_on_where_it_stood_still() -> None:
    outage = Outage(WRONG_KEY, bookings=20)
    left = outage.saga(outage.bookings[0]).deadline_at - outage.world.now
    outage.let_pass(timedelta(hours=2))
    outage.world.rooms.is_down = SILENT
    outage.let_pass(BREAKER.open_for)  # the next probe finds that it is an outage now
    outage.let_pass(left - timedelta(seconds=20))
    assert outage.world.booking(outage.bookings[0]).status is BookingStatus.PENDING
    outage.let_pass(timedelta(seconds=30))
    assert outage.world.booking(outage.bookings[0]).status is BookingStatus.FAILED
    outage.let_pass(timedelta(minutes=1))
    assert all(outage.world.booking(booking).status is BookingStatus.FAILED for booking in outage.bookings)


def test_no_wait_goes_beyond_the_start_of_the_session() -> None:
    outage = Outage(WRONG_KEY, bookings=1)
    outage.world.now = SLOT_STARTS + timedelta(hours=1)  # when it begins
    outage.let_pass(SECOND)
    booking = outage.world.booking(outage.bookings[0])
    assert (booking.status, booking.reason) == (BookingStatus.FAILED, Reason.SERVICE_UNAVAILABLE)


def test_a_service_paused_by_an_operator_is_not_asked_at_all_and_nobody_ages() -> None:
    outage = Outage(bookings=10)
    outage.world.change_service(lambda state: paused(state, by="Sara", why="key changes", now=outage.world.now))
    calls = outage.world.rooms.calls
    outage.let_pass(timedelta(hours=3))
    assert outage.world.rooms.calls == calls
    assert sorted(outage.in_line()) == outage.bookings
    outage.recover()
    outage.world.change_service(lambda state: resumed(state, outage.world.now))
    outage.let_pass(timedelta(seconds=10))
    assert sorted(outage.confirmed()) == outage.bookings


# --- whose turn it is ------------------------------------------------------------------------


def taken(world: World, number: int) -> None:
    """Calls of other workers under way."""
    for _ in range(number):
        assert world.places.enter(Service.VIDEOSDK, "another's")


def test_without_a_free_place_a_saga_waits_and_its_worker_goes_on() -> None:
    world = World()
    taken(world, PLACES)
    booking_id = book(world, number=1)
    world.work()
    saga = next(iter(world.scheduling.sagas.values()))
    assert saga.in_line is not None
    assert (saga.claims, saga.failures, saga.error) == (0, 0, "NoPlaceFree")
    assert world.sweep() == 0
    world.places.leave(Service.VIDEOSDK, "another's")
    assert world.sweep() == 1
    world.work()
    assert world.booking(booking_id).status is BookingStatus.CONFIRMED


def test_no_more_are_let_go_than_places_are_free() -> None:
    outage = Outage(bookings=30)
    outage.recover()
    world = outage.world
    world.now += BREAKER.open_for
    assert world.sweep() == 1  # the probe
    world.runner().advance(world.nudged.pop())
    assert len(world.nudged) == PLACES  # let go by the worker whose call was answered
    taken(world, 2)
    assert world.sweep() == 0  # three are on their way already


def test_a_journal_that_does_not_answer_takes_nothing_from_a_call_that_was_made() -> None:
    outage = Outage(bookings=10)
    outage.recover()
    world = outage.world
    world.now += BREAKER.open_for
    world.sweep()
    probe = world.nudged.pop()

    def away(*_args: object, **_named: object) -> list[DueSaga]:
        raise StoreUnavailable

    world.scheduling.take_waiting = away  # type: ignore[method-assign]
    assert world.runner().advance(probe).endswith(": done")
    del world.scheduling.take_waiting
    outage.let_pass(timedelta(seconds=10))
    assert sorted(outage.confirmed()) == outage.bookings


def test_a_full_queue_keeps_nobody_in_line() -> None:
    outage = Outage(bookings=10)
    outage.recover()
    outage.world.waiting = FULL
    outage.let_pass(timedelta(seconds=30))
    assert sorted(outage.confirmed()) == outage.bookings


def test_who_comes_new_lets_those_go_first_who_waited() -> None:
    world = World()
    taken(world, PLACES)
    first = book(world, number=1)
    world.work()
    world.now += YIELDS_AFTER
    for _ in range(PLACES):
        world.places.leave(Service.VIDEOSDK, "another's")
    second = book(world, number=2)
    world.work()  # the newcomer is held, and the one that waited is let go in its place
    assert world.booking(first).status is BookingStatus.CONFIRMED
    assert [line.error for line in world.scheduling.attempts[second] if line.outcome is OutcomeWord.HELD] == [
        "OthersWaitLonger"
    ]
    world.sweep()
    world.work()
    assert world.booking(second).status is BookingStatus.CONFIRMED


def test_a_moments_wait_holds_no_newcomer_up() -> None:
    world = World()
    taken(world, PLACES)
    book(world, number=1)
    world.work()
    world.places.leave(Service.VIDEOSDK, "another's")
    second = book(world, number=2)
    world.work()
    assert world.booking(second).status is BookingStatus.CONFIRMED


# --- undoing, and pushes -----------------------------------------------------------------


def test_in_an_outage_a_withdrawn_booking_gives_back_time_and_money_before_its_room() -> None:
    world = World()
    world.rooms.fail_next(ProviderUnavailable("time-out", may_have_happened=True), after_effect=True)
    booked = world.book()
    world.work()
    world.rooms.is_down = SILENT
    world.change_service(lambda state: replace(state, failures=BREAKER.failures - 1))
    world.now += timedelta(seconds=30)
    world.cancel(booked.booking_id)
    world.work()
    assert world.saga_status(booked.booking_id) is SagaStatus.UNDOING
    assert world.cells_of(booked.booking_id) == 0
    world.now += timedelta(hours=12)  # it is not parked, however long it takes
    world.sweep()
    world.work()
    assert world.saga_status(booked.booking_id) is SagaStatus.UNDOING
    world.rooms.is_down = None
    world.settle()
    assert world.booking(booked.booking_id).status is BookingStatus.CANCELLED
    world.check_promises()


def test_a_push_waits_for_fcm_while_its_booking_is_long_confirmed() -> None:
    world = World()
    world.push.is_down = WRONG_KEY
    booked = world.book()
    world.work()
    assert world.booking(booked.booking_id).status is BookingStatus.CONFIRMED
    world.push.is_down = None
    world.settle()
    assert len(world.push.sent) == 1


def test_a_push_is_given_up_when_it_waited_too_long() -> None:
    world = World()
    world.change_service(lambda state: paused(state, by="Sara", why="x", now=world.now), service=Service.FCM)
    booked = world.book()
    world.work()
    assert world.saga_status(booked.booking_id) is SagaStatus.RUNNING
    world.now += PATIENCE
    world.sweep()
    world.work()
    assert world.saga_status(booked.booking_id) is SagaStatus.DONE
    assert world.push.sent == []


@pytest.mark.parametrize("error", [SILENT, WRONG_KEY])
def test_videosdk_down_keeps_no_push_from_being_sent(error: ProviderError) -> None:
    outage = Outage(bookings=0)
    confirmed = outage.accept
    outage.recover()
    booking_id = confirmed()
    outage.world.rooms.is_down = error
    sent = len(outage.world.push.sent)
    outage.accept()
    outage.world.cancel(booking_id)
    outage.let_pass(timedelta(seconds=5))
    assert outage.world.cells_of(booking_id) == 0
    assert len(outage.world.push.sent) == sent  # the cancellation's push follows the closing of the room
    outage.recover()
    outage.world.settle()
    assert len(outage.world.push.sent) == sent + 2
