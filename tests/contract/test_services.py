"""What breakers and lines rely on of SchedulingDatabase: on the fake, and on every engine alike."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from repositories.database import Database
from repositories.entities.sagas import InLine, SagaState
from repositories.entities.services import ServiceAudit, ServiceState
from repositories.enums import Service, Trouble
from repositories.scheduling_db.services import SqlServices
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS
from tests.engines import ENGINES
from tests.fakes.scheduling import FakeScheduling
from tests.fakes.services import FakeServices

MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
FULL = ServiceState(
    service=Service.VIDEOSDK,
    failures=7,
    trouble=Trouble.LIMITED,
    error="ProviderUnavailable",
    opened_at=NOW,
    open_until=NOW + HOUR,
    probe_token="t" * 32,
    probe_until=NOW + 2 * HOUR,
    paused_at=NOW + 3 * HOUR,
    paused_by="سارة",
    paused_why="مفتاح جديد",
    standing_since=NOW + 4 * HOUR,
    stood_still=timedelta(days=400, microseconds=1),
)


@dataclass
class World:
    services: Any
    scheduling: scheduling.World

    def waits(self, *, since: timedelta = timedelta(), service: Service = Service.VIDEOSDK, **changes: Any) -> int:
        """A booking whose saga waits in line."""
        number = self.accept(**changes)
        place = InLine(service=service, since=NOW + since, stood_still=timedelta(hours=5))
        self.leave(self.scheduling.claimed(number), in_line=place, due_at=NOW + HOUR)
        return number

    def accept(self, *, created: timedelta = timedelta()) -> int:
        return self.scheduling.accept(now=NOW + created - HOUR)

    def leave(self, state: SagaState, **changes: Any) -> None:
        self.scheduling.save(replace(state, claims=0, **changes))

    def let_go(
        self,
        *,
        service: Service = Service.VIDEOSDK,
        limit: int = 99,
        window: int = 99,
        longest_first: bool = False,
        after: timedelta = MINUTE,
    ) -> list[int]:
        """The bookings let go a minute from now."""
        taken = self.scheduling.journal.take_waiting(
            service,
            limit=limit,
            window=window,
            longest_first=longest_first,
            now=NOW + after,
            marked_until=NOW + after + MINUTE,
        )
        bookings = {saga: booking for booking, saga in self.scheduling.saga_of.items()}
        return [bookings[saga.id] for saga in taken]

    def due(self, *, after: timedelta = MINUTE) -> int:
        return len(self.scheduling.journal.take_due(now=NOW + after, limit=99, marked_until=NOW + after))


@pytest.fixture(params=["fake", *ENGINES])
def world(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> World:
    if request.param == "fake":
        fake = FakeScheduling()
        world = World(FakeServices(fake), scheduling.World(fake, fake, fake, lambda _slot: None, lambda: fake.events))
        fake.add_slot(id=7, care_provider_id=42, starts_at=STARTS, ends_at=STARTS + HOUR)
        return world
    return sql_world(fresh_database(request.param, "scheduling_db"))


def sql_world(database: Database) -> World:
    whole = scheduling.sql_world(database)
    whole.add_slot(scheduling.slot(7, STARTS, HOUR))
    return World(SqlServices(database), whole)


# --- the state of a service ------------------------------------------------------------------


def test_every_service_is_there_from_the_start_and_closed(world: World) -> None:
    views = world.services.look(now=NOW)
    assert {service: view.state for service, view in views.items()} == {
        service: ServiceState(service=service) for service in Service
    }
    assert {view.waiting_since for view in views.values()} == {None}


def test_a_change_is_kept_as_it_was_made(world: World) -> None:
    assert world.services.change(Service.VIDEOSDK, lambda _state: FULL) == FULL
    views = world.services.look(now=NOW)
    assert views[Service.VIDEOSDK].state == FULL
    assert views[Service.FCM].state == ServiceState(service=Service.FCM)
    once_more = world.services.change(Service.VIDEOSDK, lambda state: replace(state, failures=state.failures + 1))
    assert once_more == replace(FULL, failures=8)
    closed = ServiceState(service=Service.VIDEOSDK)
    world.services.change(Service.VIDEOSDK, lambda _state: closed)
    assert world.services.look(now=NOW)[Service.VIDEOSDK].state == closed


def test_a_change_that_raises_changes_nothing(world: World) -> None:
    def refuses(_state: ServiceState) -> ServiceState:
        raise ZeroDivisionError

    entry = ServiceAudit(action="pause", by="Sara", why="x", at=NOW)
    with pytest.raises(ZeroDivisionError):
        world.services.change(Service.VIDEOSDK, refuses, entry=entry)
    assert world.services.look(now=NOW)[Service.VIDEOSDK].state == ServiceState(service=Service.VIDEOSDK)
    assert world.services.trail(Service.VIDEOSDK, limit=9) == []


def test_what_operators_did_is_kept_the_newest_first(world: World) -> None:
    entries = [ServiceAudit(action="pause", by="سارة", why=f"سبب {n}", at=NOW + n * MINUTE) for n in range(3)]
    for entry in entries:
        world.services.change(Service.FCM, lambda state: state, entry=entry)
    assert list(world.services.trail(Service.FCM, limit=2)) == [entries[2], entries[1]]
    assert list(world.services.trail(Service.VIDEOSDK, limit=2)) == []


# --- the lines -------------------------------------------------------------------------------


def test_a_place_in_line_is_kept(world: World) -> None:
    number = world.waits(since=MINUTE)
    assert world.scheduling.claim(number) is None
    state = world.scheduling.claimed(number, now=NOW + HOUR)
    assert state.in_line == InLine(service=Service.VIDEOSDK, since=LATER, stood_still=timedelta(hours=5))
    world.leave(state, in_line=None, due_at=NOW)
    assert world.scheduling.claimed(number).in_line is None


def test_since_when_the_longest_waits_is_seen_of_each_service(world: World) -> None:
    for minutes in (5, 3, 4):
        world.waits(since=minutes * MINUTE)
    world.waits(since=9 * MINUTE, service=Service.FCM)
    views = world.services.look(now=NOW)
    assert views[Service.VIDEOSDK].waiting_since == NOW + 3 * MINUTE
    assert views[Service.FCM].waiting_since == NOW + 9 * MINUTE
    assert world.services.count_waiting() == {Service.VIDEOSDK: 3, Service.FCM: 1}


def test_the_oldest_are_let_go_first_and_are_due_then(world: World) -> None:
    young, old, middle = (world.waits(created=n * MINUTE) for n in (3, 1, 2))
    world.waits(created=timedelta(), service=Service.FCM)
    assert world.due() == 0
    assert world.let_go(limit=2) == [old, middle]
    assert world.scheduling.claim(young, now=LATER) is None
    assert world.scheduling.claimed(old, now=LATER).in_line is not None
    assert world.let_go() == [young]


def test_a_probe_goes_to_whoever_waits_longest_since_the_last_turn(world: World) -> None:
    second, first = world.waits(since=2 * MINUTE), world.waits(since=MINUTE)
    assert world.let_go(limit=1, longest_first=True) == [first]
    assert world.let_go(limit=1, longest_first=True) == [second]


def test_no_more_than_the_window_are_on_their_way(world: World) -> None:
    numbers = [world.waits(created=n * MINUTE) for n in range(5)]
    assert world.let_go(window=2) == numbers[:2]
    assert world.let_go(window=2) == []
    assert world.let_go(window=3) == numbers[2:3]
    world.scheduling.claimed(numbers[0], now=LATER)  # taken up by a worker
    assert world.let_go(window=3) == numbers[3:4]
    assert world.let_go(service=Service.FCM, window=3) == []


def test_who_is_on_the_way_or_in_a_workers_hands_does_not_wait(world: World) -> None:
    number = world.waits()
    assert world.let_go() == [number]
    assert world.services.look(now=LATER)[Service.VIDEOSDK].waiting_since is None
    assert world.let_go() == []
    later = LATER + MINUTE  # the nudge was lost
    assert world.services.look(now=later)[Service.VIDEOSDK].waiting_since == NOW
    assert world.let_go(after=2 * MINUTE) == [number]
    world.scheduling.claimed(number, now=later)
    assert world.services.look(now=later + HOUR)[Service.VIDEOSDK].waiting_since is None
    assert world.let_go(after=HOUR) == []


def test_who_waits_comes_due_by_itself_at_its_deadline(world: World) -> None:
    number = world.waits()
    assert world.due(after=HOUR) == 1
    assert world.scheduling.claim(number, now=NOW + HOUR) is not None


def test_who_has_ended_waits_for_nothing(world: World) -> None:
    number = world.accept()
    place = InLine(service=Service.VIDEOSDK, since=NOW, stood_still=timedelta())
    world.leave(world.scheduling.claimed(number), in_line=place, due_at=None)
    assert world.let_go() == []
    assert world.services.look(now=NOW)[Service.VIDEOSDK].waiting_since is None
    assert world.services.count_waiting() == {}
