"""`make bench-search`: one page of a search, at 1,000, 10,000 and 100,000 care providers with 30 days of slots each.

The whole request is measured, in this process: token, schema, statements, JSON. The sizes take turns, call by call, so
that a busy machine slows all of them alike. Every care provider has eight slots a day: 24 million at the largest size.
The data is made once a day and kept in var/bench.
"""

import argparse
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from flask import Flask
from sqlalchemy import insert

from api.app import create_app
from api.pagination import Listing
from bench.run import counting
from bootstrap import api_services
from demo.data import ORDINARY, make_searchable, partner_of
from demo.town import Town
from integrations.quotas import OwnQuotas
from logs import start_logging
from repositories.migrations import upgrade
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db.calendars import GAPS, SqlCalendars
from repositories.scheduling_db.tables import slots

FOLDER = Path("var/bench")
SIZES = (1_000, 10_000, 100_000)
QUICK = (1_000, 10_000)
DAYS = 30
SLOTS_A_DAY = 8
PATTERNS = 997  # of 30 days each; every care provider follows one
CALLS = 120
PAGE = 20
FEW = 30  # care providers who speak the rare language, whatever the size
RARE = 5
GOAL = 1.5
SEARCH = "/api/v1/careprovider/getcareproviderslistwithschedule"
ZONES = ("Asia/Riyadh", "Europe/London", "Asia/Kathmandu", "America/St_Johns")
SHAPES: dict[str, Mapping[str, Any]] = {
    "no filter": {},
    "no filter, far behind": {"cursor": True},
    f"filter that matches {FEW} care providers": {"filterCriteriaObject": {"languageIds": [RARE]}},
    "filter that matches 3 in 100": {"filterCriteriaObject": {"minPrice": 200, "maxPrice": 200}},
    "filter that matches half": {"filterCriteriaObject": {"genderType": 0}},
    "filter of five fields": {
        "filterCriteriaObject": {
            "genderType": 1,
            "languageIds": [1, 2],
            "specialtyIds": [1, 2, 3],
            "experienceLevel": 2,
            "maxPrice": 300,
        }
    },
}

# A working day of eight slots of 45 minutes with a break after each; a fifth of them is blocked. Every slot knows the
# free one before it, as calendars.rebuild would write it down; `make` checks that.
MAKE_PATTERNS = f"""
CREATE TEMP TABLE patterns (number, starts_cell, is_open, starts_at, ends_at, next_after, gap_class,
                            PRIMARY KEY (number, starts_cell)) WITHOUT ROWID;
WITH RECURSIVE
    pattern(p) AS (SELECT 0 UNION ALL SELECT p + 1 FROM pattern WHERE p < {PATTERNS - 1}),
    day(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM day WHERE d < {DAYS - 1}),
    turn(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM turn WHERE k < {SLOTS_A_DAY - 1}),
    made AS (
        SELECT p, @midnight + d * 86400 + (60 + (p * 7919 + d * 104729) % 90) * 300 + k * 3300 + (p + k) % 3 * 300 AS s,
               ((p * 2654435761 + d * 40503 + k * 97) >> 3) % 5 > 0 AS is_open
        FROM pattern, day, turn
    ),
    placed AS (
        SELECT *, coalesce(max(CASE WHEN is_open THEN s END) OVER (
            PARTITION BY p ORDER BY s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1) AS earlier FROM made
    )
INSERT INTO patterns
SELECT p, s, is_open, datetime(s, 'unixepoch') || '.000000', datetime(s + 2700, 'unixepoch') || '.000000',
       CASE WHEN is_open THEN earlier END,
       CASE WHEN is_open THEN CASE {" ".join(f"WHEN s - earlier <= {gap} THEN {n}" for n, gap in enumerate(GAPS))}
            ELSE {len(GAPS)} END END
FROM placed
"""  # noqa: S608  our own numbers
MAKE_SLOTS = f"""
WITH RECURSIVE provider(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM provider WHERE p < @size)
INSERT INTO slots (care_provider_id, starts_at, ends_at, slot_duration_id, is_open, starts_cell, ends_cell, next_after,
                   gap_class)
SELECT p, starts_at, ends_at, 2, is_open, starts_cell, starts_cell + 2700, next_after, gap_class
FROM provider CROSS JOIN patterns ON patterns.number = p % {PATTERNS}
"""  # noqa: S608  our own numbers

SQL_OF_INDEX = "SELECT sql FROM sqlite_schema WHERE name = 'ix_slots_free_by_gap'"


