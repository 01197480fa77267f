"""Points x faults: each case is a booking of its own, carried through one fault at one point, and then looked at."""

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random

import requests

from demo.stack import wait_until
from integrations.ports import ProviderHeld, ProviderMisconfigured, ProviderUnavailable
from repositories.enums import BookingStatus, Reason
from repositories.ports.errors import StoreUnavailable
from repositories.scheduling_db import tables as scheduling
from saga.reconcile import Disagreement, Finding
from saga.runner import JOURNAL_UNAVAILABLE
from tests.chaos.arena import BALANCE, FRAIL, RECEIVER, Arena
from tests.chaos.faults import DATABASE_AWAY, SLOW, Fault
from tests.chaos.points import Point
from tests.chaos.scenarios import SCENARIOS, SOLD, TAKEN, Scenario
from tests.chaos.script import Plan
from tests.chaos.storage import Storage
from tests.chaos.trips import PATIENCE, Moved, Trip
from tests.chaos.weather import Storm, Weather
from tests.integration.system.promises import Story, check_promises, check_story, rows, tables_of

AT_ONCE, WORKERS = 10, 6  # cases, and workers to carry them
BATCH = 6 * AT_ONCE  # cases after which the world as a whole is looked at
DRY_RUNS = 6  # of a scenario, at most, until two were alike
TRIES = 4  # of a case whose saga went another way than recorded, the machine being busy


@dataclass(frozen=True)
class Case:
    scenario: Scenario
    point: Point
    fault: Fault

    @property
    def leaves_rooms(self) -> bool:
        return self.fault.leaves_rooms or self.scenario.leaves_rooms

    def __str__(self) -> str:
        return f"{self.scenario.name} / {self.fault.name} / {self.point}"


@dataclass(frozen=True)
class Result:
    case: Case
    seconds: float
    failure: str | None


# --- the points ----------------------------------------------------------------------------


def record(arena: Arena, scenario: Scenario) -> list[Point]:
    """The points that this scenario passes when nothing goes wrong: in two dry runs alike, for machines may be busy."""
    seen: list[list[Point]] = []
    for number in range(DRY_RUNS):
        try:
            points = record_once(arena, scenario)
        except Exception:
            if number == DRY_RUNS - 1:
                raise
            continue
        if points in seen:
            return points
        seen.append(points)
    raise AssertionError(f"{scenario.name}: no two dry runs were alike")


def record_once(arena: Arena, scenario: Scenario) -> list[Point]:
    with scenario.trip(arena) as trip, trip.kept_lease():
        trip.watch(Plan(meet=scenario.meet))
        scenario.arrange(trip)
        scenario.partner(trip)
        trip.wait_for_end()
        check(trip, scenario, scenario.ends)
        return [Point(number, name) for number, name in enumerate(trip.passed)]


def record_all(arena: Arena, scenarios: Sequence[Scenario] = SCENARIOS) -> dict[Scenario, list[Point]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(scenarios, pool.map(partial(record, arena), scenarios), strict=True))


def cases(storage: Storage, recorded: Mapping[Scenario, Sequence[Point]], fault: Fault) -> list[Case]:
    """The fault at every point that it suits.

    What an API process passes in the same way in several scenarios is walked once. Where a saga tries again and again,
    the first time and the last are walked, unless the fault is of every point.
    """
    found, seen = [], set()
    for scenario, points in recorded.items():
        repeats = set() if fault.is_of_every_point else repeats_in(points)
        for point in points:
            history = (scenario.walks, *(passed.name for passed in points[: point.number + 1]))
            is_known = point.is_api and history in seen
            seen.add(history)
            if not is_known and point not in repeats and fault.suits(scenario, point, storage):
                found.append(Case(scenario, point, fault))
    return found


