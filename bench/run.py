"""`make bench`: what a booking costs, each figure beside the limit it is held against, all measured in this run.

On the embedded default: SQLite files, a local Redis, the sandbox answering at once (or after 200 ms where said).
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
import requests
from sqlalchemy import Engine, Select, event, func, select

from bench.bare import bare_loops_a_second
from bench.load import Load, Prepared, send_all
from bootstrap import build_api, build_runner
from demo.partner import Partner
from demo.stack import Stack, wait_until
from demo.town import Town
from repositories.enums import BookingStatus
from repositories.scheduling_db import tables
from saga.runner import Runner
from workers.celery_app import create_publisher

BOOKINGS = 1500
NOOPS = 3000
ACCEPTS = 1500
LOOPS = 300
IDLE = 60
SLOW_MS = 200
SLOW_BOOKINGS = 200
THREADS = 16
CONNECTIONS = 16
BOOK = "/api/v1/sessionbooking/booksession"


@dataclass(frozen=True)
class Figure:
    """One line of the report: a value, and the limit it is held against."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_name: str = ""
    wanted: float | None = None  # of value / limit; negative: at most
    note: str = ""

    def __str__(self) -> str:
        line = f"{self.name:<58}{self.value:>9.1f} {self.unit:<10}"
        if self.limit is None:
            return f"{line} {self.note}"
        ratio = self.value / self.limit
        goal = (
            "" if self.wanted is None else f"(goal {self.wanted:g}: {'reached' if ratio >= self.wanted else 'MISSED'})"
        )
        return f"{line} {ratio:5.2f} of {self.limit:.1f} {self.limit_name} {goal} {self.note}"


