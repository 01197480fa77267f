"""`make bench`: events delivered a second, held against a bare loop of POSTs, and from a change to its delivery.

On the embedded default; the sandbox's receiver, which verifies every signature, answers at once. One worker with its
usual threads; the bare loop posts the same texts, signed, from as many threads as an endpoint has slots.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Connection, func, select

from bench.run import Figure, percentiles
from bootstrap import webhook_rules
from demo.partner import Partner
from demo.stack import Stack, wait_until
from demo.town import Town
from integrations.webhooks.client import Patience, WebhookClient
from integrations.webhooks.ports import Message
from integrations.webhooks.signing import new_secret
from repositories.enums import DeliveryState
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.tables import booking_events, webhook_deliveries

BOOKINGS = 40
EVENTS = 1000  # of these bookings, which are told one after the other for each
ALONE = 60  # changes with nothing else to do
A_SECOND = 5


@dataclass
class WebhookBench:
    stack: Stack
    town: Town
    partner: Partner
    slots: Any

    def add_endpoint(self, name: str) -> None:
        url = f"{self.stack.sandbox_url}/webhooks/{name}"
        answer = self.partner.command("webhooks/endpoints", {"url": url}).json()["data"]
        self.know(name, answer["secret"])

    def know(self, name: str, secret: str) -> None:
        control = f"{self.stack.sandbox_url}/sandbox/webhooks/{name}"
        requests.put(control, json={"secrets": [secret]}, timeout=10).raise_for_status()

    def book(self, number: int, *, per_second: float | None = None) -> None:
        for place in range(number):
            started = time.perf_counter()
            answer = self.partner.book(self.town.body(next(self.slots), f"HOOK-{place}"))
            assert answer.status_code == 202, answer.text
            if per_second:
                time.sleep(max(0.0, 1 / per_second - (time.perf_counter() - started)))

    def happen(self, number: int) -> None:
        """So many events of the bookings there are, in turn."""
        ids = self.read(select(booking_events.c.booking_id).distinct())

        def work(connection: Connection) -> None:
            for place in range(number):
                append_event(connection, ids[place % len(ids)].booking_id, "reminder_sent", datetime.now(UTC))

        self.town.scheduling.write(work)

    def wait_until_delivered(self) -> None:
        happened = select(func.count()).select_from(booking_events)
        done = select(func.count()).where(webhook_deliveries.c.state == DeliveryState.DELIVERED.value)
        wait_until(
            lambda: self.read(done)[0][0] == self.read(happened)[0][0], seconds=300, what="every delivery", every=0.1
        )

    def read(self, query: Any) -> list[Any]:
        with self.town.scheduling.reading() as connection:
            return list(connection.execute(query))

    # --- figures ---------------------------------------------------------------------------

    def delivered_rate(self) -> float:
        """From the first to the last of many that were there when the worker came."""
        self.happen(EVENTS)
        self.stack.start_worker(concurrency=16)
        self.stack.start_beat()
        self.town.when_quiet(seconds=200)
        self.wait_until_delivered()
        ended = select(
            func.min(webhook_deliveries.c.ended_at), func.max(webhook_deliveries.c.ended_at), func.count()
        ).select_from(webhook_deliveries)
        ((first, last, number),) = self.read(ended)
        return float(number / (last - first).total_seconds())

    def bare_rate(self) -> float:
        secret, settings = new_secret(lambda length: b"k" * length), self.town.settings
        self.know("bare", secret)
        long = timedelta(seconds=30)
        client = WebhookClient(
            rules=webhook_rules(settings),
            patience=Patience(connect=long, read=long, whole=long),
            connections=settings.webhook_slots,
        )
        url = f"{self.stack.sandbox_url}/webhooks/bare"

        def post(number: int) -> None:
            message = Message(id=f"m-{number}", text=b'{"type":"booking.reminder_sent","data":{}}' + b" " * 300)
            assert client.post(url, message, secrets=[secret], now=datetime.now(UTC)).error is None

        return rate_of(post, EVENTS, threads=settings.webhook_slots)

    def delays(self) -> list[float]:
        """Milliseconds from the commit's clock of a change to its answered delivery, of all events of new bookings."""
        newest = self.read(select(func.max(booking_events.c.id)))[0][0]
        self.book(ALONE, per_second=A_SECOND)
        self.town.when_quiet()
        self.wait_until_delivered()
        query = (
            select(booking_events.c.occurred_at, webhook_deliveries.c.ended_at)
            .join(webhook_deliveries, webhook_deliveries.c.event_id == booking_events.c.id)
            .where(booking_events.c.id > newest)
        )
        return [(row.ended_at - row.occurred_at).total_seconds() * 1000 for row in self.read(query)]


def rate_of(work: Callable[[int], None], number: int, *, threads: int) -> float:
    with ThreadPoolExecutor(threads) as pool:
        watch = time.perf_counter()
        for _ in pool.map(work, range(number)):
            pass
        return number / (time.perf_counter() - watch)


def measure(bench: WebhookBench) -> Iterator[Figure]:
    bare = bench.bare_rate()
    yield Figure("bare POSTs, signed", bare, "1/s", note=f"{bench.town.settings.webhook_slots} threads, one receiver")
    bench.add_endpoint("bench")
    bench.book(BOOKINGS)
    delivered = bench.delivered_rate()
    yield Figure("events delivered, one endpoint", delivered, "1/s", bare, "bare POSTs/s")
    p50, p99 = percentiles(bench.delays())
    yield Figure(f"from a change to its delivery, {A_SECOND} bookings/s, p50", p50, "ms")
    yield Figure(f"from a change to its delivery, {A_SECOND} bookings/s, p99", p99, "ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        town = Town(stack.environment)
        filled = town.settle_in(providers=20, days=10)
        stack.start_redis()
        stack.start_sandbox()
        stack.start_api()
        partner = stack.partner(filled.ordinary)
        for figure in measure(WebhookBench(stack, town, partner, town.free_slots())):
            print(figure, flush=True)
        partner.close()
        town.close()


if __name__ == "__main__":
    main()