def repeats_in(points: Sequence[Point]) -> set[Point]:
    """Those that stand between the first and the last of their like: the same point, reached in the same way."""
    alike: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        way = tuple(passed.name for passed in points[max(0, point.number - 5) : point.number + 1])
        alike.setdefault(way, []).append(point)
    return {point for group in alike.values() for point in group[1:-1]}


# --- a case --------------------------------------------------------------------------------


def run(arena: Arena, case: Case, weather: Weather | None = None) -> Result:
    started = time.monotonic()
    with an_api(arena, case) as api_url:
        for attempt in range(1, TRIES + 1):
            failure = None
            with case.scenario.trip(arena, api_url) as trip:
                try:
                    carry(trip, case, weather)
                except Moved:
                    failure = f"{case}\nnever came to its point in {attempt} tries\n{told(trip)}"
                    continue
                except Exception:
                    failure = f"{case}\n{traceback.format_exc()}{told(trip)}"
                    if was_starved(trip, case):
                        continue
                break
    return Result(case, time.monotonic() - started, failure)


def was_starved(trip: Trip, case: Case) -> bool:
    """Whether a database did not answer in time though no fault is about that: others had the processor too long."""
    if case.fault is DATABASE_AWAY:
        return False
    if any(note.endswith(JOURNAL_UNAVAILABLE) for note in trip.arena.script.notes(trip.walked, "returns")):
        return True
    return bool(trip.booked) and any(line.error == StoreUnavailable.__name__ for line in trip.story.attempts)


@contextmanager
def an_api(arena: Arena, case: Case) -> Iterator[str | None]:
    """One that may be killed, if that is where the point is."""
    if not case.point.is_api:
        yield None
        return
    address = arena.frail.get()
    try:
        yield address
    finally:
        arena.frail.put(address)


def carry(trip: Trip, case: Case, weather: Weather | None) -> None:
    scenario, fault = case.scenario, case.fault
    storm = None if weather is None else partial(weather.strike, case, meanwhile=trip.keep_lease)
    trip.watch(fault.plan(scenario, case.point))
    scenario.arrange(trip)
    with trip.kept_lease(until=case.point.number), ThreadPoolExecutor(1) as pool:
        partner = pool.submit(play, trip, scenario)
        fault.strike(trip, fault.act_at(case.point), storm)
        partner.result()
    trip.wait_for_end()
    check(trip, scenario, end_of(trip, case), fault)
    if trip.passed[case.point.number] != case.point.name:
        raise Moved


def play(trip: Trip, scenario: Scenario) -> None:
    try:
        scenario.partner(trip)
    finally:
        trip.is_partner_done = True


def end_of(trip: Trip, case: Case) -> tuple[BookingStatus, Reason | None]:
    """How it must end: as without the fault, unless a partner's cancellation came in time."""
    ends = case.scenario.ends
    if not case.fault.is_of_open_bookings or trip.cancelled["bookingStatus"] == BookingStatus.FAILED:
        return ends
    if trip.story.was_confirmed:
        return BookingStatus.CANCELLED, None
    is_withdrawn = trip.story.booking.reason == Reason.BOOKING_WITHDRAWN
    return BookingStatus.CANCELLED, Reason.BOOKING_WITHDRAWN if is_withdrawn else ends[1]


def told(trip: Trip) -> str:
    """What is known of a trip that went wrong."""
    script, lines = trip.arena.script, []
    lines += [f"point {number} {name}" for number, name in enumerate(trip.passed)]
    lines += [f"{kind} {note}" for kind in ("deaths", "stops", "returns") for note in script.notes(trip.walked, kind)]
    if trip.booked:
        story = trip.story
        lines += [
            f"{name}: {row}"
            for name, found in vars(story).items()
            for row in (found if isinstance(found, list) else [found])
        ]
    return "\n".join(lines)


# --- what is checked -----------------------------------------------------------------------


