"""What else happens at a point: the columns of the matrix.

Where the process holds a transaction open (the point before a commit), it dies rather than stands still, unless the
fault is about just that: on SQLite a stopped writer keeps everybody from writing.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from demo.stack import wait_until
from tests.chaos.arena import Arena
from tests.chaos.points import Point
from tests.chaos.scenarios import Scenario
from tests.chaos.script import DIE, LOSE, SEND, STOP, TWICE, Plan, Stop
from tests.chaos.storage import Storage
from tests.chaos.trips import PATIENCE, Trip
from tests.chaos.weather import Storm

Strikes = Callable[[Callable[[], None]], None]  # be struck together with the others, doing this at once


class Strike(Protocol):
    def __call__(self, trip: Trip, act: str, storm: Strikes | None, /) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Fault:
    name: str
    what: str  # for those who read the table
    strike: Strike
    act: str = DIE
    again_after: int | None = None  # points further on, the next process dies too
    nudges: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)  # as Plan has them
    is_of_workers: bool = False  # nothing that can happen to an API process
    is_of_open_bookings: bool = False  # a partner cancels: once is enough
    stops_in_transaction: bool = False
    keeps_partners_out: bool = False  # so none can be met at the point; the scenarios that meet nobody have it too
    outlives_lease: bool = False  # so it cannot be tried where nobody else can write meanwhile
    leaves_rooms: bool = False  # that reconciliation closes
    is_of_every_point: bool = False  # also where a saga does again what it did before
    clocks: tuple[float, ...] = (0.0,)
    storm: Callable[[Arena], Storm] | None = None  # what befalls everybody at once

    def act_at(self, point: Point) -> str:
        return DIE if point.is_in_transaction and not self.stops_in_transaction else self.act

    def suits(self, scenario: Scenario, point: Point, storage: Storage) -> bool:
        is_in_everybodys_way = point.is_in_transaction and storage.waits_for_a_stopped_writer
        return not (
            (self.is_of_workers and point.is_api)
            or (self.is_of_open_bookings and not scenario.can_be_cancelled)
            or (self.keeps_partners_out and point.name == scenario.meet)
            or (self.outlives_lease and is_in_everybodys_way)
            or (self.has_wrong_clocks and scenario.is_long)  # a nudge to one whose clock is behind is lost for a while
        )

    @property
    def has_wrong_clocks(self) -> bool:
        return len(self.clocks) > 1

    def plan(self, scenario: Scenario, point: Point) -> Plan:
        at = {point.number: self.act_at(point)}
        if self.again_after is not None:
            at[point.number + self.again_after] = DIE
        return Plan(at=at, meet=scenario.meet, nudges=dict(self.nudges))


# --- deaths --------------------------------------------------------------------------------


def die(trip: Trip, _act: str, _storm: Strikes | None) -> None:
    trip.died()


def in_its_hands(trip: Trip, act: str, deed: Callable[[], None]) -> None:
    """Do the deed while the process stands at its point, and kill it; where it may not stand, just after its death."""
    if act == DIE:
        trip.died()
        deed()
        return
    stop = trip.stopped()
    deed()
    trip.kill(stop)


def ring_twice(trip: Trip, act: str, _storm: Strikes | None) -> None:
    in_its_hands(trip, act, lambda: trip.ring(times=2))
    trip.ring(times=2)


def flush(trip: Trip, act: str, _storm: Strikes | None) -> None:
    in_its_hands(trip, act, trip.arena.stack.flush_redis)
    trip.arena.stack.flush_redis()


def die_in_it(trip: Trip, act: str, storm: Strikes | None) -> None:
    assert storm is not None
    if act == DIE:
        trip.died()
        storm(lambda: None)
        return
    stop = trip.stopped()
    storm(lambda: trip.kill(stop))


def work_in_it(trip: Trip, act: str, storm: Strikes | None) -> None:
    assert storm is not None
    if act == DIE:
        trip.died()
        storm(lambda: None)
        return
    stop = trip.stopped()
    storm(lambda: trip.wake(stop))


def hung_broker(arena: Arena) -> Storm:
    @contextmanager
    def hung() -> Iterator[None]:
        arena.stack.pause("redis")
        try:
            yield
        finally:
            arena.stack.resume("redis")

    return Storm(hung, seconds=3)


def our_key_is_refused(arena: Arena) -> Storm:
    @contextmanager
    def refused() -> Iterator[None]:
        arena.stack.fault(route="videosdk.*", kind="status", status=401, about="/v2/")
        try:
            yield
        finally:
            arena.stack.mend("/v2/")

    return Storm(refused, seconds=3)


def no_database(arena: Arena) -> Storm:
    return Storm(arena.storage.away, seconds=arena.storage.seconds_away)


# --- the living dead -----------------------------------------------------------------------


def outlive_the_lease(trip: Trip, _act: str, _storm: Strikes | None) -> None:
    """It stands until another has ended the booking; then it goes on, and must change nothing."""
    let_another_end_it(trip, trip.stopped())


def outlive_a_cancelled_booking(trip: Trip, _act: str, _storm: Strikes | None) -> None:
    stop = trip.stopped()
    trip.cancel()
    let_another_end_it(trip, stop)


def let_another_end_it(trip: Trip, stop: Stop) -> None:
    trip.wait_for_answer()
    trip.wait_for_end()
    trip.wait_until_told()
    before = trip.story
    trip.wake(stop)
    wait_until(
        lambda: trip.arena.script.returns(trip.walked).get(stop.pid), seconds=PATIENCE, what="the zombie's return"
    )
    trip.kill(stop)
    assert trip.story == before, "a zombie wrote something"


# --- a partner cancels ---------------------------------------------------------------------


def cancel_and(go_on: Callable[[Trip, Stop], None]) -> Strike:
    """Cancel while the process stands at the point. In a transaction, the cancellation has to wait for it."""

    def strike(trip: Trip, _act: str, _storm: Strikes | None) -> None:
        stop = trip.stopped()
        with ThreadPoolExecutor(1) as pool:
            cancelled = pool.submit(trip.cancel)
            wait([cancelled], timeout=0.15 if " before commit " in stop.point else None)
            go_on(trip, stop)
            cancelled.result()

    return strike


KILLED = Fault(name="killed", what="SIGKILL at the point", strike=die, is_of_every_point=True)
KILLED_AGAIN = Fault(
    name="killed again", what="SIGKILL at the point, and the next worker dies with its claim", strike=die, again_after=2
)
TWICE_DELIVERED = Fault(
    name="message twice",
    what="every message comes twice, more come while the process is at the point, and it is killed",
    strike=ring_twice,
    act=STOP,
    nudges={"api": (TWICE,), "worker": (TWICE,)},
)
LOST = Fault(
    name="message lost",
    what="the first message is lost; SIGKILL at the point; the next message is lost too",
    strike=die,
    nudges={"api": (LOSE,), "worker": (SEND, LOSE)},
)
SWEEPER_DIES = Fault(
    name="sweeper dies",
    what="SIGKILL at the point, and again in the sweep that finds the saga, after its mark and before its message",
    strike=die,
    nudges={"worker": (DIE,)},
)
FLUSHED = Fault(
    name="broker flushed",
    what="at the point the broker loses all it has; the process is killed",
    strike=flush,
    act=STOP,
)
HUNG = Fault(
    name="broker hung",
    what="at the point the broker stands still (SIGSTOP) for 3 s; the process is killed",
    strike=die_in_it,
    act=STOP,
    storm=hung_broker,
)
DATABASE_AWAY = Fault(
    name="database away",
    what="from the point on the databases are away, longer than anybody waits for them; the process works on",
    strike=work_in_it,
    act=STOP,
    is_of_workers=True,
    keeps_partners_out=True,
    storm=no_database,
)
KEY_REFUSED = Fault(
    name="key refused",
    what="from the point on VideoSDK refuses our key for 3 s, so that its breaker opens for all; the process is killed",
    strike=die_in_it,
    act=STOP,
    is_of_workers=True,
    storm=our_key_is_refused,
)
ZOMBIE = Fault(
    name="zombie",
    what="the process stands still at the point until another has ended the saga under a new lease; then it goes on",
    strike=outlive_the_lease,
    act=STOP,
    is_of_workers=True,
    stops_in_transaction=True,
    outlives_lease=True,
)
ZOMBIE_CANCELLED = Fault(
    name="zombie, cancelled",
    what="the same, and the partner cancels meanwhile",
    strike=outlive_a_cancelled_booking,
    act=STOP,
    is_of_workers=True,
    is_of_open_bookings=True,
    stops_in_transaction=True,
    outlives_lease=True,
    leaves_rooms=True,
)
CANCELLED = Fault(
    name="cancelled",
    what="the partner cancels while the process is at the point; it goes on",
    strike=cancel_and(Trip.wake),
    act=STOP,
    is_of_workers=True,
    is_of_open_bookings=True,
    stops_in_transaction=True,
)
CANCELLED_AND_KILLED = Fault(
    name="cancelled, killed",
    what="the same, and it is killed",
    strike=cancel_and(Trip.kill),
    act=STOP,
    is_of_workers=True,
    is_of_open_bookings=True,
    stops_in_transaction=True,
)
CLOCKS_APART = Fault(
    name="clocks apart",
    what="SIGKILL at the point; the workers' clocks are up to 5 s apart, more than a lease",
    strike=die,
    is_of_workers=True,
    clocks=(-2.5, 0.0, 2.5),
)

FAULTS = (
    KILLED,
    KILLED_AGAIN,
    TWICE_DELIVERED,
    LOST,
    SWEEPER_DIES,
    FLUSHED,
    HUNG,
    DATABASE_AWAY,
    KEY_REFUSED,
    ZOMBIE,
    ZOMBIE_CANCELLED,
    CANCELLED,
    CANCELLED_AND_KILLED,
    CLOCKS_APART,
)
SLOW = (SWEEPER_DIES, LOST)  # they wait much and work little: to be begun first