@dataclass
class Bench:
    stack: Stack
    town: Town
    partner: Partner
    slots: Any
    commits: int = 0  # of one booking, from its acceptance to its end
    statements: int = 0

    def bookings(self, number: int) -> list[Prepared]:
        """Signed bookings of one guest, each for a slot of its own."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": str(self.partner.session.headers["Authorization"]),
        }
        return [
            Prepared(BOOK, json.dumps(self.partner.signed(self.town.body(next(self.slots), "BENCH"))).encode(), headers)
            for _ in range(number)
        ]

    # --- figures ---------------------------------------------------------------------------

    def noop_rate(self, *, pool: str, concurrency: int) -> float:
        """Tasks a second of a worker that finds its queue full."""
        ends = self.stack.folder / "noop-ends"
        ends.unlink(missing_ok=True)
        self.stack.environment |= {"BENCH_NOOP_ENDS": str(ends), "BENCH_NOOP_WANTED": str(NOOPS)}
        publisher = create_publisher(self.stack.environment["TAHOON_REDIS_URL"], connections=1)
        for number in range(NOOPS):
            publisher.send_task("noop", args=(f"{number:032x}",))
        publisher.close()
        self.stack.start_worker("noop", app="bench.noop_worker", pool=pool, concurrency=concurrency)
        wait_until(ends.exists, seconds=120, what="the no-op tasks")
        first, last = (float(word) for word in ends.read_text().split())
        self.stack.stop("noop")
        return NOOPS / (last - first)

    def booked_rate(self, number: int) -> float:
        before = self.newest_booking()
        load = send_all(self.stack.ports["api"], self.bookings(number), connections=CONNECTIONS)
        assert load.statuses == {202: number}, load.statuses
        self.wait_for_the_end(before, number)
        return number / (self.last_confirmed(before) - load.started_at)

    def delays(self, number: int, *, per_second: float) -> list[float]:
        """Milliseconds from accepting to confirming, by the clocks of both transactions."""
        before = self.newest_booking()
        send_all(self.stack.ports["api"], self.bookings(number), connections=CONNECTIONS, per_second=per_second)
        self.wait_for_the_end(before, number)
        query = select(tables.bookings.c.created_at, tables.bookings.c.updated_at).where(tables.bookings.c.id > before)
        with self.town.scheduling.reading() as connection:
            return [(row.updated_at - row.created_at).total_seconds() * 1000 for row in connection.execute(query)]

    def accept_rate(self) -> Load:
        return send_all(self.stack.ports["api"], self.bookings(ACCEPTS), connections=CONNECTIONS)

    def bare_rate(self) -> Load:
        self.stack.environment["BENCH_BARE_URL"] = f"sqlite:///{self.stack.folder / 'bare.db'}"
        body = self.bookings(1)[0].body
        same = [Prepared("/bare", body, {"Content-Type": "application/json"})] * ACCEPTS
        with self.replaced_api("bench.bare:create_bare_app()"):
            return send_all(self.stack.ports["api"], same, connections=CONNECTIONS)

    @contextmanager
    def replaced_api(self, app: str) -> Any:
        self.stack.stop("api")
        self.stack.start_api(app=app)
        yield
        self.stack.stop("api")
        self.stack.start_api()

    def slow_rate(self) -> tuple[float, float]:
        """Sessions a second of one worker process while every outside answer takes SLOW_MS, and outside calls each."""
        before, calls = self.newest_booking(), self.outside_calls()
        send_all(self.stack.ports["api"], self.bookings(SLOW_BOOKINGS), connections=CONNECTIONS)
        self.delay(SLOW_MS)
        self.stack.start_worker(concurrency=THREADS)
        self.stack.start_beat()
        self.wait_for_the_end(before, SLOW_BOOKINGS)
        self.delay(0)
        with self.town.scheduling.reading() as connection:
            lines = tables.saga_attempts
            times = (
                connection.execute(
                    select(lines.c.started_at).where(lines.c.booking_id > before).order_by(lines.c.started_at)
                )
                .scalars()
                .all()
            )
        self.stack.stop("beat")
        self.stack.stop("worker")
        return SLOW_BOOKINGS / (times[-1] - times[0]).total_seconds(), (self.outside_calls() - calls) / SLOW_BOOKINGS

    def costs(self) -> list[Figure]:
        """What one booking costs: counted in this process, after one that warms everything up."""
        api, runner = build_api(self.town.settings).test_client(), self.runner()
        figures: list[Figure] = []
        for prepared in self.bookings(2):
            calls = self.outside_calls()
            with counting() as accepted:
                assert api.post(prepared.path, data=prepared.body, headers=prepared.headers).status_code == 202
            with counting() as worked:
                assert runner.advance(self.newest_saga()).endswith(": done")
            self.commits = accepted["commits"] + worked["commits"]
            self.statements = accepted["statements"] + worked["statements"]
            figures = [
                Figure("commits to accept a booking", accepted["commits"], "commits"),
                Figure("commits to carry it to its end", worked["commits"], "commits"),
                Figure("statements to accept a booking", accepted["statements"], "statements"),
                Figure("statements to carry it to its end", worked["statements"], "statements"),
                Figure("calls of outside services", self.outside_calls() - calls, "calls", note="1 room, 2 pushes"),
                Figure("messages to Redis", 2, "messages", note="1 nudge, 1 event for Flower"),
                Figure("round trips to Redis for places", 4, "", note="2 calls under guard"),
            ]
        return figures

    def bare_loop_rate(self) -> float:
        """Bookings a second if one process did nothing but their commits and statements."""
        url = f"sqlite:///{self.stack.folder / 'loops.db'}"
        return bare_loops_a_second(url, commits=self.commits, statements=self.statements, loops=LOOPS)

    def runner(self) -> Runner:
        return build_runner(
            self.town.settings, nudge=lambda _name, _saga_id: False, tell=lambda: None, is_stopping=never
        )

    def memory(self) -> list[Figure]:
        return [
            Figure(f"resident memory of {what}", max(rss) / 2**20, "MiB", note=f"largest of {len(rss)}")
            for what, name in (("an API process", "api"), ("a worker process", "worker"))
            if (rss := [p.memory_info().rss for p in self.family(name)])
        ]

    # --- helpers of the figures --------------------------------------------------------------

    def family(self, name: str) -> list[psutil.Process]:
        parent = psutil.Process(self.stack.processes[name].pid)
        return [parent, *parent.children(recursive=True)]

    def newest_booking(self) -> int:
        return int(self.one(select(func.coalesce(func.max(tables.bookings.c.id), 0))))

    def newest_saga(self) -> str:
        return str(self.one(select(tables.sagas.c.id).order_by(tables.sagas.c.booking_id.desc()).limit(1)))

    def last_confirmed(self, before: int) -> float:
        last: datetime = self.one(select(func.max(tables.bookings.c.updated_at)).where(tables.bookings.c.id > before))
        return last.timestamp()

    def one(self, query: Select[Any]) -> Any:
        with self.town.scheduling.reading() as connection:
            return connection.execute(query).scalar_one()

    def wait_for_the_end(self, before: int, number: int) -> None:
        bookings, sagas = tables.bookings, tables.sagas
        confirmed = (bookings.c.id > before, bookings.c.status == BookingStatus.CONFIRMED)

        def is_over() -> bool:
            is_quiet = not self.town.count(sagas, sagas.c.due_at.is_not(None)) and not self.stack.nudges_waiting()
            return is_quiet and self.town.count(bookings, *confirmed) == number

        wait_until(is_over, seconds=180, every=0.2, what=f"{number} bookings confirmed")

    def outside_calls(self) -> int:
        answer = requests.get(f"{self.stack.sandbox_url}/sandbox/requests/count", timeout=10)
        return int(answer.json()["count"])

    def delay(self, milliseconds: int) -> None:
        requests.put(
            f"{self.stack.sandbox_url}/sandbox/delay", json={"delayMs": milliseconds}, timeout=10
        ).raise_for_status()


def never() -> bool:
    return False


@contextmanager
def counting() -> Iterator[dict[str, int]]:
    counted = {"commits": 0, "statements": 0}

    def commit(_connection: Any) -> None:
        counted["commits"] += 1

    def statement(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        counted["statements"] += not text.startswith("BEGIN")

    event.listen(Engine, "commit", commit)
    event.listen(Engine, "before_cursor_execute", statement)
    yield counted
    event.remove(Engine, "commit", commit)
    event.remove(Engine, "before_cursor_execute", statement)


def percentiles(delays: Sequence[float]) -> tuple[float, float]:
    return median(delays), quantiles(delays, n=100, method="inclusive")[98]


def measure(bench: Bench, *, pool: str, concurrency: int) -> Iterator[Figure]:
    stack = bench.stack
    noop = bench.noop_rate(pool=pool, concurrency=concurrency)
    yield Figure("no-op Celery tasks", noop, "1/s", note=f"{pool} x {concurrency}")

    stack.start_worker(pool=pool, concurrency=concurrency)
    stack.start_beat()
    bench.booked_rate(50)
    booked = bench.booked_rate(BOOKINGS)
    yield Figure("sessions booked, HTTP to confirmed", booked, "1/s", noop, "no-op tasks/s", 0.4)

    for name, delays, wanted in (
        ("idle", bench.delays(IDLE, per_second=5), 50),
        ("at half load", bench.delays(int(booked * 4), per_second=booked / 2), None),
    ):
        p50, p99 = percentiles(delays)
        yield Figure(f"from 202 to Confirmed, {name}, p50", p50, "ms", note=f"(goal: {wanted} ms)" if wanted else "")
        yield Figure(f"from 202 to Confirmed, {name}, p99", p99, "ms")
    yield from bench.memory()
    stack.stop("beat")
    stack.stop("worker")

    yield from bench.costs()
    loops = bench.bare_loop_rate()
    name = f"bare loops/s of {bench.commits} commits, {bench.statements} statements"
    yield Figure("sessions booked, once more", booked, "1/s", loops, name)
    yield Figure("such loops", loops, "1/s", noop, "no-op tasks/s")

    slow, calls = bench.slow_rate()
    limit = THREADS / (calls * SLOW_MS / 1000)
    name = f"sessions/s at most: {THREADS} threads / ({calls:.2f} calls x {SLOW_MS} ms)"
    yield Figure(f"sessions a second, sandbox answers after {SLOW_MS} ms", slow, "1/s", limit, name, 0.8)

    accepted, bare = bench.accept_rate(), bench.bare_rate()
    yield Figure(
        "requests accepted", ACCEPTS / accepted.seconds, "1/s", ACCEPTS / bare.seconds, "bare one-insert views/s", 0.6
    )


def main() -> None:
    pool, concurrency = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) == 3 else ("threads", THREADS)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        town = Town(stack.environment)
        filled = town.settle_in(providers=60, days=30)
        stack.start_redis()
        stack.start_sandbox()
        stack.start_api()
        partner = stack.partner(filled.ordinary)
        bench = Bench(stack, town, partner, town.free_slots())
        for figure in measure(bench, pool=pool, concurrency=concurrency):
            print(figure, flush=True)
        partner.close()
        town.close()


if __name__ == "__main__":
    main()
