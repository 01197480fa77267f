"""What the receiving of webhooks relies on of the inbox: on the fake, and on every engine alike."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from repositories.database import Database
from repositories.entities.meetings import ClaimedReport, MeetingFact, MeetingReport
from repositories.entities.sagas import SagaState
from repositories.enums import BookingPlatform, MeetingFactKind, ReportStatus, SagaStatus
from repositories.ports.errors import LeaseLost
from repositories.scheduling_db import tables
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.saga_rows import first_row
from tests.contract.test_history import booking
from tests.engines import ENGINES, Databases
from tests.fakes.meeting_reports import FakeMeetingReports
from tests.fakes.scheduling import FakeScheduling

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, LEASE = timedelta(seconds=1), timedelta(minutes=1)
ROOM, SESSION = "abcd-efgh-ijkl", "613731342f27f56e4fc4b6d0"
STARTED = MeetingReport(kind="session-started", meeting_id=ROOM, session_id=SESSION, started_at=NOW - SECOND)
JOINED = MeetingReport(kind="participant-joined", meeting_id=ROOM, session_id=SESSION, participant="user:11")
RECORDED = MeetingReport(kind="recording-stopped", meeting_id=ROOM, session_id=SESSION, recording="a" * 64)
BOOKED, OTHER = 5, 6
FACT = MeetingFact(kind=MeetingFactKind.PARTICIPANT_JOINED, session_id=SESSION, subject="user:11", at=NOW)
READY = MeetingFact(kind=MeetingFactKind.RECORDING_READY, session_id=SESSION, subject="a" * 64, at=NOW)


@dataclass
class World:
    inbox: Any
    events: Callable[[], list[tuple[int, int, str]]]  # (booking, sequence, kind)
    clear: Callable[[], None]

    def receive(self, report: MeetingReport = JOINED, *, is_of_use: bool = True, after: timedelta = SECOND * 0) -> Any:
        at = NOW + after
        return self.inbox.receive(report, is_of_use=is_of_use, now=at, marked_until=at + 20 * SECOND)

    def claim(self, report_id: int, after: timedelta = SECOND * 0, token: str = "t" * 32) -> ClaimedReport:
        claimed = self.inbox.claim(report_id, now=NOW + after, lease=LEASE, token=token)
        assert isinstance(claimed, ClaimedReport)
        return claimed

    def claimed(self, report: MeetingReport = JOINED) -> ClaimedReport:
        return self.claim(self.receive(report))

    def note(self, claimed: ClaimedReport, *facts: MeetingFact) -> Any:
        return self.inbox.note(claimed, facts, now=NOW)

    def only(self, status: ReportStatus) -> Any:
        (record,) = self.inbox.list_reports(status, limit=10)
        return record


@pytest.fixture(scope="module", params=["fake", *ENGINES])
def standing(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    if request.param == "fake":
        yield fake_world()
        return
    with databases.opened(request.param, "scheduling_db") as database:
        yield sql_world(database)


@pytest.fixture
def world(standing: World) -> World:
    standing.clear()
    return standing


BOOKINGS = [replace(booking(1, id=BOOKED), meeting_id=ROOM), booking(2, id=OTHER)]


def a_saga(number: int, *, request_id: str, created_at: datetime) -> SagaState:
    return SagaState(
        id=f"{number:032}",
        name="book_session",
        booking_id=BOOKED,
        input={},
        status=SagaStatus.DONE,
        step=None,
        due_at=None,
        deadline_at=NOW,
        expires_at=NOW,
        request_id=request_id,
        created_at=created_at,
    )


SAGAS = [
    a_saga(1, request_id="booked", created_at=NOW - LEASE),
    a_saga(2, request_id="moved", created_at=NOW),
    a_saga(3, request_id="later", created_at=NOW + LEASE),
]


def fake_world() -> World:
    fake = FakeScheduling(bookings={one.id: one for one in BOOKINGS})
    fake.sagas = {one.id: one for one in SAGAS}
    inbox = FakeMeetingReports(
        bookings=lambda: list(fake.bookings.values()), tell=fake._tell, request_of=fake.request_of
    )

    def clear() -> None:
        inbox.rows.clear()
        inbox.facts.clear()
        fake.events = []

    return World(inbox, lambda: fake.events, clear)


def sql_world(database: Database) -> World:
    def fill(connection: Any) -> None:
        connection.execute(insert(tables.slot_durations), {"id": 1, "minutes": 60})
        slot = {"id": 7, "care_provider_id": 42, "starts_at": NOW, "ends_at": NOW + LEASE, "slot_duration_id": 1}
        connection.execute(insert(tables.slots), slot | {"is_open": True})
        rows = [{**vars(one), "platform": BookingPlatform.API, "is_from_mobile": False} for one in BOOKINGS]
        connection.execute(insert(tables.bookings), rows)
        connection.execute(insert(tables.sagas), [first_row(one, NOW, nudged_until=NOW) for one in SAGAS])

    database.write(fill)
    told = select(tables.booking_events).order_by(tables.booking_events.c.id)

    def events() -> list[tuple[int, int, str]]:
        with database.reading() as connection:
            return [(row.booking_id, row.sequence, row.kind) for row in connection.execute(told)]

    def empty(connection: Any) -> None:
        for table in (tables.meeting_reports, tables.meeting_facts, tables.booking_events):
            connection.execute(delete(table))

    return World(SqlMeetingReports(database), events, lambda: database.write(empty))


# --- received ------------------------------------------------------------------------------


@pytest.mark.parametrize("report", [STARTED, JOINED, RECORDED])
def test_what_is_received_can_be_claimed_as_it_came(world: World, report: MeetingReport) -> None:
    claimed = world.claimed(report)
    assert (claimed.report, claimed.received_at, claimed.claims) == (report, NOW, 1)


def test_a_repeat_is_no_second_report_and_is_counted(world: World) -> None:
    first = world.receive()
    assert world.receive(after=SECOND) is None
    record = world.only(ReportStatus.WAITING)
    assert (record.id, record.deliveries, record.received_at) == (first, 2, NOW)


def test_a_repeat_of_what_is_done_wakes_nothing(world: World) -> None:
    claimed = world.claimed()
    world.inbox.finish(claimed, ReportStatus.DONE)
    assert world.receive() is None
    assert world.inbox.claim(claimed.id, now=NOW + 10 * LEASE, lease=LEASE, token="u") is None


@pytest.mark.parametrize(
    "other",
    [
        replace(JOINED, kind="participant-left"),
        replace(JOINED, meeting_id="other"),
        replace(JOINED, session_id="other"),
        replace(JOINED, participant="user:12"),
        replace(JOINED, recording="b" * 64),
    ],
)
def test_whatever_differs_is_another_report(world: World, other: MeetingReport) -> None:
    assert world.receive(JOINED) != world.receive(other) is not None


def test_what_is_of_no_use_is_kept_as_ignored_and_never_due(world: World) -> None:
    assert world.receive(is_of_use=False) is None
    record = world.only(ReportStatus.IGNORED)
    assert world.inbox.take_due(now=NOW + LEASE, limit=9, marked_until=NOW) == []
    assert world.inbox.claim(record.id, now=NOW + LEASE, lease=LEASE, token="t") is None


def test_the_same_report_from_many_sides_at_once_is_one(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        new = [one for one in pool.map(lambda _: world.receive(), range(8)) if one is not None]
    assert len(new) == 1
    assert world.only(ReportStatus.WAITING).deliveries == 8


# --- claimed -------------------------------------------------------------------------------


def test_a_claimed_report_is_nobody_elses_until_the_lease_ends(world: World) -> None:
    claimed = world.claimed()
    assert world.inbox.claim(claimed.id, now=NOW + LEASE - SECOND, lease=LEASE, token="u") is None
    assert world.claim(claimed.id, after=LEASE).claims == 2


def test_an_unknown_report_is_not_claimed(world: World) -> None:
    assert world.inbox.claim(404, now=NOW, lease=LEASE, token="t") is None


def test_whoever_lost_the_lease_writes_nothing(world: World) -> None:
    late = world.claimed(RECORDED)
    world.claim(late.id, after=LEASE, token="u")
    with pytest.raises(LeaseLost):
        world.note(late, READY)
    with pytest.raises(LeaseLost):
        world.inbox.finish(late, ReportStatus.DONE)
    with pytest.raises(LeaseLost):
        world.inbox.put_off(late, until=NOW, error="E")
    assert world.inbox.facts_of(BOOKED) == []
    assert world.events() == []


def test_what_is_put_off_is_due_then_and_keeps_its_claims(world: World) -> None:
    claimed = world.claimed()
    world.inbox.put_off(claimed, until=NOW + LEASE, error="KeyError")
    assert world.only(ReportStatus.WAITING).error == "KeyError"
    assert world.inbox.claim(claimed.id, now=NOW + LEASE - SECOND, lease=LEASE, token="u") is None
    assert world.claim(claimed.id, after=LEASE).claims == 2


# --- noted ---------------------------------------------------------------------------------


def test_facts_are_those_of_the_booking_that_has_the_meeting(world: World) -> None:
    noted = world.note(world.claimed(), FACT)
    assert (noted.booking.id, noted.request_id) == (BOOKED, "moved")
    assert world.inbox.facts_of(BOOKED) == [FACT]
    assert world.inbox.facts_of(OTHER) == []
    assert world.only(ReportStatus.WAITING).booking_id == BOOKED


def test_a_fact_is_kept_once_and_as_it_was_first_told(world: World) -> None:
    claimed = world.claimed()
    world.note(claimed, FACT)
    world.note(claimed, replace(FACT, at=NOW + LEASE))
    assert world.inbox.facts_of(BOOKED) == [FACT]


def test_a_new_recording_is_an_event_once(world: World) -> None:
    claimed = world.claimed(RECORDED)
    world.note(claimed, READY)
    world.note(claimed, READY)
    world.note(claimed, replace(READY, subject="b" * 64))
    assert world.events() == [(BOOKED, 1, "recording_ready"), (BOOKED, 2, "recording_ready")]


def test_nothing_else_is_an_event(world: World) -> None:
    kinds = set(MeetingFactKind) - {MeetingFactKind.RECORDING_READY}
    world.note(world.claimed(), *(replace(FACT, kind=kind) for kind in kinds))
    assert world.events() == []
    assert len(world.inbox.facts_of(BOOKED)) == len(kinds)


def test_a_meeting_that_no_booking_has_is_not_noted(world: World) -> None:
    claimed = world.claimed(replace(JOINED, meeting_id="unknown"))
    assert world.note(claimed, FACT) is None


def test_facts_are_told_in_the_order_in_which_they_happened(world: World) -> None:
    late, early = replace(FACT, subject="b", at=NOW + LEASE), replace(FACT, subject="a")
    world.note(world.claimed(), late, early)
    assert world.inbox.facts_of(BOOKED) == [early, late]


def test_reports_of_one_booking_noted_at_once_are_all_noted(world: World) -> None:
    recordings = [str(number) * 64 for number in range(6)]
    claimed = [world.claimed(replace(RECORDED, recording=one)) for one in recordings]
    facts = [replace(READY, subject=one) for one in recordings]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(world.note, claimed, facts))
    assert [sequence for _, sequence, _ in world.events()] == [1, 2, 3, 4, 5, 6]
    assert {fact.subject for fact in world.inbox.facts_of(BOOKED)} == set(recordings)


# --- swept, and looked after ---------------------------------------------------------------


def test_the_sweep_leaves_alone_what_was_nudged_a_moment_ago(world: World) -> None:
    report_id = world.receive()
    due = [world.inbox.take_due(now=NOW + after * SECOND, limit=9, marked_until=NOW + LEASE) for after in (19, 20, 21)]
    assert due == [[], [report_id], []]


def test_the_oldest_is_swept_first(world: World) -> None:
    second = world.receive(STARTED, after=SECOND)
    first = world.receive(JOINED)
    late = {"now": NOW + LEASE, "marked_until": NOW + 2 * LEASE}
    assert world.inbox.take_due(limit=1, **late) == [first]
    assert world.inbox.take_due(limit=9, **late) == [second]


def test_a_report_whose_worker_died_is_swept_when_its_lease_ends(world: World) -> None:
    claimed = world.claimed()
    for after, swept in ((LEASE - SECOND, []), (LEASE, [claimed.id])):
        assert world.inbox.take_due(now=NOW + after, limit=9, marked_until=NOW + 2 * LEASE) == swept


@pytest.mark.parametrize("status", [ReportStatus.PARKED, ReportStatus.IGNORED])
def test_what_ended_without_effect_can_be_retried(world: World, status: ReportStatus) -> None:
    claimed = world.claimed()
    world.inbox.finish(claimed, status, error="poison")
    assert (world.only(status).error, world.only(status).claims) == ("poison", 1)
    assert world.inbox.retry(claimed.id, now=NOW + LEASE)
    assert world.only(ReportStatus.WAITING).error is None
    assert world.claim(claimed.id, after=LEASE).claims == 1


def test_what_is_done_or_waits_or_is_unknown_is_not_retried(world: World) -> None:
    claimed = world.claimed()
    assert not world.inbox.retry(claimed.id, now=NOW)
    world.inbox.finish(claimed, ReportStatus.DONE)
    assert not world.inbox.retry(claimed.id, now=NOW)
    assert not world.inbox.retry(404, now=NOW)


def test_reports_are_counted_by_where_they_stand(world: World) -> None:
    world.receive(STARTED)
    world.receive(RECORDED, is_of_use=False)
    world.inbox.finish(world.claimed(), ReportStatus.PARKED)
    counts = {ReportStatus.WAITING: 1, ReportStatus.IGNORED: 1, ReportStatus.PARKED: 1, ReportStatus.DONE: 0}
    assert world.inbox.count_reports() == counts
