"""Several processes on one database, on every engine: the database decides."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from threading import Thread

import pytest
from sqlalchemy import Connection

from repositories.database import open_database
from repositories.entities.effects import Effect, ReleaseTime, ReserveTime
from repositories.enums import Service
from repositories.ports.errors import BalanceOut, SlotTaken
from repositories.psyter_db.orders import SqlOrders
from repositories.scheduling_db.calendars import SqlCalendars
from repositories.scheduling_db.effects import apply_effect
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.services import SqlServices
from saga.breaker import BreakerSettings, Failure, failed, probed
from tests.conftest import FreshUrl
from tests.contract import test_psyter as psyter
from tests.contract import test_scheduling as scheduling
from tests.contract import test_search as search

PROCESSES = 4
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def scheduling_url(fresh_url: FreshUrl) -> str:
    return fresh_url("scheduling_db")


def claims(url: str, saga_id: str, number: int) -> bool:
    database = open_database(url)
    claimed = SqlJournal(database).claim(saga_id, now=NOW, lease=timedelta(minutes=1), token=f"token-{number}")
    database.close()
    return claimed is not None


def test_of_many_claims_exactly_one_wins(scheduling_url: str, processes: Executor) -> None:
    database = open_database(scheduling_url)
    world = scheduling.sql_world(database)
    world.add_slot(scheduling.slot(7, scheduling.STARTS, scheduling.HOUR))
    saga_id = world.saga_of[world.accept()]
    database.close()
    assert sum(processes.map(partial(claims, scheduling_url, saga_id), range(24))) == 1


def reserves(url: str, number: int) -> bool:
    """Bookings of 60 minutes, each 30 minutes after the last: neighbours overlap."""
    database = open_database(url)
    starts_at = NOW + timedelta(minutes=30 * (number % 2))
    effect = ReserveTime(
        booking_id=number, care_provider_id=42, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1)
    )
    try:
        database.write(lambda connection: apply_effect(connection, effect, NOW))
    except SlotTaken:
        return False
    finally:
        database.close()
    return True


def test_of_many_overlapping_reservations_exactly_one_wins(scheduling_url: str, processes: Executor) -> None:
    assert sum(processes.map(partial(reserves, scheduling_url), range(24))) == 1


def at(hour: int) -> datetime:
    return NOW + timedelta(hours=hour)


def reserved(hour: int) -> ReserveTime:
    return ReserveTime(booking_id=100 + hour, care_provider_id=42, starts_at=at(hour), ends_at=at(hour + 1))


FIRST: dict[str, Effect] = {"reserves": reserved(2), "releases": ReleaseTime(booking_id=101)}
SECOND: dict[str, Effect] = {"reserves": reserved(3), "releases": ReleaseTime(booking_id=104)}


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("first", FIRST)
def test_two_who_change_neighbouring_slots_at_once_leave_the_calendar_right(
    scheduling_url: str, first: str, second: str
) -> None:
    """Slots at 0 to 5 o'clock, of which 1 and 4 are reserved. The second begins before the first has committed."""
    database = open_database(scheduling_url)
    world = search.InDatabase(database)
    for hour in range(6):
        world.add_slot(search.slot(hour + 1, 42, at(hour)))
    for hour in (1, 4):
        world.reserve(100 + hour, search.slot(hour + 1, 42, at(hour)))
    other = Thread(
        target=lambda: database.write(lambda connection: apply_effect(connection, SECOND[second], NOW)), daemon=True
    )

    def first_and_slow(connection: Connection) -> None:
        apply_effect(connection, FIRST[first], NOW)
        other.start()
        other.join(0.5)

    database.write(first_and_slow)
    other.join(30)
    assert not other.is_alive()
    assert SqlCalendars(database).check(after=0, limit=10).wrong == 0
    database.close()


def pays(url: str, number: int) -> bool:
    database = open_database(url)
    try:
        SqlOrders(database).save_order(
            booking_id=number,
            organization_id=psyter.CHARITY,
            user_id=1,
            care_provider_id=psyter.PROVIDER,
            duration=timedelta(minutes=15),
            now=NOW,
        )
    except BalanceOut:
        return False
    finally:
        database.close()
    return True


def test_a_balance_for_ten_pays_ten_however_many_race(fresh_url: FreshUrl, processes: Executor) -> None:
    url = fresh_url("psyter_db")
    database = open_database(url)
    world = psyter.sql_world(database)
    assert sum(processes.map(partial(pays, url), range(24))) == 10
    assert world.balance() == 0
    database.close()


FAILURE = Failure(error="X", at=NOW)
SETTINGS = BreakerSettings(failures=24, open_for=timedelta())


def fails(url: str, number: int) -> int:
    database = open_database(url)
    state = SqlServices(database).change(
        Service.VIDEOSDK, lambda state: failed(state, FAILURE, token=f"{number}", settings=SETTINGS)
    )
    database.close()
    return state.failures


def is_probe(url: str, number: int) -> bool:
    database = open_database(url)
    token = f"call-{number}"
    state = SqlServices(database).change(
        Service.VIDEOSDK, lambda state: probed(state, token=token, now=NOW, until=NOW + timedelta(minutes=1))
    )
    database.close()
    return state.probe_token == token


def test_every_failure_counts_and_of_many_callers_exactly_one_is_the_probe(
    scheduling_url: str, processes: Executor
) -> None:
    assert sorted(processes.map(partial(fails, scheduling_url), range(24))) == list(range(1, 25))
    assert sum(processes.map(partial(is_probe, scheduling_url), range(24))) == 1
