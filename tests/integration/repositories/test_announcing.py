"""Announcing against writers that take their time, and against itself, on real databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Connection, select

from repositories.database import Database
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.tables import booking_events
from tests.contract import test_scheduling as scheduling
from tests.contract.test_announcing import positions_in
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot

WRITERS, EACH = 4, 12


def world_in(database: Database) -> scheduling.World:
    world = scheduling.sql_world(database)
    world.add_slot(slot(7, STARTS, HOUR))
    return world


def reminder(booking_id: int) -> Callable[[Connection], None]:
    return lambda connection: append_event(connection, booking_id, "reminder_sent", NOW, changed=("startsAt",))


def test_an_event_that_commits_late_comes_later_and_is_not_missed(scheduling_database: Database) -> None:
    if scheduling_database.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: nobody commits later than who wrote after it")
    world = world_in(scheduling_database)
    slow, quick = world.accept(), world.accept()
    announcer = SqlAnnouncer(scheduling_database)
    announcer.announce(limit=10)
    with scheduling_database.engine.begin() as connection:
        reminder(slow)(connection)
        scheduling_database.write(reminder(quick))
        assert announcer.announce(limit=10) == 1
        assert (quick, 2) in positions_in(scheduling_database)
    announcer.announce(limit=10)
    positions = positions_in(scheduling_database)
    assert positions[slow, 2] == positions[quick, 2] + 1


def test_several_who_announce_at_once_give_each_place_once(scheduling_database: Database) -> None:
    world = world_in(scheduling_database)
    bookings = [world.accept() for _ in range(WRITERS)]
    written = Event()

    def write(booking_id: int) -> None:
        for _ in range(EACH):
            scheduling_database.write(reminder(booking_id))

    def announce() -> int:
        announced = 0
        while not written.is_set():
            announced += SqlAnnouncer(scheduling_database).announce(limit=3)
        return announced

    with ThreadPoolExecutor(WRITERS + 3) as pool:
        announcing = [pool.submit(announce) for _ in range(3)]
        for writing in [pool.submit(write, booking) for booking in bookings]:
            writing.result()
        written.set()
        announced = sum(one.result() for one in announcing)
    while more := SqlAnnouncer(scheduling_database).announce(limit=100):
        announced += more
    positions = positions_in(scheduling_database)
    assert announced == len(positions) == WRITERS * (EACH + 1)
    assert sorted(positions.values()) == list(range(1, announced + 1))
    for booking in bookings:
        of_it = [place for (whose, _), place in sorted(positions.items()) if whose == booking]
        assert of_it == sorted(of_it)


def test_what_changed_is_kept_as_a_list_of_names(scheduling_database: Database) -> None:
    booking = world_in(scheduling_database).accept()
    scheduling_database.write(reminder(booking))
    with scheduling_database.reading() as connection:
        rows = connection.execute(select(booking_events.c.changed).order_by(booking_events.c.sequence)).scalars().all()
    assert rows == ["[]", '["startsAt"]']
