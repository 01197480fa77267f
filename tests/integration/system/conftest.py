"""Real processes: Redis, sandbox, gunicorn, Celery workers, beat, two SQLite files. One stack for each module."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from demo.data import CHARITY_BALANCE, DemoData
from demo.partner import Partner
from demo.stack import Stack
from demo.town import Town
from repositories.enums import BookingStatus
from tests.integration.system.promises import check_promises

HASTE = {  # every wait shorter, nothing else changed
    "TAHOON_RETRY_PACE": "0.05",
    "TAHOON_LEASE": "3",
    "TAHOON_VIDEOSDK_TIMEOUT": "1",
    "TAHOON_FCM_TIMEOUT": "1",
    "TAHOON_DATABASE_TIMEOUT": "1",
    "TAHOON_WEBHOOK_TIMEOUT": "3",
    "TAHOON_WEBHOOK_LEASE": "7",
    "TAHOON_BREAKER_OPEN_FOR": "0.5",
    "TAHOON_SWEEP_EVERY": "0.2",
    "TAHOON_COPY_FACTS_EVERY": "1",
}


@dataclass
class System:
    stack: Stack
    town: Town
    data: DemoData

    def __post_init__(self) -> None:
        self.slots = self.town.free_slots()

    @cached_property
    def charity(self) -> Partner:
        return self.stack.partner(self.data.charity)

    @cached_property
    def ordinary(self) -> Partner:
        return self.stack.partner(self.data.ordinary)

    def next_body(self, reference: str = "GUEST-1") -> dict[str, Any]:
        return self.town.body(next(self.slots), reference)

    def booked(self, partner: Partner, body: dict[str, Any], **headers: str) -> str:
        """The id of a booking that was accepted."""
        answer = partner.book(body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["data"]["bookingId"])

    def check_promises(self) -> None:
        self.town.when_quiet()
        check_promises(self.town, self.stack, initial_balance=self.balance)

    balance: int = CHARITY_BALANCE

    def close(self) -> None:
        for name in ("charity", "ordinary"):
            if name in self.__dict__:
                self.__dict__[name].close()
        self.town.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("system"), HASTE) as system:
        yield system


@contextmanager
def running_system(folder: Path, settings: Mapping[str, str], *, days: int = 5) -> Iterator[System]:
    with Stack(folder, settings=settings) as stack:
        town = Town(stack.environment)
        whole = System(stack, town, town.settle_in(providers=12, days=days))
        try:
            stack.start_all()
            stack.wait_for_worker()
            yield whole
        finally:
            whole.close()


CONFIRMED, FAILED = BookingStatus.CONFIRMED, BookingStatus.FAILED
