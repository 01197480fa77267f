"""/metrics over real HTTP: what two gunicorn processes and two workers counted adds up, also when some of them died."""

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from demo.ports import any_free_port
from demo.stack import wait_until
from repositories.enums import BookingStatus
from tests.integration.system.conftest import HASTE, System, running_system

TOKEN = "m" * 40
PORT = any_free_port()
BOOKED = 12
WATCHED = {"TAHOON_METRICS_TOKEN": TOKEN, "TAHOON_METRICS_PORT": str(PORT)}

Labels = frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("metrics"), {**HASTE, **WATCHED}) as system:
        yield system


def scraped(url: str) -> Mapping[tuple[str, Labels], float]:
    answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
    answer.raise_for_status()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def sum_of(found: Mapping[tuple[str, Labels], float], name: str, **labels: str) -> float:
    return sum(value for (one, given), value in found.items() if one == name and labels.items() <= dict(given).items())


def book(system: System, number: int) -> None:
    bookings = [system.booked(system.charity, system.next_body(f"R-{n}")) for n in range(number)]
    for booking in bookings:
        assert system.town.ended(system.charity, booking)["bookingStatus"] == BookingStatus.CONFIRMED
    system.town.when_quiet()


def processes_of(folder: Path) -> set[str]:
    return {path.stem.rpartition("_")[2] for path in (folder / "metrics").glob("*.db")}


def test_what_all_processes_counted_adds_up_also_after_they_died(system: System) -> None:
    system.stack.start_worker("worker-2")
    wait_until(
        lambda: len(processes_of(system.stack.folder) - {"0"}) >= 4,  # two of gunicorn, two workers
        seconds=90,
        what="four processes that count",
    )
    book(system, BOOKED)
    for url in (system.stack.api_url, f"http://127.0.0.1:{PORT}"):
        assert_all_is_counted(scraped(url), BOOKED)
    before = processes_of(system.stack.folder)
    for name in ("worker", "worker-2", "api"):
        system.stack.kill(name)
    system.stack.start_api()
    assert_all_is_counted(scraped(system.stack.api_url), BOOKED)
    assert processes_of(system.stack.folder) & before <= {"0"}
    system.stack.start_worker()
    system.stack.wait_for_worker()
    book(system, BOOKED)
    assert_all_is_counted(scraped(system.stack.api_url), 2 * BOOKED)


def assert_all_is_counted(found: Mapping[tuple[str, Labels], float], bookings: int) -> None:
    route = "/api/v1/sessionbooking/booksession"
    assert sum_of(found, "tahoon_http_request_seconds_count", route=route, status="202") == bookings
    assert sum_of(found, "tahoon_saga_seconds_count", saga="book_session", status="done") == bookings
    for step in ("check_slot", "save_order", "create_meeting", "confirm_booking", "notify_provider"):
        assert sum_of(found, "tahoon_saga_step_seconds_count", step=step, outcome="done") == bookings, step
    assert sum_of(found, "tahoon_outside_call_seconds_count", call="create room", outcome="answered") == bookings
    assert sum_of(found, "tahoon_nudges_total", result="published") >= bookings
    assert sum_of(found, "tahoon_nudges_total", result="lost") == 0
    assert sum_of(found, "tahoon_task_seconds_count", task="sweep") > 0


def test_how_everything_stands_is_told_as_the_database_has_it(system: System) -> None:
    found = scraped(system.stack.api_url)
    assert sum_of(found, "tahoon_sagas") == 0
    assert sum_of(found, "tahoon_backlog_oldest_seconds", of="bookings") == 0
    assert sum_of(found, "tahoon_database_up") == 2
    assert sum_of(found, "tahoon_breaker_open") == 0
    assert sum_of(found, "tahoon_places_free", service="videosdk") == 12
    wait_until(
        lambda: sum_of(scraped(system.stack.api_url), "tahoon_database_connections_most", database="scheduling") > 0,
        seconds=30,
        what="the first sample of the pools",
    )
    system.stack.signal("worker", signal.SIGSTOP)
    booking = system.booked(system.charity, system.next_body("R-0"))
    wait_until(
        lambda: sum_of(scraped(system.stack.api_url), "tahoon_backlog_oldest_seconds", of="bookings") > 0.5,
        seconds=30,
        what="a booking that waits is seen to wait",
    )
    assert sum_of(scraped(system.stack.api_url), "tahoon_sagas", status="running") == 1
    system.stack.resume("worker")
    assert system.town.ended(system.charity, booking)["bookingStatus"] == BookingStatus.CONFIRMED


def test_nobody_is_told_without_the_token(system: System) -> None:
    for url in (system.stack.api_url, f"http://127.0.0.1:{PORT}"):
        for headers in ({}, {"Authorization": "Bearer " + "n" * 40}, {"Authorization": f"Basic {TOKEN}"}):
            answer = requests.get(f"{url}/metrics", headers=headers, timeout=10)
            assert answer.status_code == 401
            assert "tahoon_" not in answer.text


def test_no_label_holds_what_a_partner_sent(system: System) -> None:
    odd = ("Zaynab", "1961-07-23")
    requests.request("ZAYNAB", f"{system.stack.api_url}/healthz", timeout=10)
    requests.get(f"{system.stack.api_url}/api/v1/user/{odd[0]}", headers={"X-Request-Id": odd[1]}, timeout=10)
    requests.get(f"{system.stack.api_url}/{odd[0]}/{odd[1]}?{odd[0]}={odd[1]}", timeout=10)
    found = scraped(system.stack.api_url)
    labels = " ".join(value for _, given in found for _, value in given)
    assert sum_of(found, "tahoon_http_request_seconds_count", route="none", status="404") >= 1
    for word in (*odd, "ZAYNAB", system.data.charity.access_key):
        assert word not in labels