def check(
    trip: Trip, scenario: Scenario, ends: tuple[BookingStatus, Reason | None], fault: Fault | None = None
) -> None:
    story = trip.story
    assert (story.booking.status, story.booking.reason) == ends
    check_story(story, tables_of(trip.arena.town), clocks_agree=fault is None or not fault.has_wrong_clocks)
    check_room(trip, story, may_be_left=scenario.leaves_rooms or (fault is not None and fault.leaves_rooms))
    check_booked_once(trip, story)
    for slot in trip.slots:
        is_held = story.is_confirmed and story.booking.slot_id == slot.id
        otherwise = scenario.sold_again if slot is trip.slots[-1] else SOLD
        assert trip.sell_again(slot) == (TAKEN if is_held else otherwise), "selling the time again"


def check_room(trip: Trip, story: Story, *, may_be_left: bool) -> None:
    room = wait_until(lambda: asked_for_room(trip), seconds=PATIENCE, what="VideoSDK")[0]
    if story.is_confirmed:
        assert room == story.booking.meeting_id
    else:
        assert room is None or may_be_left, "a room is left open"


def asked_for_room(trip: Trip) -> tuple[str | None] | None:
    """The room that is open, if any; None while VideoSDK may not be asked, as when it refuses our key to others."""
    try:
        return (trip.arena.rooms.find_open_room(trip.room_key),)
    except (ProviderHeld, ProviderMisconfigured, ProviderUnavailable):
        return None


def check_booked_once(trip: Trip, story: Story) -> None:
    """However often the partner asked: its guest, whom nobody else knows, has one booking."""
    bookings = scheduling.bookings
    assert len(rows(trip.arena.town, bookings, bookings.c.user_id == story.booking.user_id)) == 1


def check_all(arena: Arena, since: float, *, may_mend: bool) -> str | None:
    """What is wrong with the world as a whole, once nothing moves any more."""
    try:
        arena.town.when_quiet()
        window = timedelta(seconds=time.monotonic() - since) + timedelta(minutes=5)
        found: list[Finding] = []
        arena.reconcile(window=window, tell=found.append)
        mended = {Disagreement.ROOM_WITHOUT_BOOKING} if may_mend else set()
        assert {finding.kind for finding in found} <= mended, [str(finding) for finding in found]
        report = arena.reconcile(window=window, tell=found.append)
        assert (report.counts, report.rooms_not_asked) == ({}, 0), str(report)
        check_promises(arena.town, arena.stack, initial_balance=BALANCE)
        check_pushes(arena)
        check_webhooks(arena)
    except Exception:
        return traceback.format_exc()
    return None


def check_pushes(arena: Arena) -> None:
    """Every provider of a confirmed booking was told."""
    pushes = requests.get(f"{arena.stack.sandbox_url}/sandbox/pushes", timeout=30).json()["pushes"]
    told_of = {push["data"]["meetingId"] for push in pushes if push["data"]["notificationType"] == "2"}
    confirmed = rows(arena.town, scheduling.bookings, scheduling.bookings.c.status == BookingStatus.CONFIRMED)
    assert {booking.meeting_id for booking in confirmed} <= told_of


# --- all of them ---------------------------------------------------------------------------


def check_webhooks(arena: Arena) -> None:
    """Every event of the charity's bookings was delivered, signed, in order, and none that did not happen."""
    events = scheduling.booking_events
    happened = {
        (event.booking_id, event.sequence, event.kind)
        for event in rows(arena.town, events, events.c.organization_id == arena.charity.organization_id)
    }

    def told() -> list[tuple[int, int, str]]:
        shown = requests.get(f"{arena.stack.sandbox_url}/sandbox/webhooks/{RECEIVER}", timeout=30).json()
        assert all(one["signedBy"] for one in shown["received"])
        every = [json.loads(one["body"])["data"] for one in shown["received"]]
        return [
            (arena.town.booking_id(one["bookingId"]), one["sequence"], one["type"].removeprefix("booking."))
            for one in every
        ]

    wait_until(lambda: happened <= set(told()), seconds=60, what="every webhook", every=0.5)
    assert set(told()) == happened
    sequences: dict[int, list[int]] = {}
    for booking, sequence, _ in dict.fromkeys(told()):
        sequences.setdefault(booking, []).append(sequence)
    assert all(of_one == sorted(of_one) for of_one in sequences.values())


