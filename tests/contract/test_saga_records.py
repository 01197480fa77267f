"""What operators rely on of the journal: on the fake, and on every engine alike."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from repositories.database import Database
from repositories.entities.effects import Effect, EndBooking, GiveUpBooking, ReserveTime
from repositories.entities.sagas import LONGEST_BY, LONGEST_WHY, Attempt, AuditEntry, SagaFilter, SagaRecord, SagaState
from repositories.enums import Attempted, BookingStatus, OutcomeWord, Reason, SagaStatus
from repositories.ports.errors import LeaseLost, SagaMoved, SlotTaken
from repositories.ports.sagas import SagaRecords
from repositories.scheduling_db.saga_records import SqlSagaRecords
from repositories.scheduling_db.tables import saga_audit
from tests.conftest import FreshDatabase
from tests.contract.test_scheduling import HOUR, LEASE, NOW, STARTS, World, fake_world, slot, sql_world
from tests.engines import ENGINES
from tests.fakes.operations import FakeSagaRecords

ALL = frozenset(SagaStatus)


def giving_up(booking_id: int) -> GiveUpBooking:
    return GiveUpBooking(booking_id=booking_id, reason=Reason.INTERNAL_ERROR, failed_step="save_order")


@dataclass
class Desk:
    world: World
    records: SagaRecords

    def record(self, booking_id: int) -> SagaRecord:
        record = self.records.find_record(self.world.saga_of[booking_id])
        assert record is not None
        return record

    def state(self, booking_id: int) -> SagaState:
        return self.record(booking_id).state

    def listed(self, *, limit: int = 100, **only: Any) -> list[str]:
        wanted = SagaFilter(**{"statuses": ALL, **only})
        return [state.id for state in self.records.list_sagas(wanted, limit=limit)]

    def saved(self, booking_id: int, *, now: datetime = NOW, **changes: Any) -> SagaState:
        """The saga of this booking after a worker wrote these changes and let go."""
        state = replace(self.world.claimed(booking_id, now=now), claims=0, **changes)
        return self.world.save(state, now=now)

    def stuck(self, *effects: Effect) -> int:
        booking_id = self.world.accept()
        self.world.reserve(booking_id)
        state = self.world.claimed(booking_id)
        self.world.save(replace(state, status=SagaStatus.STUCK, step="save_order", due_at=None, claims=0), *effects)
        return booking_id


@pytest.fixture(params=["fake", *ENGINES])
def desk(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Desk:
    if request.param == "fake":
        world = fake_world()
        desk = Desk(world, FakeSagaRecords(world.journal))
    else:
        database = fresh_database(request.param, "scheduling_db")
        desk = Desk(sql_world(database), SqlSagaRecords(database))
    desk.world.add_slot(slot(7, STARTS, HOUR))
    return desk


def entry(action: str = "retry", *, at: datetime = NOW, **changes: str) -> AuditEntry:
    return AuditEntry(**{"action": action, "step": "save_order", "by": "هدى", "why": "تذكرة ٧", "at": at, **changes})  # type: ignore[arg-type]


def line(step: str, outcome: OutcomeWord = OutcomeWord.DONE) -> Attempt:
    return Attempt(
        step=step,
        kind=Attempted.ACTION,
        number=1,
        outcome=outcome,
        error=None,
        started_at=NOW,
        duration=timedelta(milliseconds=2),
    )


# --- looking -----------------------------------------------------------------------------------


def test_an_unknown_saga_has_no_record(desk: Desk) -> None:
    assert desk.records.find_record("0" * 32) is None
    assert list(desk.records.find_sagas_of(404)) == []


def test_a_record_is_the_saga_with_its_own_story_in_order(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    desk.world.withdraw(booking_id)
    for number, steps in ((booking_id, ("notify_provider",)), (-booking_id, ("refund_order", "close_meeting"))):
        state = replace(desk.world.claimed(number), due_at=NOW + HOUR, claims=0)
        desk.world.journal.save(state, attempts=[line(step) for step in steps], now=NOW + timedelta(minutes=1))
    record = desk.record(-booking_id)
    assert (record.state.name, record.updated_at) == ("cancel_booking", NOW + timedelta(minutes=1))
    assert [told.step for told in record.timeline] == ["refund_order", "close_meeting"]
    assert record.audit == ()
    assert [told.step for told in desk.record(booking_id).timeline] == ["notify_provider"]


def test_the_sagas_of_a_booking_are_found_the_oldest_first(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    desk.world.withdraw(booking_id, now=NOW + timedelta(minutes=1))
    desk.world.accept()
    names = [state.name for state in desk.records.find_sagas_of(booking_id)]
    assert names == ["book_session", "cancel_booking"]


def test_sagas_are_listed_the_longest_unchanged_first_and_no_more_than_asked_for(desk: Desk) -> None:
    bookings = [desk.world.accept() for _ in range(3)]
    for minutes, booking_id in ((3, bookings[0]), (1, bookings[1]), (2, bookings[2])):
        desk.saved(booking_id, now=NOW + timedelta(minutes=minutes), due_at=NOW + HOUR)
    ids = [desk.world.saga_of[booking_id] for booking_id in bookings]
    assert desk.listed() == [ids[1], ids[2], ids[0]]
    assert desk.listed(limit=2) == [ids[1], ids[2]]


@pytest.mark.parametrize(
    ("only", "is_listed"),
    [
        ({}, True),
        ({"statuses": frozenset({SagaStatus.STUCK, SagaStatus.DONE})}, True),
        ({"statuses": frozenset({SagaStatus.RUNNING})}, False),
        ({"name": "book_session"}, True),
        ({"name": "cancel_booking"}, False),
        ({"step": "save_order"}, True),
        ({"step": "create_meeting"}, False),
        ({"reason": Reason.SERVICE_UNAVAILABLE}, True),
        ({"reason": Reason.INTERNAL_ERROR}, False),
        ({"organization_id": 1}, True),
        ({"organization_id": 2}, False),
        ({"unchanged_since": NOW}, True),
        ({"unchanged_since": NOW - timedelta(microseconds=1)}, False),
        ({"name": "book_session", "step": "save_order", "organization_id": 1, "unchanged_since": NOW}, True),
        ({"name": "book_session", "step": "save_order", "organization_id": 2}, False),
    ],
)
def test_each_filter_alone_and_together(desk: Desk, only: dict[str, Any], is_listed: bool) -> None:
    booking_id = desk.stuck()
    desk.records.intervene(replace(desk.state(booking_id), reason=Reason.SERVICE_UNAVAILABLE), entry())
    assert desk.listed(**only) == ([desk.world.saga_of[booking_id]] if is_listed else [])


# --- stepping in -------------------------------------------------------------------------------


def test_an_intervention_writes_state_audit_attempts_and_effects_at_once(desk: Desk) -> None:
    booking_id = desk.stuck()
    state = desk.state(booking_id)
    later = NOW + timedelta(minutes=1)
    wanted = replace(state, status=SagaStatus.RESOLVED, due_at=None)
    told = line("save_order", OutcomeWord.SKIPPED)
    written = desk.records.intervene(
        wanted, entry("resolve", at=later), attempts=[told], effects=[giving_up(booking_id)]
    )
    record = desk.record(booking_id)
    assert record.state == written == replace(wanted, version=state.version + 1, lease_token=None)
    assert (record.updated_at, record.timeline, record.audit) == (later, (told,), (entry("resolve", at=later),))
    booking = desk.world.booking(booking_id)
    assert (booking.status, booking.reason, booking.failed_step) == (
        BookingStatus.FAILED,
        Reason.INTERNAL_ERROR,
        "save_order",
    )
    assert desk.world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)


def test_the_audit_trail_keeps_its_order_and_holds_the_longest_reason(desk: Desk) -> None:
    booking_id = desk.stuck()
    entries = [
        entry("retry", by="ه" * LONGEST_BY, why="ط" * LONGEST_WHY),
        entry("undo", at=NOW + HOUR),
        entry("skip", at=NOW + HOUR),
    ]
    for one in entries:
        desk.records.intervene(desk.state(booking_id), one)
    assert list(desk.record(booking_id).audit) == entries


def test_a_resumed_saga_is_taken_by_the_next_sweep_and_claimed(desk: Desk) -> None:
    booking_id = desk.world.accept()
    desk.saved(booking_id, due_at=NOW + timedelta(seconds=1))
    later = NOW + timedelta(seconds=2)
    desk.world.journal.take_due(now=later, limit=9, marked_until=NOW + HOUR)
    desk.records.intervene(replace(desk.state(booking_id), due_at=later), entry(at=later))
    due = desk.world.journal.take_due(now=later, limit=9, marked_until=later)
    assert [saga.id for saga in due] == [desk.world.saga_of[booking_id]]
    assert desk.world.claimed(booking_id, now=later).claims == 1


def test_nothing_is_written_for_a_saga_that_changed_since_it_was_read(desk: Desk) -> None:
    booking_id = desk.stuck()
    read = desk.state(booking_id)
    desk.records.intervene(read, entry())
    with pytest.raises(SagaMoved):
        desk.records.intervene(read, entry("resolve"), attempts=[line("x")], effects=[giving_up(booking_id)])
    record = desk.record(booking_id)
    assert ([told.action for told in record.audit], record.timeline) == (["retry"], ())
    assert desk.world.booking(booking_id).status is BookingStatus.PENDING


def test_a_saga_in_the_hands_of_a_worker_is_left_to_it(desk: Desk) -> None:
    booking_id = desk.world.accept()
    worker = desk.world.claimed(booking_id)
    with pytest.raises(SagaMoved):
        desk.records.intervene(desk.state(booking_id), entry(at=NOW + LEASE - timedelta(microseconds=1)))
    assert desk.record(booking_id).audit == ()
    desk.world.save(worker)


def test_a_worker_whose_lease_ran_out_is_fenced_off(desk: Desk) -> None:
    booking_id = desk.world.accept()
    zombie = desk.world.claimed(booking_id)
    resumed = replace(desk.state(booking_id), due_at=NOW + LEASE, claims=0)
    desk.records.intervene(resumed, entry(at=NOW + LEASE))
    effect = ReserveTime(booking_id=booking_id, care_provider_id=42, starts_at=STARTS, ends_at=STARTS + HOUR)
    with pytest.raises(LeaseLost):
        desk.world.save(zombie, effect)
    assert desk.world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)


def test_an_effect_that_fails_takes_the_whole_intervention_back(desk: Desk) -> None:
    desk.stuck()
    booking_id = desk.world.accept()
    before = desk.record(booking_id)
    taken = ReserveTime(booking_id=booking_id, care_provider_id=42, starts_at=STARTS, ends_at=STARTS + HOUR)
    with pytest.raises(SlotTaken):
        desk.records.intervene(replace(before.state, step="x"), entry(), attempts=[line("x")], effects=[taken])
    assert desk.record(booking_id) == before


def test_a_withdrawal_is_not_overwritten(desk: Desk) -> None:
    booking_id = desk.stuck()
    read = desk.state(booking_id)
    desk.world.withdraw(booking_id)
    desk.records.intervene(read, entry())
    assert desk.state(booking_id).withdrawn_at == NOW


# --- giving up ---------------------------------------------------------------------------------


def test_giving_up_a_withdrawn_booking_cancels_it(desk: Desk) -> None:
    booking_id = desk.stuck()
    desk.world.withdraw(booking_id)
    desk.records.intervene(desk.state(booking_id), entry("resolve"), effects=[giving_up(booking_id)])
    assert desk.world.booking(booking_id).status is BookingStatus.CANCELLED
    assert [kind for _, _, kind in desk.world.events()] == ["accepted", "withdrawn", "cancelled"]


def test_giving_up_leaves_a_confirmed_booking_its_session(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    before = desk.world.booking(booking_id)
    desk.records.intervene(desk.state(booking_id), entry("resolve"), effects=[giving_up(booking_id)])
    assert desk.world.booking(booking_id) == before
    assert not desk.world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)


def test_giving_up_twice_is_giving_up_once_and_frees_time_left_behind(desk: Desk) -> None:
    booking_id = desk.stuck()
    failed = EndBooking(booking_id=booking_id, reason=Reason.MEETING_REFUSED, failed_step="create_meeting")
    for effect in (failed, giving_up(booking_id), giving_up(booking_id)):
        desk.records.intervene(desk.state(booking_id), entry("resolve"), effects=[effect])
    assert desk.world.booking(booking_id).reason is Reason.MEETING_REFUSED
    assert desk.world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)
    assert [kind for _, _, kind in desk.world.events()] == ["accepted", "failed"]


# --- every engine, without a fake -----------------------------------------------------------------


def test_without_its_audit_entry_an_intervention_does_not_happen(scheduling_database: Database) -> None:
    desk = Desk(sql_world(scheduling_database), SqlSagaRecords(scheduling_database))
    desk.world.add_slot(slot(7, STARTS, HOUR))
    booking_id = desk.stuck()
    before = desk.state(booking_id)
    kept = desk.world.booking(booking_id)
    with scheduling_database.engine.begin() as connection:
        saga_audit.drop(connection)
    with pytest.raises(DBAPIError):
        desk.records.intervene(replace(before, step="x"), entry(), effects=[giving_up(booking_id)])
    with scheduling_database.engine.begin() as connection:
        saga_audit.create(connection)
    assert (desk.state(booking_id), desk.world.booking(booking_id)) == (before, kept)
    assert not desk.world.slots.is_time_free(slot(7, STARTS, HOUR), booking_id=0)


# --- page by page --------------------------------------------------------------------------------


def three_changed(desk: Desk) -> list[str]:
    """Ids of sagas, the last changed first; the last two changed at the same instant."""
    for minutes in (3, 1, 1):
        booking_id = desk.world.accept()
        status = SagaStatus.STUCK if minutes == 3 else SagaStatus.RUNNING
        desk.saved(booking_id, now=NOW + timedelta(minutes=minutes), due_at=NOW + HOUR, status=status)
    states = desk.records.list_sagas(SagaFilter(statuses=ALL), limit=10)
    return [state.id for state in reversed(states)]


def paged(desk: Desk, *, limit: int, **only: Any) -> list[list[str]]:
    """Every page, each read from behind the last line of the one before."""
    wanted, pages, after = SagaFilter(**{"statuses": ALL, **only}), [], None
    while lines := desk.records.page_of_sagas(wanted, after=after, limit=limit):
        pages.append([line.state.id for line in lines])
        after = (lines[-1].updated_at, lines[-1].state.id)
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_have_every_saga_once_the_last_changed_first(desk: Desk, limit: int) -> None:
    ids = three_changed(desk)
    pages = paged(desk, limit=limit)
    assert [saga_id for page in pages for saga_id in page] == ids
    assert all(len(page) <= limit for page in pages)


def test_pages_are_filtered_as_lists_are(desk: Desk) -> None:
    ids = three_changed(desk)
    assert paged(desk, limit=10, statuses=frozenset({SagaStatus.STUCK})) == [[ids[0]]]
    assert paged(desk, limit=10, step="nowhere") == []
    assert paged(desk, limit=10, organization_id=1) == [ids]
    assert paged(desk, limit=10, organization_id=2) == []


def test_sagas_are_found_by_when_they_began(desk: Desk) -> None:
    early, late = desk.world.accept(now=NOW), desk.world.accept(now=NOW + HOUR)
    ids = [desk.world.saga_of[early], desk.world.saga_of[late]]
    assert desk.listed(begun_since=NOW + HOUR) == [ids[1]]
    assert desk.listed(begun_before=NOW + HOUR) == [ids[0]]
    assert desk.listed(begun_since=NOW, begun_before=NOW + HOUR + timedelta(microseconds=1)) == ids
