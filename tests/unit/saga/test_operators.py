"""Operators against fakes: what each intervention does to a booking, what is refused, and the audit trail."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from integrations.ports import ProviderRefused, ProviderUnavailable
from repositories.entities.sagas import LONGEST_BY, LONGEST_WHY, SagaRecord, SagaState
from repositories.enums import BookingStatus, OutcomeWord, Reason, SagaStatus
from repositories.ports.errors import LeaseLost, SagaMoved
from saga.operators import Intervention, NotPossible, Operator, SagaNotFound
from tests.fakes.operations import FakeSagaRecords
from tests.unit.saga.world import BALANCE, CHARITY, LEASE, SLOT_STARTS, World

MAYBE = ProviderUnavailable("time-out", may_have_happened=True)
NO = ProviderRefused("400")
MAX_AGE = timedelta(minutes=10)


@dataclass
class Desk(World):
    """A world with an operator in it."""

    @property
    def records(self) -> FakeSagaRecords:
        return FakeSagaRecords(self.scheduling)

    @property
    def operator(self) -> Operator:
        return Operator(
            records=self.records,
            sagas=self.sagas(self.lookout()),
            nudge=self.nudge,
            clock=self.clock,
            max_age=MAX_AGE,
        )

    def saga_of(self, booking_id: int) -> SagaState:
        """Its newest."""
        return self.records.find_sagas_of(booking_id)[-1]

    def wish(self, booking_id: int, **changes: str) -> Intervention:
        given = {"saga_id": self.saga_of(booking_id).id, "by": "Huda", "why": "VideoSDK was called: ticket 7"}
        return Intervention(**{**given, **changes})

    def audit(self, booking_id: int) -> list[tuple[str, str | None, str, str]]:
        record = self.records.find_record(self.saga_of(booking_id).id)
        assert record is not None
        return [(entry.action, entry.step, entry.by, entry.why) for entry in record.audit]

    # --- sagas in trouble ------------------------------------------------------------------

    def stuck_by_a_bug(self) -> int:
        """At create_meeting, which fails with an error that no port announces."""
        return self.stuck_by_a_bug_of(CHARITY)

    def stuck_by_a_bug_of(self, organization_id: int) -> int:
        booked = self.book(organization_id)
        for _ in range(2):
            self.rooms.fail_next(KeyError("bug"), of="open_room")
        with capture_logs() as told:
            self.settle()
        assert "saga_bug" in {line["event"] for line in told}
        assert self.saga_of(booked.booking_id).status is SagaStatus.STUCK
        return booked.booking_id

    def stuck_undoing(self) -> int:
        """At the closing of a room that VideoSDK refuses to close; the rest is undone."""
        booked = self.book()
        self.rooms.fail_next(NO, after_effect=True, of="open_room")
        for _ in range(2):
            self.rooms.fail_next(NO, of="close_room_if_open")
        self.settle()
        state = self.saga_of(booked.booking_id)
        assert (state.status, state.step, state.owed) == (SagaStatus.STUCK, "create_meeting", ("create_meeting",))
        return booked.booking_id

    def stuck_closing_a_cancelled_room(self) -> int:
        booked = self.book()
        self.settle()
        self.rooms.fail_next(NO)
        self.cancel(booked.booking_id)
        self.settle()
        assert self.saga_of(booked.booking_id).status is SagaStatus.STUCK
        return booked.booking_id

    def failed_booking(self) -> int:
        """Of which nothing is left."""
        booked = self.book()
        self.rooms.fail_next(NO)
        self.settle()
        return booked.booking_id

    def confirmed_but_not_told(self) -> int:
        """Its push waits to be tried again."""
        booked = self.book()
        self.push.fail_next(MAYBE)
        self.work()
        return booked.booking_id

    def poisoned(self) -> int:
        """Its workers died in its hands, one after another."""
        booked = self.book()
        saga_id = self.saga_of(booked.booking_id).id
        for number in range(5):
            assert self.scheduling.claim(saga_id, now=self.now, lease=LEASE, token=f"dead-{number}")
            self.now += LEASE
        self.settle()
        assert self.saga_of(booked.booking_id).error == "WorkerDied"
        return booked.booking_id


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- retry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [Desk.stuck_by_a_bug, Desk.poisoned])
def test_a_retried_booking_is_confirmed(desk: Desk, trouble: Callable[[Desk], int]) -> None:
    booking_id = trouble(desk)
    desk.operator.retry(desk.wish(booking_id))
    desk.settle()
    assert desk.booking(booking_id).status is BookingStatus.CONFIRMED
    desk.check_promises()
    assert [action for action, *_ in desk.audit(booking_id)] == ["retry"]


def test_a_retried_undo_ends_the_booking_and_closes_the_room(desk: Desk) -> None:
    booking_id = desk.stuck_undoing()
    assert (desk.psyter.balance(CHARITY), desk.cells_of(booking_id)) == (BALANCE, 0)
    desk.operator.retry(desk.wish(booking_id))
    desk.settle()
    booking = desk.booking(booking_id)
    assert (booking.status, booking.reason, booking.failed_step) == (
        BookingStatus.FAILED,
        Reason.MEETING_REFUSED,
        "create_meeting",
    )
    desk.check_promises()


def test_a_saga_that_waits_is_run_now(desk: Desk) -> None:
    booked = desk.book()
    desk.rooms.fail_next(MAYBE)
    desk.work()
    assert desk.booking(booked.booking_id).status is BookingStatus.PENDING
    desk.operator.retry(desk.wish(booked.booking_id))
    desk.work()
    assert desk.booking(booked.booking_id).status is BookingStatus.CONFIRMED


def test_a_retry_hours_later_is_not_undone_for_its_age(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.now += timedelta(hours=5)
    assert desk.operator.retry(desk.wish(booking_id)).deadline_at == desk.now + MAX_AGE
    desk.settle()
    assert desk.booking(booking_id).status is BookingStatus.CONFIRMED


def test_a_retry_after_the_session_began_undoes_it(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.now = SLOT_STARTS
    desk.operator.retry(desk.wish(booking_id))
    desk.settle()
    assert (desk.booking(booking_id).status, desk.booking(booking_id).reason) == (
        BookingStatus.FAILED,
        Reason.DEADLINE_PASSED,
    )
    desk.check_promises()


def test_a_room_that_a_dead_worker_may_have_opened_is_closed_by_a_retry_that_comes_too_late(desk: Desk) -> None:
    booked = desk.book()
    desk.is_stopping = True
    while (state := desk.saga_of(booked.booking_id)).step != "create_meeting":
        desk.runner().advance(state.id)
    desk.scheduling.claim(state.id, now=desk.now, lease=LEASE, token="dies")
    desk.rooms.open_room(state.key("create_meeting"))
    desk.is_stopping = False
    desk.now = SLOT_STARTS
    desk.operator.retry(desk.wish(booked.booking_id))
    desk.settle()
    assert desk.open_rooms() == []
    desk.check_promises()


# --- skip ------------------------------------------------------------------------------------


def test_a_room_made_by_hand_confirms_the_booking(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.rooms.open_room("by hand")
    (meeting_id,) = desk.open_rooms()
    desk.operator.skip(desk.wish(booking_id), step="create_meeting", receipt={"meeting_id": meeting_id})
    desk.settle()
    booking = desk.booking(booking_id)
    assert (booking.status, booking.meeting_id) == (BookingStatus.CONFIRMED, meeting_id)
    desk.check_promises()
    skipped = [line for line in desk.scheduling.attempts[booking_id] if line.outcome is OutcomeWord.SKIPPED]
    assert [(line.step, line.kind, line.error) for line in skipped] == [("create_meeting", "action", None)]


def test_a_skipped_undo_ends_the_booking(desk: Desk) -> None:
    booking_id = desk.stuck_undoing()
    for room in desk.rooms.rooms.values():  # as an operator does in VideoSDK's dashboard
        room.is_open = False
    written = desk.operator.skip(desk.wish(booking_id), step="create_meeting", receipt={})
    assert written.status is SagaStatus.UNDONE
    assert desk.booking(booking_id).status is BookingStatus.FAILED
    assert desk.nudged == []
    desk.check_promises()
    last = desk.scheduling.attempts[booking_id][-1]
    assert (last.step, last.kind, last.outcome) == ("create_meeting", "undo", OutcomeWord.SKIPPED)


def test_the_last_step_skipped_ends_the_saga(desk: Desk) -> None:
    booked = desk.book()
    desk.push.fail_next(MAYBE)
    desk.work()
    written = desk.operator.skip(desk.wish(booked.booking_id), step="notify_provider", receipt={})
    assert (written.status, written.step) == (SagaStatus.DONE, None)
    desk.check_promises()


def test_a_saga_that_moved_on_loses_no_other_step(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    with pytest.raises(NotPossible, match="it stands at create_meeting, not at save_order"):
        desk.operator.skip(desk.wish(booking_id), step="save_order", receipt={})


@pytest.mark.parametrize("step", ["schedule_booking", "confirm_booking"])
def test_what_commits_with_the_journal_is_never_skipped(desk: Desk, step: str) -> None:
    booked = desk.book()
    desk.scheduling.sagas[desk.saga_of(booked.booking_id).id] = replace(desk.saga_of(booked.booking_id), step=step)
    with pytest.raises(NotPossible, match=f"{step} commits with the journal"):
        desk.operator.skip(desk.wish(booked.booking_id), step=step, receipt={})


def test_the_release_of_time_is_never_skipped(desk: Desk) -> None:
    booking_id = desk.stuck_undoing()
    state = desk.saga_of(booking_id)
    desk.scheduling.sagas[state.id] = replace(state, step="schedule_booking", owed=("schedule_booking",))
    with pytest.raises(NotPossible, match="commits with the journal"):
        desk.operator.skip(desk.wish(booking_id), step="schedule_booking", receipt={})


@pytest.mark.parametrize(
    ("receipt", "why"),
    [
        ({}, "create_meeting answers with: meeting_id"),
        ({"meeting_id": "a", "order_id": "b"}, "create_meeting answers with: meeting_id"),
        ({"meeting_id": ""}, "1 to 64 letters"),
        ({"meeting_id": "x" * 65}, "1 to 64 letters"),
    ],
)
def test_a_skipped_step_must_answer_what_later_steps_read(desk: Desk, receipt: dict[str, str], why: str) -> None:
    booking_id = desk.stuck_by_a_bug()
    with pytest.raises(NotPossible, match=why):
        desk.operator.skip(desk.wish(booking_id), step="create_meeting", receipt=receipt)
    assert desk.audit(booking_id) == []


def test_a_skipped_undo_answers_nothing(desk: Desk) -> None:
    booking_id = desk.stuck_undoing()
    with pytest.raises(NotPossible, match="create_meeting answers with: nothing"):
        desk.operator.skip(desk.wish(booking_id), step="create_meeting", receipt={"meeting_id": "a"})


# --- undo ------------------------------------------------------------------------------------


def test_an_undone_booking_fails_and_gives_everything_back(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.operator.undo(desk.wish(booking_id))
    desk.settle()
    booking = desk.booking(booking_id)
    assert (booking.status, booking.reason, booking.failed_step) == (
        BookingStatus.FAILED,
        Reason.UNDONE_BY_OPERATOR,
        "create_meeting",
    )
    assert desk.psyter.balance(CHARITY) == BALANCE
    desk.check_promises()


def test_a_booking_that_has_done_nothing_yet_ends_at_once(desk: Desk) -> None:
    booked = desk.book()
    desk.nudged.clear()
    assert desk.operator.undo(desk.wish(booked.booking_id)).status is SagaStatus.UNDONE
    assert desk.booking(booked.booking_id).status is BookingStatus.FAILED
    assert desk.nudged == []
    desk.check_promises()


def test_a_withdrawn_booking_that_an_operator_undoes_is_cancelled(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.cancel(booking_id)
    desk.operator.undo(desk.wish(booking_id))
    desk.settle()
    assert desk.booking(booking_id).status is BookingStatus.CANCELLED
    desk.check_promises()


def test_a_confirmed_booking_is_not_undone(desk: Desk) -> None:
    booked = desk.book()
    desk.push.fail_next(MAYBE)
    desk.work()
    with pytest.raises(NotPossible, match="decision has been taken"):
        desk.operator.undo(desk.wish(booked.booking_id))


def test_a_cancellation_is_not_undone(desk: Desk) -> None:
    wish = desk.wish(desk.stuck_closing_a_cancelled_room())
    with pytest.raises(NotPossible, match="decision has been taken"):
        desk.operator.undo(wish)


def test_what_turns_back_already_is_not_undone_again(desk: Desk) -> None:
    with pytest.raises(NotPossible, match="turning back already"):
        desk.operator.undo(desk.wish(desk.stuck_undoing()))


# --- resolve -----------------------------------------------------------------------------------


def test_a_resolved_booking_ends_and_its_time_is_free(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    assert desk.cells_of(booking_id) == 12
    written = desk.operator.resolve(desk.wish(booking_id))
    booking = desk.booking(booking_id)
    assert (written.status, written.due_at, written.step) == (SagaStatus.RESOLVED, None, "create_meeting")
    assert (booking.status, booking.reason, booking.failed_step) == (
        BookingStatus.FAILED,
        Reason.INTERNAL_ERROR,
        "create_meeting",
    )
    assert desk.cells_of(booking_id) == 0
    assert desk.nudged == []


def test_a_resolved_undo_keeps_the_reason_it_turned_back_for(desk: Desk) -> None:
    booking_id = desk.stuck_undoing()
    desk.operator.resolve(desk.wish(booking_id))
    booking = desk.booking(booking_id)
    assert (booking.reason, booking.failed_step) == (Reason.MEETING_REFUSED, "create_meeting")


def test_resolving_the_rest_of_a_cancellation_leaves_the_booking_cancelled(desk: Desk) -> None:
    booking_id = desk.stuck_closing_a_cancelled_room()
    before = desk.booking(booking_id)
    desk.operator.resolve(desk.wish(booking_id))
    assert desk.booking(booking_id) == before
    assert desk.saga_of(booking_id).status is SagaStatus.RESOLVED


def test_only_a_stuck_saga_is_resolved(desk: Desk) -> None:
    booked = desk.book()
    with pytest.raises(NotPossible, match="only a stuck saga is resolved by hand; this one is running"):
        desk.operator.resolve(desk.wish(booked.booking_id))


# --- what is refused to every intervention -------------------------------------------------------


def retry(operator: Operator, wish: Intervention) -> SagaState:
    return operator.retry(wish)


def skip(operator: Operator, wish: Intervention) -> SagaState:
    return operator.skip(wish, step="create_meeting", receipt={"meeting_id": "m"})


def undo(operator: Operator, wish: Intervention) -> SagaState:
    return operator.undo(wish)


def resolve(operator: Operator, wish: Intervention) -> SagaState:
    return operator.resolve(wish)


Act = Callable[[Operator, Intervention], SagaState]
every_act = pytest.mark.parametrize("act", [retry, skip, undo, resolve])


def check_refused(desk: Desk, act: Act, wish: Intervention, refusal: type[Exception], why: str | None = None) -> None:
    """The refusal comes, and nothing is written."""
    kept = ("sagas", "bookings", "cells", "audit", "attempts")
    before = {name: copy(getattr(desk.scheduling, name)) for name in kept} | {"nudged": list(desk.nudged)}
    with pytest.raises(refusal, match=why):
        act(desk.operator, wish)
    assert {name: getattr(desk.scheduling, name) for name in kept} | {"nudged": desk.nudged} == before


@every_act
@pytest.mark.parametrize("nothing", [{"why": " \n"}, {"by": " "}], ids=["no reason", "no name"])
def test_without_a_reason_and_a_name_nothing_is_done(desk: Desk, act: Act, nothing: dict[str, str]) -> None:
    wish = desk.wish(desk.stuck_by_a_bug(), **nothing)
    check_refused(desk, act, wish, NotPossible, "a reason and a name are needed")


@every_act
@pytest.mark.parametrize("long", [{"why": "x" * (LONGEST_WHY + 1)}, {"by": "x" * (LONGEST_BY + 1)}])
def test_what_the_audit_trail_cannot_hold_is_refused(desk: Desk, act: Act, long: dict[str, str]) -> None:
    check_refused(desk, act, desk.wish(desk.stuck_by_a_bug(), **long), NotPossible, "at most 500 letters, a name 100")


@every_act
def test_an_unknown_saga_is_not_there(desk: Desk, act: Act) -> None:
    check_refused(desk, act, desk.wish(desk.stuck_by_a_bug(), saga_id="0" * 32), SagaNotFound)


@every_act
@pytest.mark.parametrize("is_confirmed", [True, False])
def test_a_saga_that_has_ended_stays_as_it_is(desk: Desk, act: Act, is_confirmed: bool) -> None:
    booked = desk.book()
    if not is_confirmed:
        desk.rooms.fail_next(NO)
    desk.settle()
    word = "done" if is_confirmed else "undone"
    check_refused(desk, act, desk.wish(booked.booking_id), NotPossible, f"it has ended: {word}")


@every_act
def test_a_resolved_saga_stays_resolved(desk: Desk, act: Act) -> None:
    booking_id = desk.stuck_by_a_bug()
    desk.operator.resolve(desk.wish(booking_id))
    check_refused(desk, act, desk.wish(booking_id), NotPossible, "it has ended: resolved")


@every_act
def test_a_saga_that_changed_since_it_was_read_is_left_alone(desk: Desk, act: Act) -> None:
    booking_id = desk.stuck_by_a_bug()
    saga_id = desk.saga_of(booking_id).id
    read = desk.records.find_record(saga_id)
    desk.scheduling.sagas[saga_id] = replace(desk.saga_of(booking_id), version=desk.saga_of(booking_id).version + 1)

    @dataclass
    class Stale(FakeSagaRecords):
        def find_record(self, saga_id: str) -> SagaRecord | None:
            return read

    with pytest.raises(SagaMoved):
        act(replace(desk.operator, records=Stale(desk.scheduling)), desk.wish(booking_id))
    assert desk.audit(booking_id) == []


@pytest.mark.parametrize("act", [retry, undo])
def test_a_saga_in_the_hands_of_a_worker_is_left_to_it(desk: Desk, act: Act) -> None:
    booked = desk.book()
    saga_id = desk.saga_of(booked.booking_id).id
    held = desk.scheduling.claim(saga_id, now=desk.now, lease=LEASE, token="worker")
    assert held is not None
    check_refused(desk, act, desk.wish(booked.booking_id), SagaMoved)
    desk.scheduling.save(held, attempts=(), now=desk.now)


@pytest.mark.parametrize("act", [retry, undo])
def test_a_worker_whose_lease_ran_out_is_fenced_off(desk: Desk, act: Act) -> None:
    booked = desk.book()
    zombie = desk.scheduling.claim(desk.saga_of(booked.booking_id).id, now=desk.now, lease=LEASE, token="zombie")
    assert zombie is not None
    desk.now += LEASE
    act(desk.operator, desk.wish(booked.booking_id))
    with pytest.raises(LeaseLost):
        desk.scheduling.save(zombie, attempts=(), now=desk.now)
    desk.settle()
    desk.check_promises()


def test_a_saga_of_a_name_that_is_gone_is_refused_and_can_be_resolved(desk: Desk) -> None:
    booking_id = desk.stuck_by_a_bug()
    state = desk.saga_of(booking_id)
    desk.scheduling.sagas[state.id] = replace(state, name="sell_tickets")
    for act in (retry, skip, undo):
        check_refused(desk, act, desk.wish(booking_id), NotPossible, "knows no saga sell_tickets")
    desk.operator.resolve(desk.wish(booking_id))


# --- the audit trail -------------------------------------------------------------------------


@every_act
def test_every_intervention_stands_in_the_audit_trail(desk: Desk, act: Act) -> None:
    booking_id = desk.stuck_by_a_bug()
    act(desk.operator, desk.wish(booking_id, by=" هدى ", why=" اتصل الشريك "))
    assert desk.audit(booking_id) == [(act.__name__, "create_meeting", "هدى", "اتصل الشريك")]
