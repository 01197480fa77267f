"""A new version goes out while partners book: two APIs and two workers, each stopped and started in turn."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Row

from api.security.secure_hash import secure_hash
from demo.partner import TIMEOUT
from demo.stack import Stack, wait_until
from repositories.enums import BookingStatus
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import HASTE, System, running_system
from tests.integration.system.promises import rows

PARTNERS = 3
BETWEEN = 0.25  # seconds from one booking of a partner to its next
APIS = ("api", "api-2")
WORKERS = ("worker", "worker-2")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with running_system(tmp_path, HASTE, days=30) as system:
        yield system


@pytest.fixture
def doubled(system: System) -> Stack:
    system.stack.start_api("api-2")
    system.stack.start_worker("worker-2")
    return system.stack


class Partners:
    """Book until told to stop; a request whose connection fails is repeated at the next API, under its own key."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.stopped = threading.Event()
        self.accepted: list[str] = []
        self.surprises: list[str] = []
        self._slots: Iterator[Row[Any]] = system.slots
        self._turn = threading.Lock()
        self._authorization = str(system.charity.session.headers["Authorization"])

    def book_on(self, number: int) -> None:
        try:
            self._book_on(number)
        except Exception as error:
            self.surprises.append(repr(error))
            raise

    def _book_on(self, number: int) -> None:
        apis = cycle(APIS[number % 2 :] + APIS[: number % 2])
        while not self.stopped.wait(BETWEEN):
            with self._turn:
                body = self.system.town.body(next(self._slots), f"ROLL-{number}")
            self.book_once({**body, "secureHash": secure_hash(body, self.system.data.charity.shared_api_key)}, apis)

    def book_once(self, body: dict[str, object], apis: Iterator[str]) -> None:
        headers = {"Authorization": self._authorization, "Idempotency-Key": uuid.uuid4().hex}
        for _ in range(20):
            url = f"{self.system.stack.url(next(apis))}/api/v1/sessionbooking/booksession"
            try:
                answer = requests.post(url, json=body, headers=headers, timeout=TIMEOUT)
            except requests.ConnectionError:
                self.stopped.wait(BETWEEN)
                continue
            if answer.status_code == 202:
                self.accepted.append(answer.json()["data"]["bookingId"])
            else:
                self.surprises.append(f"{answer.status_code}: {answer.text}")
            return
        self.surprises.append("no API took it")


@pytest.mark.timeout(400)
def test_a_rolling_restart_under_load_loses_nothing_and_answers_everyone(system: System, doubled: Stack) -> None:
    partners = Partners(system)
    before = system.town.count(scheduling.bookings)
    with ThreadPoolExecutor(PARTNERS) as pool:
        bookings = [pool.submit(partners.book_on, number) for number in range(PARTNERS)]
        try:
            for name in (*APIS, *WORKERS):
                wait_until_more(partners, 5)
                doubled.stop(name)
                wait_until_more(partners, 5)
                doubled.start_api(name) if name in APIS else doubled.start_worker(name)
            wait_until_more(partners, 5)
        finally:
            partners.stopped.set()
        for one in bookings:
            one.result(60)
    assert partners.surprises == []
    system.check_promises()
    made = [row for row in rows(system.town, scheduling.bookings) if row.id > before]
    assert len(made) == len(partners.accepted) == len(set(partners.accepted))
    assert {row.status for row in made} == {BookingStatus.CONFIRMED}


def wait_until_more(partners: Partners, count: int) -> None:
    """Until so many more were accepted, so that each stop and each start happens under load."""
    goal = len(partners.accepted) + count
    wait_until(lambda: len(partners.accepted) >= goal or partners.surprises, seconds=120, what=f"{count} more bookings")