@dataclass(frozen=True)
class Group:
    """Cases that can run at the same time, and what came of them."""

    results: list[Result]
    failure: str | None  # of the world as a whole, when they had ended


def batches(chosen: Sequence[Case], order: Random, *, size: int = BATCH) -> list[list[Case]]:
    """These cases in any order, so many at a time, each time only such as can run together."""
    groups: dict[tuple[Fault | None, bool], list[Case]] = {}
    found = []
    for case in order.sample(chosen, len(chosen)):
        if holds_the_balance(case):
            found.append([case])
        else:
            groups.setdefault((alone(case), case.leaves_rooms), []).append(case)
    found += [group[start : start + size] for group in groups.values() for start in range(0, len(group), size)]
    return order.sample(found, len(found))


def holds_the_balance(case: Case) -> bool:
    """Whether the charity's one row stays locked until the server ends the transaction, for every booking there is."""
    return case.fault.outlives_lease and case.point.is_in_transaction and "organization_balances" in case.point.name


def alone(case: Case) -> Fault | None:
    """The fault of this case, if it befalls everybody: only cases of the same can run beside it."""
    return case.fault if case.fault.storm or case.fault.has_wrong_clocks else None


def carry_out(arena: Arena, batch: Sequence[Case], tell: Callable[[Result], None] = lambda _: None) -> Group:
    """Run these cases, as many at once as keeps their meaning, and look at the whole world when they have ended."""
    together = sorted(batch, key=lambda case: (case.fault not in SLOW, case.point.number))
    return _run_group(arena, alone(together[0]), together, tell)


def _run_group(arena: Arena, alone: Fault | None, together: Sequence[Case], tell: Callable[[Result], None]) -> Group:
    started = time.monotonic()
    has_wrong_clocks = alone is not None and alone.has_wrong_clocks
    if alone is not None and has_wrong_clocks:
        arena.workers.set_clocks(alone.clocks)
    results = []
    for result in _results(arena, alone, together):
        tell(result)
        results.append(result)
    if has_wrong_clocks:
        arena.workers.set_clocks((0.0,))
    return Group(results, check_all(arena, started, may_mend=any(case.leaves_rooms for case in together)))


def _results(arena: Arena, alone: Fault | None, together: Sequence[Case]) -> Iterator[Result]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        if alone is None or alone.storm is None:
            begun = [pool.submit(run, arena, case) for case in together]
            yield from (ended.result() for ended in as_completed(begun))
            return
        for round_ in in_rounds(together):
            yield from _stormy_round(arena, pool, round_, alone.storm(arena))


def _stormy_round(arena: Arena, pool: ThreadPoolExecutor, together: Sequence[Case], storm: Storm) -> list[Result]:
    weather = Weather(storm, set(together))

    def run_and_leave(case: Case) -> Result:
        try:
            return run(arena, case, weather)
        finally:
            weather.leave(case)

    begun = [pool.submit(run_and_leave, case) for case in together]
    raging = threading.Thread(target=weather.rage)
    raging.start()
    try:
        return [ended.result() for ended in begun]
    finally:
        weather.close()
        raging.join()


def in_rounds(cases: Sequence[Case]) -> list[list[Case]]:
    """As many as can be at their points at the same time."""
    of_api = [case for case in cases if case.point.is_api]
    others = [case for case in cases if not case.point.is_api]
    return [
        *(of_api[start : start + FRAIL] for start in range(0, len(of_api), FRAIL)),
        *(others[start : start + AT_ONCE] for start in range(0, len(others), AT_ONCE)),
    ]
