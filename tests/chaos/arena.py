"""The whole of Tahoon as real processes, for as long as a run of the matrix takes; only workers come and go."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from itertools import cycle
from pathlib import Path
from queue import Queue
from typing import Any

from celery import Celery
from sqlalchemy import Row, update

from bootstrap import Databases, build_reconcile, build_rooms, outside_services, utc_now
from demo import commands
from demo.data import DemoData, DemoPartner
from demo.partner import Partner
from demo.ports import any_free_port
from demo.stack import Stack
from demo.town import Town
from integrations.ports import VideoRooms
from repositories.psyter_db import tables as psyter
from saga.protection import Guard
from saga.reconcile import Reconcile
from tests.chaos.script import Script
from tests.chaos.storage import Storage
from tests.chaos.workers import Workers
from workers.celery_app import create_publisher

LEASE = 4  # seconds
HASTE = {  # every wait shorter, nothing else changed
    "TAHOON_RETRY_PACE": "0.1",
    "TAHOON_LEASE": str(LEASE),
    "TAHOON_VIDEOSDK_TIMEOUT": "1.5",
    "TAHOON_FCM_TIMEOUT": "1.5",
    "TAHOON_DATABASE_TIMEOUT": "1.5",
    "TAHOON_BREAKER_OPEN_FOR": "1",
    "TAHOON_SWEEP_EVERY": "0.2",
    "TAHOON_WEBHOOK_TIMEOUT": "3",
    "TAHOON_WEBHOOK_LEASE": "7",
    # All cases share a breaker and places: only the fault that is about them may open the one or use up the others.
    "TAHOON_BREAKER_FAILURES": "1000",
    "TAHOON_VIDEOSDK_PLACES": "1000",
    "TAHOON_FCM_PLACES": "1000",
}
BALANCE = 10**12
FAIR_PRICE, DEAR_PRICE = 100_00, 100 * BALANCE  # of one hour
DEAR = range(1, 5)  # the care providers whom no charity can pay
MOODY = range(5, 25)  # those whose price a case may change, one case at a time
FRAIL = 4  # API processes that may be killed, one case at a time in each
PROVIDERS = 64
RECEIVER = "chaos"


@dataclass
class Arena:
    stack: Stack
    storage: Storage
    town: Town
    data: DemoData
    script: Script
    workers: Workers
    frail: Queue[str] = field(default_factory=Queue)  # base addresses of API processes that nobody else uses
    moody: Queue[int] = field(default_factory=Queue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._slots: dict[int, list[Row[Any]]] = {}
        for slot in self.town.free_slots():
            self._slots.setdefault(slot.care_provider_id, []).append(slot)
        self._dear = cycle(DEAR)
        self._others = cycle(sorted(set(self._slots) - set(DEAR) - set(MOODY)))

    def slots(self, number: int, *, provider: int | None = None, is_dear: bool = False) -> list[Row[Any]]:
        """So many free slots of one care provider, of different lengths, which nobody else gets."""
        with self.lock:
            free = self._slots[provider or next(self._dear if is_dear else self._others)]
            taken = [free.pop(0)]
            while len(taken) < number:
                length = taken[-1].slot_duration_id
                taken.append(next(slot for slot in free if slot.slot_duration_id != length))
                free.remove(taken[-1])
        return taken

    @property
    def charity(self) -> DemoPartner:
        return self.data.charity

    def partner(self, known: DemoPartner, base_url: str | None = None) -> Partner:
        """A client of its own connection; one sign-in serves all."""
        partner = Partner(base_url or self.stack.api_url, known.access_key, known.shared_api_key)
        partner.session.headers["Authorization"] = self.tokens[known.name]
        return partner

    def sign_in(self) -> None:
        for known in (self.data.charity, self.data.ordinary):
            partner = self.stack.partner(known)
            self.tokens[known.name] = str(partner.session.headers["Authorization"])
            partner.close()

    def hook_up(self) -> None:
        """The charity hears of every event of its bookings, at a receiver of the sandbox."""
        partner = self.partner(self.data.charity)
        url = f"{self.stack.sandbox_url}/webhooks/{RECEIVER}"
        answer = partner.command("webhooks/endpoints", {"url": url})
        answer.raise_for_status()
        secrets = {"secrets": [answer.json()["data"]["secret"]]}
        partner.session.put(f"{self.stack.sandbox_url}/sandbox/webhooks/{RECEIVER}", json=secrets).raise_for_status()
        partner.close()

    @cached_property
    def databases(self) -> Databases:
        return Databases(psyter=self.town.psyter, scheduling=self.town.scheduling)

    @cached_property
    def publisher(self) -> Celery:
        return create_publisher(self.town.settings.redis_url, connections=4)

    @cached_property
    def guard(self) -> Guard:
        return outside_services(self.town.settings, self.databases.scheduling).guard

    @cached_property
    def rooms(self) -> VideoRooms:
        return build_rooms(self.town.settings, self.databases, self.guard)

    @cached_property
    def reconcile(self) -> Reconcile:
        """Reconciliation as it will look at things when what has just ended counts as settled."""
        now = build_reconcile(self.town.settings, self.databases, self.guard)
        return replace(now, clock=lambda: utc_now() + timedelta(minutes=3))


@contextmanager
def arena(folder: Path, storage: Storage, *, workers: int, days: int) -> Iterator[Arena]:
    script = Script(folder / "script")
    with Stack(folder, settings={**HASTE, **storage.settings(), "CHAOS_FOLDER": str(script.folder)}) as stack:
        town = Town(stack.environment)
        data = town.settle_in(providers=PROVIDERS, days=days)
        town.set_balance(BALANCE)
        for provider in DEAR:
            set_price(town, provider, hourly_minor=DEAR_PRICE)
        with ExitStack() as closing:
            closing.callback(town.close)
            stack.start_redis()
            stack.start_sandbox()
            addresses = start_apis(stack)
            stack.start_beat()
            crew = Workers(stack, size=workers)
            closing.callback(crew.close)
            made = Arena(stack, storage, town, data, script, crew)
            for address in addresses:
                made.frail.put(address)
            for provider in MOODY:
                made.moody.put(provider)
            made.sign_in()
            made.hook_up()
            yield made


def start_apis(stack: Stack) -> list[str]:
    """The one that all cases share, and the frail ones, whose addresses are returned."""
    stack.start_api(app="tests.chaos.api:create_app()", workers=1, threads=32)
    addresses = []
    for number in range(FRAIL):
        port = any_free_port()
        command = commands.gunicorn("tests.chaos.api:create_app()", port, workers=1, threads=4)
        command.append("--preload")  # who follows one that was killed need not import everything
        stack.start(f"api-{number}", command)
        addresses.append(f"http://127.0.0.1:{port}")
    return addresses


def set_price(town: Town, provider: int, *, hourly_minor: int) -> None:
    change = update(psyter.care_providers).where(psyter.care_providers.c.id == provider)
    town.psyter.write(lambda connection: connection.execute(change.values(hourly_rate_minor=hourly_minor)))
