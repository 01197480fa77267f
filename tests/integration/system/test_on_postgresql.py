"""The whole system with both databases on PostgreSQL, which is killed, restarted and paused while it books."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.postgres_server import PostgresServer
from demo.stack import Stack, wait_until
from demo.town import Town
from repositories.enums import BookingStatus, Reason
from repositories.scheduling_db import tables as scheduling
from tests.engines import postgres_server
from tests.integration.system.conftest import CONFIRMED, FAILED, HASTE, System
from tests.integration.system.test_cancelling import cancellation
from tests.integration.system.test_races import outcomes, prepared, send_from_several_processes

WAIT = {"Prefer": "wait=20"}
RIVALS = 50


@dataclass
class OnPostgres(System):
    server: PostgresServer | None = None

    @property
    def postgres(self) -> PostgresServer:
        assert self.server is not None
        return self.server


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnPostgres]:
    folder: Path = tmp_path_factory.mktemp("on-postgres")
    with postgres_server() as server:
        settings = {
            **HASTE,
            "TAHOON_PSYTER_DB_URL": server.create_database("psyter"),
            "TAHOON_SCHEDULING_DB_URL": server.create_database("scheduling"),
        }
        with Stack(folder, settings=settings) as stack:
            town = Town(stack.environment)
            whole = OnPostgres(stack, town, town.settle_in(providers=12, days=5), server=server)
            try:
                stack.start_all()
                yield whole
            finally:
                whole.close()


@pytest.fixture(autouse=True)
def promises_hold(system: OnPostgres) -> Iterator[None]:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def test_a_session_is_booked_refused_to_the_next_cancelled_and_booked_again(system: OnPostgres) -> None:
    body = system.next_body("ضيف-1")
    booked = system.charity.book(body, headers=WAIT)
    assert booked.status_code == 200, booked.text
    refused = system.ordinary.book(body, headers=WAIT)
    assert (refused.status_code, refused.json()["reason"]) == (200, Reason.RECORD_ALREADY_EXIST)
    system.town.when_quiet()
    cancelled = system.charity.cancel(cancellation(body, booked))
    assert cancelled.json()["data"]["bookingStatus"] == BookingStatus.CANCELLED
    status = system.charity.status(booked.json()["data"]["bookingId"]).json()
    assert status["cancellation"]["reason"] == "لا أستطيع الحضور"
    system.town.when_quiet()
    assert system.ordinary.book(body, headers=WAIT).status_code == 200


def test_a_charity_out_of_balance_is_refused(system: OnPostgres) -> None:
    spent = system.balance - system.town.balance()
    system.town.set_balance(0)
    answer = system.charity.book(system.next_body(), headers=WAIT)
    system.town.set_balance(system.balance - spent)
    assert (answer.status_code, answer.json()["reason"]) == (200, Reason.CHARITY_ORGANIZATION_BALANCE_OUT)


def test_of_many_bookings_for_one_slot_exactly_one_wins(system: OnPostgres) -> None:
    slot = next(system.slots)
    before = system.town.count(scheduling.bookings)
    partners = (system.charity, system.ordinary)
    wishes = [prepared(partners[n % 2], system.town.body(slot, f"RIVAL-{n}")) for n in range(RIVALS)]
    send_from_several_processes(system, wishes)
    system.check_promises()
    assert outcomes(system, before) == {
        (BookingStatus.CONFIRMED, None): 1,
        (BookingStatus.FAILED, Reason.RECORD_ALREADY_EXIST): RIVALS - 1,
    }


def test_a_worker_killed_while_it_opens_the_room_leaves_a_booking_that_still_ends(system: OnPostgres) -> None:
    booking_id = booking_that_waits_for_its_room(system)
    system.stack.kill("worker")
    system.stack.start_worker()
    assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED


def test_a_prefork_worker_books_as_well(system: OnPostgres) -> None:
    system.stack.stop("worker")
    system.stack.start_worker(pool="prefork", concurrency=2)
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(6)]
    for booking_id in accepted:
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] == CONFIRMED
    system.stack.stop("worker")
    system.stack.start_worker()


def paused_for_a_while(server: PostgresServer) -> None:
    server.pause()
    time.sleep(4)  # longer than any statement may take: who waits has given up by then
    server.resume()


def killed_and_started(server: PostgresServer) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("disturb", [PostgresServer.restart, killed_and_started, paused_for_a_while])
def test_bookings_in_flight_end_although_postgresql_is_disturbed(
    system: OnPostgres, disturb: Callable[[PostgresServer], None]
) -> None:
    accepted = [system.booked(system.charity, system.next_body()) for _ in range(5)]
    accepted.append(booking_that_waits_for_its_room(system))
    disturb(system.postgres)
    wait_until(system.town.scheduling.is_reachable, seconds=30, what="PostgreSQL")
    for booking_id in accepted:
        wait_until(lambda booking_id=booking_id: system.charity.status(booking_id).ok, seconds=30, what="the API")  # type: ignore[misc]
        assert system.town.ended(system.charity, booking_id)["bookingStatus"] in {CONFIRMED, FAILED}
    assert (
        system.town.ended(system.charity, system.booked(system.charity, system.next_body()))["bookingStatus"]
        == CONFIRMED
    )


def booking_that_waits_for_its_room(system: OnPostgres) -> str:
    system.stack.fault(route="videosdk.create_room", kind="hang", times=1, delayMs=900, afterEffect=True)
    before = system.stack.calls_of("videosdk.create_room")
    booking_id = system.booked(system.charity, system.next_body())
    wait_until(lambda: system.stack.calls_of("videosdk.create_room") > before, seconds=20, what="the call")
    return booking_id
