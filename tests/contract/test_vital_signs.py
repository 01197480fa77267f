"""What a scrape asks of SchedulingDatabase, on every engine; and that it reads no history to answer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select

from repositories.database import Database
from repositories.entities.vital_signs import Backlog
from repositories.enums import ReportStatus, SagaStatus, Service, Trouble
from repositories.psyter_db.tables import audit_outbox
from repositories.scheduling_db import services, vital_signs
from repositories.scheduling_db.counts import counted
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.tables import metadata, sagas
from repositories.scheduling_db.vital_signs import SqlDeedsWaiting, SqlVitalSigns
from tests.conftest import FreshDatabase
from tests.contract.test_scheduling import HOUR, NOW
from tests.contract.test_services import World, sql_world
from tests.engines import ENGINES

LATER = NOW + 2 * HOUR


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Database:
    return fresh_database(request.param, "scheduling_db")


def test_where_nothing_is_nothing_waits(database: Database) -> None:
    signs = SqlVitalSigns(database)(now=NOW)
    assert signs.sagas == {SagaStatus.RUNNING: 0, SagaStatus.UNDOING: 0, SagaStatus.STUCK: 0}
    assert signs.reports == {ReportStatus.WAITING: 0, ReportStatus.PARKED: 0}
    assert signs.in_line == {Service.VIDEOSDK: 0, Service.FCM: 0}
    nothing = Backlog(number=0, since=None)
    assert {signs.due, signs.pending, signs.events, signs.webhooks, signs.pushes, signs.deeds} == {nothing}
    assert {state.trouble for state in signs.services.values()} == {None}


def test_what_has_not_ended_is_counted_and_its_age_known(database: Database) -> None:
    world = sql_world(database)
    first, second, third = (world.accept(created=timedelta(minutes=n)) for n in range(3))
    world.leave(world.scheduling.claimed(first), due_at=None, status=SagaStatus.STUCK)
    world.leave(world.scheduling.claimed(third), due_at=LATER + HOUR)
    signs = SqlVitalSigns(database)(now=LATER)
    assert signs.sagas == {SagaStatus.RUNNING: 2, SagaStatus.UNDOING: 0, SagaStatus.STUCK: 1}
    assert signs.due == Backlog(number=1, since=NOW - HOUR + timedelta(minutes=1))
    assert signs.pending == Backlog(number=3, since=NOW - HOUR)
    assert signs.events == Backlog(number=3, since=NOW - HOUR)
    assert second


def test_lines_and_breakers_are_told(database: Database) -> None:
    world: World = sql_world(database)
    world.waits(service=Service.FCM)
    SqlServices(database).change(Service.FCM, lambda state: replace(state, trouble=Trouble.LIMITED, failures=3))
    signs = SqlVitalSigns(database)(now=NOW)
    assert signs.in_line == {Service.VIDEOSDK: 0, Service.FCM: 1}
    assert (signs.services[Service.FCM].trouble, signs.services[Service.FCM].failures) == (Trouble.LIMITED, 3)


def test_a_long_backlog_is_not_read_to_its_end(database: Database) -> None:
    world = sql_world(database)
    for _ in range(4):
        world.accept()
    few = counted(sagas, sagas.c.status == "running", most=3)
    with database.reading() as connection:
        assert connection.execute(few).scalar_one() == 3


def test_deeds_of_either_database_are_counted(psyter_database: Database) -> None:
    assert audit_outbox.name == "audit_outbox"
    assert SqlDeedsWaiting(psyter_database)() == Backlog(number=0, since=None)


ASKED = {
    "of status": vital_signs.OF_STATUS,
    "in line": services.IN_LINE,
    "reports": vital_signs.OF_REPORTS,
    **{f"{name} {n}": one for name, both in vital_signs.BACKLOGS.items() for n, one in enumerate(both)},
}
FILTERED = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
VALUES: dict[str, Any] = {"now": NOW, "status": "running", "service": "fcm"}


@pytest.mark.parametrize("name", ASKED)
def test_every_statement_of_a_scrape_goes_by_an_index(fresh_database: FreshDatabase, name: str) -> None:
    statement: Select[Any] = ASKED[name]
    database = fresh_database("sqlite", "scheduling_db")
    with database.reading() as connection:
        text = str(statement.compile(connection, compile_kwargs={"literal_binds": False}))
        values = statement.compile(connection).construct_params(VALUES)
        ordered = statement.compile(connection)
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {text}",
            tuple(_plain(values[key]) for key in ordered.positiontup or ()),
        ).fetchall()
    steps = [row[-1] for row in plan if row[-1].startswith(("SCAN", "SEARCH", "USE TEMP"))]
    # the outbox is emptied by the second, and read in the order of its key; a filtered index holds only what waits
    allowed = ("USING INDEX", "USING COVERING INDEX", "INTEGER PRIMARY KEY", "(subquery", "anon_1")
    unbounded = [step for step in steps if not any(word in step for word in allowed) and "audit_outbox" not in step]
    assert unbounded == [], plan
    scans = [step for step in steps if step.startswith("SCAN") and " INDEX " in step and "audit_outbox" not in step]
    assert [scan for scan in scans if scan.split()[-1] not in FILTERED] == [], "an index is read from end to end"


def _plain(value: Any) -> Any:
    return value.isoformat(" ") if hasattr(value, "isoformat") else value
