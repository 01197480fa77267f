"""The purge as it runs: beat sends it, a worker forgets, and whoever asks afterwards gets a whole answer."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from demo.stack import wait_until
from repositories.enums import Reason
from repositories.scheduling_db.tables import booking_events, bookings, pushes, saga_attempts, sagas
from tests.integration.system.conftest import CONFIRMED, HASTE, System, running_system

LONG_AGO = timedelta(days=200)
AGED = {
    bookings: ("id", ("starts_at", "ends_at", "created_at", "updated_at")),
    sagas: ("booking_id", ("created_at", "updated_at")),
    saga_attempts: ("booking_id", ("started_at",)),
    booking_events: ("booking_id", ("occurred_at",)),
    pushes: ("booking_id", ("created_at", "updated_at", "expires_at")),
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("purging")
    with running_system(folder, {**HASTE, "TAHOON_PURGE_EVERY": "1", "TAHOON_LOG_LEVEL": "INFO"}) as system:
        yield system


def age(system: System, booking_id: int) -> None:
    """As if all of it had been long ago."""

    def work(connection: object) -> None:
        for table, (key, columns) in AGED.items():
            of_booking = table.c[key] == booking_id
            for row in connection.execute(select(table).where(of_booking)).mappings().all():  # type: ignore[attr-defined]
                earlier = {name: row[name] - LONG_AGO for name in columns}
                connection.execute(update(table).where(table.c.id == row["id"]).values(earlier))  # type: ignore[attr-defined]

    system.town.scheduling.write(work)


def left_of(system: System, booking_id: int) -> dict[str, int]:
    tables = (sagas, saga_attempts, booking_events, pushes)
    return {table.name: system.town.count(table, table.c.booking_id == booking_id) for table in tables}


@pytest.mark.timeout(300)
def test_what_is_old_goes_by_itself_and_who_asks_afterwards_is_told_the_whole(system: System) -> None:
    began = system.charity.read("events").json()["nextCursor"]
    ids = [system.booked(system.charity, system.next_body()) for _ in range(2)]
    for one in ids:
        assert system.town.ended(system.charity, one)["bookingStatus"] == CONFIRMED
    system.town.when_quiet()
    seen = [
        event
        for event in system.charity.read("events", limit=100).json()["eventsList"]
        if event["bookingId"] in set(ids)
    ]
    assert len(seen) >= 4
    old, new = (system.town.booking_id(one) for one in ids)
    before = left_of(system, new)
    assert all(before.values())
    assert system.charity.read("events", after=began).status_code == 200

    age(system, old)
    nothing = dict.fromkeys(before, 0)
    wait_until(lambda: left_of(system, old) == nothing, seconds=120, what="the purge of the old booking", every=0.2)
    log = (system.stack.folder / "worker.log").read_text()
    assert '"event": "purged"' in log
    assert left_of(system, new) == before

    status = system.charity.status(ids[0]).json()
    assert (status["bookingStatus"], status["timeline"]) == (CONFIRMED, [])
    assert system.charity.status(ids[1]).json()["timeline"]
    gone = system.charity.read("events", after=began)
    assert (gone.status_code, gone.json()["reason"]) == (410, Reason.EVENTS_FORGOTTEN)
    anew = system.charity.read("events", limit=100).json()
    assert {event["bookingId"] for event in anew["eventsList"]} == {ids[1]}
    assert system.charity.read("events", after=anew["nextCursor"]).json()["eventsList"] == []
    assert system.charity.read("events", after=anew["nextCursor"], bookingId=ids[0]).status_code == 400  # its own list
