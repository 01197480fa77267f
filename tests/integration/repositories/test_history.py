"""However long a history is, one page of it reads a few rows: counted on the engines themselves."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from repositories.database import Database
from repositories.entities.bookings import Booking, HistoryFilter, HistoryPlace
from repositories.enums import BookingPlatform, BookingStatus, CommunicationType
from repositories.scheduling_db import tables
from repositories.scheduling_db.history import SqlBookingHistory
from tests.engines import Databases

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BOOKED, AT_ONCE, OF_ONE_USER = 20_000, 4_000, 5_000
LIMIT = 21
MOST_ROWS = 9 * LIMIT  # for each of four statuses the rest of an instant and what is older; then the rows themselves
MOST_STEPS = 200 * MOST_ROWS  # of SQLite's machine, which takes some for each row and each comparison
ORGANIZATION, REGULAR = 1, 7


def bookings() -> Iterator[dict[str, Any]]:
    """Most are confirmed; very many begin at one instant; one user has very many."""
    for number in range(BOOKED):
        starts_at = NOW + timedelta(minutes=5 * max(number - AT_ONCE, 0))
        yield {
            "organization_id": ORGANIZATION if number % 10 else 2,
            "user_id": REGULAR if number % 4 == 0 else number,
            "care_provider_id": 42,
            "slot_id": 7,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=1),
            "communication_type": CommunicationType.VIDEO,
            "platform": BookingPlatform.API,
            "is_from_mobile": False,
            "status": BookingStatus.FAILED if number % 1000 == 1 else BookingStatus.CONFIRMED,
            "created_at": NOW,
            "updated_at": NOW,
        }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    with databases.opened(request.param, "scheduling_db") as database:
        database.write(fill)
        yield database


def fill(connection: Any) -> None:
    connection.execute(insert(tables.slot_durations), {"id": 1, "minutes": 60})
    slot = {"care_provider_id": 42, "starts_at": NOW, "ends_at": NOW, "slot_duration_id": 1, "is_open": True}
    connection.execute(insert(tables.slots), {"id": 7, **slot})
    connection.execute(insert(tables.bookings), list(bookings()))
    connection.exec_driver_sql("ANALYZE")


# --- how much an engine reads --------------------------------------------------------------


def statement_of(database: Database, work: Callable[[], object]) -> tuple[str, Any]:
    """The one statement that `work` sends, and its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    work()
    event.remove(database.engine, "before_cursor_execute", note)
    (one,) = sent
    return one


def check_sqlite(database: Database, statement: str, parameters: Any) -> None:
    with database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        driver: Any = connection.connection.driver_connection
        steps: list[None] = []
        driver.set_progress_handler(lambda: steps.append(None), 1)
        connection.exec_driver_sql(statement, parameters).all()
        driver.set_progress_handler(None, 0)
    touched = [line.detail for line in plan if " bookings" in line.detail]
    assert touched
    assert all("INDEX ix_bookings_history" in line or "PRIMARY KEY (rowid=?)" in line for line in touched), touched
    assert len(steps) <= MOST_STEPS


def check_postgresql(database: Database, statement: str, parameters: Any) -> None:
    with database.reading() as connection:
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    (whole,) = json.loads(explained) if isinstance(explained, str) else explained
    scans = [part for part in parts(whole["Plan"]) if "Relation Name" in part]
    assert {part["Node Type"] for part in scans} <= {"Index Scan", "Index Only Scan"}
    assert sum(rows_read(part) for part in scans) <= MOST_ROWS


def rows_read(scan: dict[str, Any]) -> float:
    return float((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"])


def parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from parts(inner)


CHECKS = {"sqlite": check_sqlite, "postgresql": check_postgresql}


def page(database: Database, wanted: HistoryFilter, after: HistoryPlace | None) -> list[Booking]:
    return list(SqlBookingHistory(database).list_bookings(wanted, after=after, limit=LIMIT))


LATEST = NOW + timedelta(minutes=5 * (BOOKED - AT_ONCE))
FILTERS = {
    "all": HistoryFilter(organization_id=ORGANIZATION),
    "a rare status": HistoryFilter(organization_id=ORGANIZATION, statuses=(BookingStatus.FAILED,)),
    "a status of none": HistoryFilter(organization_id=ORGANIZATION, statuses=(BookingStatus.CANCELLED,)),
    "a user": HistoryFilter(organization_id=ORGANIZATION, user_id=REGULAR),
    "a user's rare status": HistoryFilter(
        organization_id=ORGANIZATION, user_id=REGULAR, statuses=(BookingStatus.FAILED, BookingStatus.PENDING)
    ),
    "a user of another organization": HistoryFilter(organization_id=99, user_id=REGULAR),
    "an old period": HistoryFilter(organization_id=ORGANIZATION, starts_before=NOW + timedelta(days=1)),
}
PLACES = {
    "the top": None,
    "the middle": HistoryPlace(starts_at=NOW + (LATEST - NOW) / 2, booking_id=BOOKED // 2),
    "amid those of one instant": HistoryPlace(starts_at=NOW, booking_id=AT_ONCE // 2),
    "the end": HistoryPlace(starts_at=NOW, booking_id=1),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_a_page_reads_a_few_rows_of_twenty_thousand(
    database: Database, wanted: HistoryFilter, place: HistoryPlace | None
) -> None:
    statement, parameters = statement_of(database, lambda: page(database, wanted, place))
    CHECKS[database.engine.dialect.name](database, statement, parameters)


def test_the_history_is_long_enough_to_prove_something(database: Database) -> None:
    assert len(page(database, FILTERS["all"], PLACES["amid those of one instant"])) == LIMIT
    assert len(page(database, FILTERS["a user"], PLACES["amid those of one instant"])) == LIMIT
    assert len(page(database, FILTERS["a rare status"], None)) == BOOKED // 1000
