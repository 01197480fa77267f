"""VideoSDK down, slow, or refusing our key, and a booking that kills its workers: none holds others up or is lost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskCliRunner
from sqlalchemy import Row, select, update

from bootstrap import build_api
from demo.stack import wait_until
from repositories.enums import Service, Trouble
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.tables import booking_events, saga_attempts, sagas, service_breakers
from saga.lookout import FRESH
from tests.integration.system.conftest import CONFIRMED, FAILED, HASTE, System, running_system

PLACES = 3
OPEN_FOR = timedelta(milliseconds=500)
LONG = 90  # seconds, for whatever takes one or two on an idle machine


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    settings = HASTE | {"TAHOON_VIDEOSDK_PLACES": str(PLACES), "TAHOON_LEASE": "2.1"}
    with running_system(tmp_path_factory.mktemp("protection"), settings) as system:
        yield system


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Iterator[None]:
    system.stack.mend()
    slow(system, milliseconds=0)
    yield
    system.stack.mend()
    slow(system, milliseconds=0)
    system.check_promises()


def slow(system: System, *, milliseconds: int) -> None:
    wish = {"delayMs": milliseconds}
    requests.put(f"{system.stack.sandbox_url}/sandbox/delay", json=wish, timeout=10).raise_for_status()


def rows(system: System, query: Any) -> list[Row[Any]]:
    with system.town.scheduling.reading() as connection:
        return list(connection.execute(query))


def accepted(system: System, number: int) -> list[int]:
    ids = [system.booked(system.ordinary, system.next_body()) for _ in range(number)]
    return [system.town.booking_id(public_id) for public_id in ids]


def waiting(system: System, service: Service = Service.VIDEOSDK) -> int:
    return int(SqlServices(system.town.scheduling).count_waiting().get(service, 0))


def is_open(system: System, trouble: Trouble) -> bool:
    return bool(system.town.count(service_breakers, service_breakers.c.trouble == trouble.value))


def until_all_wait(system: System, bookings: list[int], trouble: Trouble) -> None:
    wait_until(
        lambda: is_open(system, trouble) and waiting(system) >= len(bookings) - 1,  # one may be the probe
        seconds=LONG,
        what="everybody in line",
    )


def confirmed(system: System, bookings: list[int]) -> list[int]:
    """All of them, in the order in which they were confirmed."""
    query = (
        select(booking_events.c.booking_id)
        .where(booking_events.c.kind == "confirmed", booking_events.c.booking_id.in_(bookings))
        .order_by(booking_events.c.id)
    )

    def all_of_them() -> list[int] | None:
        done = [row.booking_id for row in rows(system, query)]
        return done if len(done) == len(bookings) else None

    return wait_until(all_of_them, seconds=LONG, what=f"{len(bookings)} bookings confirmed")


def set_deadline(system: System, at: datetime, *which: Any) -> None:
    """As if they had been accepted ten minutes before that; who is on the way to a worker is left alone."""
    change = update(sagas).where(*which, sagas.c.nudged_until.is_(None)).values(deadline_at=at, due_at=at)
    system.town.scheduling.write(lambda connection: connection.execute(change))


@dataclass(frozen=True)
class Call:
    """As the sandbox saw it."""

    began_at: datetime
    ended_at: datetime


def room_calls(system: System) -> list[Call]:
    told = requests.get(f"{system.stack.sandbox_url}/sandbox/requests", timeout=10).json()["requests"]
    rooms = [call for call in told if call["route"] == "videosdk.create_room" and call["endedAt"] is not None]
    return [Call(datetime.fromisoformat(call["at"]), datetime.fromisoformat(call["endedAt"])) for call in rooms]


def tries(system: System, bookings: list[int]) -> list[Row[Any]]:
    is_theirs = saga_attempts.c.booking_id.in_(bookings) & (saga_attempts.c.step == "create_meeting")
    return rows(system, select(saga_attempts).where(is_theirs).order_by(saga_attempts.c.id))


def most_at_one_time(calls: list[Call]) -> int:
    begun = [(call.began_at, 1) for call in calls]
    ended = [(call.ended_at, -1) for call in calls]
    return max(accumulate(change for _, change in sorted(begun + ended)))


@pytest.fixture(scope="module")
def operator(system: System) -> FlaskCliRunner:
    return build_api(system.town.settings).test_cli_runner()


def runs(operator: FlaskCliRunner, *arguments: str) -> str:
    ran = operator.invoke(args=arguments)
    assert ran.exit_code == 0, ran.output
    return str(ran.output)


# --- an outage -----------------------------------------------------------------------------


def test_an_outage_is_waited_for_and_its_backlog_drains_oldest_first_within_the_bound(system: System) -> None:
    system.stack.fault(route="videosdk.*", kind="status", status=503)
    before = len(room_calls(system))
    old = accepted(system, 60)
    until_all_wait(system, old, Trouble.FAILING)

    time.sleep(4 * OPEN_FOR.total_seconds())
    asked = room_calls(system)[before:]
    opened_at = asked[4].ended_at
    probes = [call for call in asked[5:] if call.began_at >= opened_at + OPEN_FOR / 2]
    assert len(asked) - len(probes) <= 5 + PLACES  # what was under way when it opened
    assert 2 <= len(probes) <= (datetime.now(UTC) - opened_at) / OPEN_FOR + 1
    assert all(later.began_at >= earlier.ended_at + 0.9 * OPEN_FOR for earlier, later in pairwise(probes))

    slow(system, milliseconds=100)
    system.stack.mend()
    young = accepted(system, 12)
    order = confirmed(system, old + young)
    assert 1 < most_at_one_time(room_calls(system)[before:]) <= PLACES
    assert max(abs(order.index(booking) - place) for place, booking in enumerate(old)) <= 12
    assert sum(booking in young for booking in order[-12:]) >= 9
    failures = [line for line in tries(system, old) if line.outcome not in {"done", "held"}]
    assert len(failures) <= 60  # of 540 that they had
    assert max(line.number for line in failures) <= 5


def test_the_timeline_of_who_waited_is_short(system: System) -> None:
    system.stack.fault(route="videosdk.*", kind="status", status=503, headers={"Retry-After": "2"})
    first, *others = accepted(system, 4)
    until_all_wait(system, others, Trouble.LIMITED)
    system.stack.mend()
    confirmed(system, [first, *others])
    for booking in others:
        told = [line.outcome for line in tries(system, [booking])]
        assert told in (["held", "done"], ["unknown", "done"]), told


# --- our key -------------------------------------------------------------------------------


def test_while_our_key_is_refused_nobody_ages_and_then_everybody_is_confirmed(system: System) -> None:
    system.stack.fault(route="videosdk.*", kind="status", status=401)
    bookings = accepted(system, 8)
    until_all_wait(system, bookings, Trouble.MISCONFIGURED)
    is_theirs = sagas.c.booking_id.in_(bookings)
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    set_deadline(system, soon, is_theirs, sagas.c.claims == 0)
    wait_until(
        lambda: not system.town.count(sagas, is_theirs, sagas.c.due_at <= soon),
        seconds=LONG,
        what="everybody looked at when the deadline came",
    )
    assert system.town.count(sagas, is_theirs, sagas.c.status == "running") == len(bookings)
    set_deadline(system, datetime.now(UTC) + timedelta(minutes=5), is_theirs, sagas.c.claims == 0)
    system.stack.mend()
    assert sorted(confirmed(system, bookings)) == sorted(bookings)


def test_a_service_paused_by_an_operator_is_not_asked_until_it_is_resumed(
    system: System, operator: FlaskCliRunner
) -> None:
    runs(operator, "service", "pause", "videosdk", "--why", "their maintenance")
    time.sleep(2 * FRESH.total_seconds())  # until every worker has seen it
    before = len(room_calls(system))
    bookings = accepted(system, 3)
    wait_until(lambda: waiting(system) == 3, seconds=LONG, what="all in line")
    listed = runs(operator, "service", "list")
    assert "paused" in listed
    assert "their maintenance" in listed
    assert len(room_calls(system)) == before
    runs(operator, "service", "resume", "videosdk", "--why", "it is over")
    confirmed(system, bookings)


# --- slow ----------------------------------------------------------------------------------


def test_a_slow_videosdk_holds_up_only_who_needs_it(system: System) -> None:
    taken = system.next_body()
    confirmed(system, [system.town.booking_id(system.booked(system.ordinary, taken))])
    system.stack.fault(route="videosdk.create_room", kind="delay", delayMs=900)
    slowed = accepted(system, 20)
    wait_until(lambda: waiting(system) >= 10, seconds=LONG, what="a line")
    started = time.monotonic()
    answer = system.ordinary.book(taken, headers={"Prefer": "wait=20"})  # refused: it needs no room
    took = time.monotonic() - started
    left = waiting(system)
    assert answer.json()["data"]["bookingStatus"] == FAILED
    assert left > 0, f"the refusal took {took:.1f} s, longer than all the others"
    system.stack.mend()
    confirmed(system, slowed)


# --- poison --------------------------------------------------------------------------------


def test_a_booking_that_kills_its_worker_each_time_is_parked_and_can_be_taken_up_again(
    system: System, operator: FlaskCliRunner
) -> None:
    deaths: Path = system.stack.folder / "deaths"
    system.stack.environment["POISON_DEATHS"] = str(deaths)
    system.stack.stop("worker")
    poison = system.booked(system.ordinary, system.next_body())
    poisoned = "tests.integration.system.poisoned_worker"
    system.stack.start_worker("poisoned", app=poisoned, pool="prefork", concurrency=1)
    is_its = sagas.c.booking_id == system.town.booking_id(poison)
    wait_until(
        lambda: system.town.count(sagas, is_its, sagas.c.status == "stuck"), seconds=LONG, what="the saga parked"
    )
    assert len(set(deaths.read_text().split())) == 5
    system.stack.stop("poisoned")
    system.stack.start_worker()

    healthy = system.booked(system.ordinary, system.next_body())
    assert system.town.ended(system.ordinary, healthy)["bookingStatus"] == CONFIRMED
    (saga,) = rows(system, select(sagas.c.id, sagas.c.error).where(is_its))
    assert saga.error == "WorkerDied"
    runs(operator, "saga", "retry", saga.id, "--why", "the driver is mended")
    assert system.town.ended(system.ordinary, poison)["bookingStatus"] == CONFIRMED