@dataclass
class Place:
    """The databases of one size, and the API on them."""

    size: int
    app: Flask
    bearer: dict[str, str]
    base: date
    draw: Random = field(default_factory=lambda: Random(7))
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    of_processor: dict[str, list[float]] = field(default_factory=dict)  # the same calls without what they waited for
    statements: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)

    def call(self, shape: str) -> None:
        body = self.body(SHAPES[shape])
        client, started, worked = self.app.test_client(), time.perf_counter(), time.thread_time()
        with counting() as counted:
            answer = client.post(SEARCH, json=body, headers=self.bearer)
        self.milliseconds.setdefault(shape, []).append((time.perf_counter() - started) * 1000)
        self.of_processor.setdefault(shape, []).append((time.thread_time() - worked) * 1000)
        assert answer.status_code == 200, answer.get_data()
        self.statements[shape] = max(self.statements.get(shape, 0), counted["statements"])
        self.found[shape] = max(self.found.get(shape, 0), len(answer.get_json()["careProvidersList"]))

    def body(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        day = self.base + timedelta(days=self.draw.randrange(1, 20))
        body: dict[str, Any] = {"scheduleDate": f"{day}", "timeZone": self.draw.choice(ZONES), "pageSize": PAGE, **wish}
        if "cursor" in wish:
            body["cursor"] = self.cursor(day, {name: body[name] for name in ("scheduleDate", "timeZone")})
        return body

    def cursor(self, day: date, filters: Mapping[str, Any]) -> str:
        """Behind the middle of the care providers, at the busiest hour of the day."""
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
        listing = Listing(name="care_providers", organization_id=ORDINARY, filters=filters)
        written: str = self.app.extensions["tahoon"].cursors.write((noon, self.size // 2), of=listing)
        return written


def made(size: int) -> Place:
    folder = FOLDER / f"search-{size}"
    whole, today = folder / "made-on", datetime.now(UTC).date()
    if not whole.exists() or whole.read_text() != f"{today}":
        shutil.rmtree(folder, ignore_errors=True)
        make(folder, size, today)
        whole.write_text(f"{today}")
    town = town_in(folder)
    upgrade(town.settings.psyter_db_url, tree="psyter_db")  # it may have been made before the newest migration
    upgrade(town.settings.scheduling_db_url, tree="scheduling_db")
    services = api_services(town.settings)
    kinds = dict.fromkeys(services.limiter.per_minute, 10**9)
    app = create_app(replace(services, limiter=replace(services.limiter, quotas=OwnQuotas(), per_minute=kinds)))
    token = app.test_client().post(
        "/api/v1/auth/token", json={"grant_type": "password", "access_key": partner_of(7, ORDINARY).access_key}
    )
    return Place(size, app, {"Authorization": f"Bearer {token.get_json()['access_token']}"}, today)


def town_in(folder: Path) -> Town:
    return Town(
        {
            "TAHOON_SANDBOX": "1",
            "TAHOON_PSYTER_DB_URL": f"sqlite:///{folder / 'psyter.db'}",
            "TAHOON_SCHEDULING_DB_URL": f"sqlite:///{folder / 'scheduling.db'}",
            "TAHOON_LOG_LEVEL": "ERROR",
        }
    )


def make(folder: Path, size: int, today: date) -> None:
    started = time.perf_counter()
    folder.mkdir(parents=True)
    town = town_in(folder)
    town.settle_in(providers=size, days=0)
    speak_rarely(town, size)
    make_searchable(town.psyter, town.scheduling)
    town.close()
    make_slots(folder / "scheduling.db", size, today)
    town = town_in(folder)
    for first in (0, size // 2, size - 100):
        assert SqlCalendars(town.scheduling).check(after=first, limit=100).wrong == 0
    count = town.count(slots)
    town.close()
    print(f"{size:,} care providers, {count:,} slots: made in {time.perf_counter() - started:.0f} s", flush=True)


def speak_rarely(town: Town, size: int) -> None:
    language = {"id": RARE, "name_plang": "Sign language", "name_slang": "لغة الإشارة"}
    speakers = [{"care_provider_id": 1 + number * size // FEW, "language_id": RARE} for number in range(FEW)]
    town.psyter.write(lambda connection: connection.execute(insert(psyter.languages), language))
    town.psyter.write(lambda connection: connection.execute(insert(psyter.care_provider_languages), speakers))


def make_slots(path: Path, size: int, today: date) -> None:
    """All of them in the order of the table, without a log that could be lost; then the index in another order."""
    midnight = int(datetime.combine(today, datetime.min.time(), UTC).timestamp())
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY", "threads=2"):
            database.execute(f"PRAGMA {pragma}")
        [(sql_of_index,)] = database.execute(SQL_OF_INDEX)
        database.execute("DROP INDEX ix_slots_free_by_gap")
        create, insert_all = MAKE_PATTERNS.split(";")
        database.execute(create)
        database.execute(insert_all, {"midnight": midnight})
        database.execute(MAKE_SLOTS, {"size": size})
        database.execute(sql_of_index)


def measure(places: list[Place]) -> None:
    for shape in SHAPES:
        for place in places:
            place.call(shape)  # warms caches and statements
            place.milliseconds[shape].clear()
            place.of_processor[shape].clear()
        for _ in range(CALLS):
            for place in places:
                place.call(shape)


def report(places: list[Place]) -> Iterator[str]:
    sizes = "".join(f"{place.size:>27,}" for place in places)
    yield f"{'ms: p50 (p95), p50 of processor time':<45}{sizes}   largest / smallest"
    for shape in SHAPES:
        cells = "".join(
            f"{median(place.milliseconds[shape]):>9.1f} ({quantiles(place.milliseconds[shape], n=20)[18]:>5.1f})"
            f"{median(place.of_processor[shape]):>8.1f}  "
            for place in places
        )
        first, last = places[0], places[-1]
        ratio = median(last.milliseconds[shape]) / median(first.milliseconds[shape])
        of_processor = median(last.of_processor[shape]) / median(first.of_processor[shape])
        yield (
            f"{shape:<45}{cells}   {ratio:.2f}, {of_processor:.2f} of processor time "
            f"(goal {GOAL}: {'reached' if ratio <= GOAL else 'MISSED'}), "
            f"{last.statements[shape]} statements, {last.found[shape]} shown"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the two smaller sizes only")
    sizes = QUICK if parser.parse_args().quick else SIZES
    start_logging("ERROR")
    places = [made(size) for size in sizes]
    measure(places)
    for line in report(places):
        print(line, flush=True)


if __name__ == "__main__":
    main()
