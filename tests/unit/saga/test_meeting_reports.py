"""Webhooks of the video service: what becomes of them, whatever the order, however often."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.ports import RoomReport
from repositories.entities.bookings import Booking
from repositories.entities.meetings import MeetingFact
from repositories.enums import BookingStatus, MeetingFactKind, ReportStatus
from repositories.ports.errors import StoreUnavailable
from saga.meeting_reports import (
    DATABASE_UNAVAILABLE,
    LEASE_LOST,
    MARK,
    MOST_CLAIMS,
    NOT_DUE,
    PUT_OFF,
    TASK,
    WORTH_TELLING,
    NoteReport,
    ReceiveReport,
    SweepReports,
    session_times,
)
from tests.contract.test_history import booking
from tests.fakes.meeting_reports import FakeMeetingReports, FakeRoomReports
from tests.fakes.scheduling import FakeScheduling

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND, LEASE = timedelta(seconds=1), timedelta(minutes=1)
ROOM, SESSION, USER, PROVIDER, BOOKED = "abcd-efgh-ijkl", "s-1", 11, 42, 5
OF_USER = RoomReport(kind="participant-joined", meeting_id=ROOM, session_id=SESSION, participant_id="user-11")
OF_PROVIDER = replace(OF_USER, participant_id="provider-42")
OF_STRANGER = replace(OF_USER, participant_id="someone@example.com")
BEGAN = RoomReport(kind="session-started", meeting_id=ROOM, session_id=SESSION, started_at=NOW - SECOND)
ENDED = replace(BEGAN, kind="session-ended", ended_at=NOW + LEASE)
RECORDED = RoomReport(kind="recording-stopped", meeting_id=ROOM, session_id=SESSION, file="/videos/1.mp4")
ALL = [
    BEGAN,
    ENDED,
    OF_USER,
    OF_PROVIDER,
    OF_STRANGER,
    replace(OF_USER, kind="participant-left"),
    RECORDED,
    replace(RECORDED, file="/videos/2.mp4"),
    replace(BEGAN, session_id="s-2", started_at=NOW + 5 * LEASE),
    replace(OF_USER, session_id="s-2"),
    replace(OF_USER, meeting_id="unknown"),
    replace(BEGAN, kind="hls-started"),
]


def party_of(participant_id: str) -> tuple[str, int] | None:
    party, _, number = participant_id.partition("-")
    return (party, int(number)) if number.isdigit() else None


@dataclass
class World:
    now: datetime = NOW
    told: dict[str, int] = field(default_factory=dict)  # pushes: key -> booking
    failures: list[Exception] = field(default_factory=list)  # of telling, one after the other
    nudged: list[tuple[str, str]] = field(default_factory=list)
    is_broker_up: bool = True
    tokens: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        booked = replace(booking(1, id=BOOKED, user=USER), meeting_id=ROOM)
        self.scheduling = FakeScheduling(bookings={BOOKED: booked})
        self.inbox = FakeMeetingReports(
            bookings=lambda: list(self.scheduling.bookings.values()),
            tell=self.scheduling._tell,
            request_of=lambda booking_id, _by: f"asked-for-{booking_id}",
        )
        self.words = FakeRoomReports()
        self.take_in = ReceiveReport(
            reports=self.words, inbox=self.inbox, party_of=party_of, nudge=self.nudge, clock=lambda: self.now
        )
        self.work = NoteReport(
            inbox=self.inbox,
            tell_provider=self.tell,
            clock=lambda: self.now,
            new_token=lambda: str(next(self.tokens)),
            lease=LEASE,
        )
        self.sweep = SweepReports(inbox=self.inbox, nudge=self.nudge, clock=lambda: self.now)

    def nudge(self, name: str, about: str) -> bool:
        if self.is_broker_up:
            self.nudged.append((name, about))
        return self.is_broker_up

    def tell(self, booking_id: int, *, key: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.told[key] = booking_id

    def receive(self, *reports: RoomReport) -> None:
        for report in reports:
            body = repr(vars(report)).encode()
            self.words.known[body] = report
            self.take_in(body, signature="good")

    def run(self) -> list[str]:
        """Work through what was nudged."""
        waiting, self.nudged = self.nudged, []
        return [self.work(int(about)) for _, about in waiting]

    def change(self, **changes: Any) -> Booking:
        changed = replace(self.scheduling.bookings[BOOKED], **changes)
        self.scheduling.bookings[BOOKED] = changed
        return changed

    @property
    def facts(self) -> list[MeetingFact]:
        return list(self.inbox.facts_of(BOOKED))

    @property
    def happened(self) -> set[tuple[str, str, str]]:
        """The facts without the times at which we were told."""
        return {(fact.kind, fact.session_id, fact.subject) for fact in self.facts}

    def count(self, status: ReportStatus) -> int:
        return self.inbox.count_reports()[status]


@pytest.fixture
def world() -> World:
    return World()


def facts_when(kind: MeetingFactKind, *reports: RoomReport) -> list[MeetingFact]:
    world = World()
    world.receive(*reports)
    world.run()
    return [fact for fact in world.facts if fact.kind is kind]


def test_a_report_is_nudged_at_once_and_again_only_if_that_was_lost(world: World) -> None:
    world.receive(OF_USER)
    assert world.nudged == [(TASK, "1")]
    assert world.sweep() == 0
    world.now += MARK
    assert world.sweep() == 1
    assert world.run() == ["done", NOT_DUE]


def test_a_broker_that_is_away_loses_nothing(world: World) -> None:
    world.is_broker_up = False
    world.receive(OF_USER, BEGAN)
    world.is_broker_up, world.now = True, world.now + MARK
    assert world.sweep() == 2
    assert world.run() == ["done", "done"]


def test_a_session_has_the_times_that_were_told(world: World) -> None:
    world.receive(BEGAN, ENDED)
    world.run()
    assert [(fact.kind, fact.at) for fact in world.facts] == [
        (MeetingFactKind.SESSION_STARTED, NOW - SECOND),
        (MeetingFactKind.SESSION_ENDED, NOW + LEASE),
    ]


def test_the_end_of_a_session_tells_its_start_too() -> None:
    (started,) = facts_when(MeetingFactKind.SESSION_STARTED, ENDED)
    assert started.at == NOW - SECOND


def test_a_time_that_was_not_told_is_the_one_at_which_we_were_told() -> None:
    (started,) = facts_when(MeetingFactKind.SESSION_STARTED, replace(BEGAN, started_at=None))
    assert started.at == NOW


def test_a_participant_whose_id_is_ours_is_named_and_any_other_only_told_apart() -> None:
    joined = facts_when(MeetingFactKind.PARTICIPANT_JOINED, OF_USER, OF_PROVIDER, OF_STRANGER)
    named = [fact.subject for fact in joined]
    assert named[:2] == ["user:11", "provider:42"]
    assert named[2].startswith("other:")
    assert "example" not in repr(joined)


def test_a_recording_is_an_event_and_no_link_is_kept(world: World) -> None:
    world.receive(RECORDED, RECORDED)
    world.run()
    assert [(event[0], event[2]) for event in world.scheduling.events] == [(BOOKED, "recording_ready")]
    assert "videos" not in repr(world.inbox)


def test_a_recording_without_a_file_is_not_ready(world: World) -> None:
    world.receive(replace(RECORDED, file=None))
    assert (world.count(ReportStatus.IGNORED), world.nudged) == (1, [])


@pytest.mark.parametrize("report", [replace(OF_USER, participant_id=None), replace(BEGAN, kind="hls-started")])
def test_what_says_nothing_to_us_is_counted_and_not_worked_at(world: World, report: RoomReport) -> None:
    world.receive(report)
    assert (world.count(ReportStatus.IGNORED), world.nudged) == (1, [])


def test_a_room_that_no_booking_has_is_ignored(world: World) -> None:
    world.receive(replace(OF_USER, meeting_id="unknown"))
    assert world.run() == ["ignored"]
    assert world.told == {}


# --- who is told -----------------------------------------------------------------------------


def told_when(report: RoomReport, *, after: timedelta = timedelta(), **changes: Any) -> int:
    world = World()
    world.change(**changes)
    world.receive(report)
    world.now += after
    world.run()
    return len(world.told)


def test_the_provider_is_told_that_the_bookings_user_joined() -> None:
    assert told_when(OF_USER) == 1


@pytest.mark.parametrize(
    "report",
    [OF_PROVIDER, OF_STRANGER, replace(OF_USER, participant_id="user-12"), replace(OF_USER, kind="participant-left")],
)
def test_the_provider_is_not_told_of_anything_else(report: RoomReport) -> None:
    assert told_when(report) == 0


def test_the_provider_is_not_told_of_a_cancelled_booking() -> None:
    assert told_when(OF_USER, status=BookingStatus.CANCELLED) == 0


def test_the_provider_is_told_news_only() -> None:
    assert told_when(OF_USER, after=WORTH_TELLING - SECOND) == 1
    assert told_when(OF_USER, after=WORTH_TELLING) == 0


def test_the_provider_is_told_once_in_a_session(world: World) -> None:
    world.receive(OF_USER, replace(OF_USER, kind="participant-left"), OF_USER, replace(OF_USER, session_id="s-2"))
    world.run()
    assert list(world.told.values()) == [BOOKED, BOOKED]


# --- what goes wrong ---------------------------------------------------------------------------


def test_a_worker_that_dies_after_the_facts_still_has_the_provider_told(world: World) -> None:
    world.receive(OF_USER)
    claimed = world.inbox.claim(1, now=world.now, lease=LEASE, token="dead")
    assert claimed is not None
    world.inbox.note(claimed, [], now=world.now)
    world.now += LEASE
    world.sweep()
    world.run()
    assert list(world.told.values()) == [BOOKED]


def test_a_report_that_kills_its_workers_is_parked_after_so_many_claims(world: World) -> None:
    world.receive(OF_USER)
    for number in range(MOST_CLAIMS):
        assert world.inbox.claim(1, now=world.now, lease=LEASE, token=f"dead-{number}") is not None
        world.now += LEASE
    assert world.work(1) == "parked"
    assert world.facts == []
    (parked,) = world.inbox.list_reports(ReportStatus.PARKED, limit=2)
    assert (parked.error, parked.claims) == ("poison", MOST_CLAIMS + 1)


def test_a_bug_is_tried_again_and_then_parked_with_its_name(world: World) -> None:
    world.receive(OF_USER)
    world.failures = [KeyError("a name")] * MOST_CLAIMS
    outcomes = []
    for _ in range(MOST_CLAIMS):
        outcomes.append(world.work(1))
        world.now += LEASE
    assert outcomes == [PUT_OFF] * (MOST_CLAIMS - 1) + ["parked"]
    (parked,) = world.inbox.list_reports(ReportStatus.PARKED, limit=2)
    assert parked.error == "KeyError"
    assert world.inbox.retry(1, now=world.now)
    assert world.work(1) == "done"


def test_a_bug_that_passes_costs_a_second(world: World) -> None:
    world.receive(OF_USER)
    world.failures = [KeyError()]
    assert world.run() == [PUT_OFF]
    assert world.work(1) == NOT_DUE
    world.now += SECOND
    assert world.work(1) == "done"
    assert list(world.told.values()) == [BOOKED]


def test_whoever_was_paused_for_too_long_changes_nothing(world: World) -> None:
    world.receive(OF_USER)

    def overtaken(booking_id: int, *, key: str) -> None:
        world.inbox.claim(1, now=world.now + LEASE, lease=LEASE, token="another")

    assert replace(world.work, tell_provider=overtaken)(1) == LEASE_LOST
    assert world.count(ReportStatus.WAITING) == 1


def test_a_database_that_is_away_is_no_bug(world: World) -> None:
    world.receive(OF_USER)
    world.failures = [StoreUnavailable("away")]
    assert world.run() == [DATABASE_UNAVAILABLE]
    world.now += LEASE
    assert world.work(1) == "done"


# --- any order, any number ---------------------------------------------------------------------


def state(world: World) -> Any:
    """Everything that anybody is told of, but the times at which we were told and the order of what is alike."""
    kinds = [kind for _, _, kind in world.scheduling.events]
    told = {(fact.kind, fact.session_id): fact.at for fact in world.facts if fact.kind.startswith("session_")}
    return world.happened, told, kinds, set(world.told.values()), len(world.told)


EACH = range(len(ALL))
EVERYTHING = World()
EVERYTHING.receive(*ALL)
EVERYTHING.run()


@settings(max_examples=300, deadline=None)
@given(order=st.permutations(EACH), repeats=st.lists(st.sampled_from(EACH), max_size=20), data=st.data())
def test_whatever_the_order_and_the_repeats_the_end_is_the_same(
    order: list[int], repeats: list[int], data: st.DataObject
) -> None:
    world = World()
    deliveries = list(order)
    for one in repeats:
        deliveries.insert(data.draw(st.integers(0, len(deliveries))), one)
    for one in deliveries:
        world.receive(ALL[one])
        if data.draw(st.booleans()):
            world.run()
        if data.draw(st.booleans()):
            world.nudged = []  # the broker forgot everything
    world.now += MARK
    world.sweep()
    world.run()
    assert state(world) == state(EVERYTHING)
    assert world.count(ReportStatus.WAITING) == world.count(ReportStatus.PARKED) == 0


# --- what is told of a meeting -------------------------------------------------------------------


def times_when(*reports: RoomReport) -> tuple[datetime | None, datetime | None]:
    world = World()
    world.receive(*reports)
    world.run()
    return session_times(world.facts)


AGAIN = replace(BEGAN, session_id="s-2", started_at=NOW + 2 * LEASE)


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        ([], (None, None)),
        ([OF_USER], (None, None)),
        ([BEGAN], (NOW - SECOND, None)),
        ([ENDED], (NOW - SECOND, NOW + LEASE)),
        ([AGAIN, ENDED, BEGAN], (NOW - SECOND, None)),
        ([replace(ENDED, started_at=None)], (None, NOW + LEASE)),
        (
            [ENDED, AGAIN, replace(AGAIN, kind="session-ended", ended_at=NOW + 9 * LEASE)],
            (NOW - SECOND, NOW + 9 * LEASE),
        ),
    ],
    ids=["nothing", "joined", "began", "ended", "began_again", "ended_only", "ended_twice"],
)
def test_a_meeting_began_with_its_first_session_and_is_over_when_all_are(reports: list[RoomReport], told: Any) -> None:
    assert times_when(*reports) == told


def test_the_line_of_a_report_says_of_which_request_and_booking_it_is(world: World, logged: list[Any]) -> None:
    world.receive(OF_USER, replace(OF_USER, meeting_id="unknown"))
    world.run()
    booked, ignored = [line for line in logged if line["event"] == "meeting_report"]
    assert [booked[name] for name in ("request_id", "booking_id", "report_id", "kind", "state")] == [
        f"asked-for-{BOOKED}", BOOKED, 1, "participant-joined", "done",
    ]  # fmt: skip
    assert (ignored["report_id"], ignored["state"], ignored["error"]) == (2, "ignored", "unknown room")
    assert "booking_id" not in ignored
