"""Reminders by real workers and beats: once each, whatever is killed, flushed or away at the time."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import func, select, update

from demo import commands
from demo.stack import wait_until
from repositories.scheduling_db.tables import booking_events, bookings, pushes, reminders
from tests.integration.system.conftest import CONFIRMED, HASTE, System, running_system
from tests.integration.system.test_operators import flask

REMINDED = {"TAHOON_REMINDERS_EVERY": "0.2", "TAHOON_FCM_TIMEOUT": "1"}
HOUR = timedelta(hours=1)
ONCE = {("reminder_due", 1), ("reminder_sent", 1)}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("reminders"), HASTE | REMINDED) as system:
        yield system


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()


def confirmed(system: System) -> tuple[int, str, dict[str, Any]]:
    """The number of a confirmed booking, its public id, and what was booked."""
    body = system.next_body()
    answer = system.charity.book(body, headers={"Prefer": "wait=20"})
    data = answer.json()["data"]
    wait_until(
        lambda: system.charity.status(data["bookingId"]).json()["bookingStatus"] == CONFIRMED,
        seconds=60,
        what="the confirmation",
    )
    return system.town.booking_id(data["bookingId"]), data["bookingId"], {**body, "userId": data["userId"]}


def begins_in(system: System, span: timedelta, *booking_ids: int) -> None:
    """As if these sessions were booked long ago and began so soon."""
    starts_at = datetime.now(UTC) + span
    times = {"starts_at": starts_at, "ends_at": starts_at + HOUR, "reminders_at": datetime.now(UTC)}
    change = update(bookings).where(bookings.c.id.in_(booking_ids)).values(times)
    system.town.scheduling.write(lambda connection: connection.execute(change))


def told(system: System, booking_id: int) -> set[tuple[str, int]]:
    kept = booking_events
    statement = (
        select(kept.c.kind, func.count())
        .where(kept.c.booking_id == booking_id, kept.c.kind.like("reminder%"))
        .group_by(kept.c.kind)
    )
    with system.town.scheduling.reading() as connection:
        return {(row[0], row[1]) for row in connection.execute(statement)}


def shown(system: System, public_id: str) -> Counter[str]:
    """How often each topic was told of this booking's session, by FCM's own record."""
    found = requests.get(f"{system.stack.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
    of_it = [one for one in found if one["data"].get("bookingId") == public_id]
    return Counter(one["topic"].split("_")[0] for one in of_it if one["data"]["notificationType"] == "12")


def waits_for(system: System, booking_id: int) -> None:
    wait_until(lambda: told(system, booking_id) == ONCE, seconds=90, what="both reminders", every=0.2)


def test_both_are_reminded_once_by_two_beats_while_a_worker_is_killed_and_redis_flushed(system: System) -> None:
    first, second, third = (confirmed(system) for _ in range(3))
    system.stack.start("beat2", commands.beat(system.stack.folder / "beat2-schedule"))
    try:
        begins_in(system, HOUR + timedelta(seconds=2), first[0], second[0], third[0])
        wait_until(lambda: told(system, first[0]) or None, seconds=60, what="the first reminder", every=0.01)
        system.stack.kill("worker")
        system.stack.flush_redis()
        system.stack.start_worker()
        for booking_id, _, _ in (first, second, third):
            waits_for(system, booking_id)
    finally:
        system.stack.stop("beat2")
    for _, public_id, _ in (first, second, third):
        # a worker killed between FCM's answer and its row does not know of the answer, and asks again: shown once
        assert all(1 <= times <= 2 for times in shown(system, public_id).values())
        assert set(shown(system, public_id)) == {"android", "ios"}
    assert system.town.count(reminders, reminders.c.booking_id.in_([first[0], second[0], third[0]])) == 6


def test_what_was_due_while_all_was_down_is_told_late_and_what_is_too_late_is_written_down(system: System) -> None:
    late, too_late = confirmed(system), confirmed(system)
    for name in ("worker", "beat"):
        system.stack.kill(name)
    begins_in(system, HOUR - timedelta(minutes=10), late[0])
    begins_in(system, HOUR - timedelta(minutes=40), too_late[0])
    since = update(bookings).where(bookings.c.id.in_([late[0], too_late[0]]))
    since = since.values(reminders_at=datetime.now(UTC) - HOUR)
    system.town.scheduling.write(lambda connection: connection.execute(since))
    system.stack.start_worker()
    system.stack.start_beat()
    waits_for(system, late[0])
    assert shown(system, late[1]) == Counter({"android": 1, "ios": 1})
    skipped = (reminders.c.booking_id == too_late[0], reminders.c.outcome == "skipped")
    wait_until(lambda: system.town.count(reminders, *skipped) == 2, seconds=60, what="both to be skipped", every=0.1)
    assert told(system, too_late[0]) == set()
    assert shown(system, too_late[1]) == Counter()


def test_a_push_that_a_saga_could_not_send_is_on_record_and_sent_again_by_command(system: System) -> None:
    system.stack.fault(route="fcm.send", kind="status", status=400)
    booking_id, public_id, _ = confirmed(system)
    failed = (pushes.c.booking_id == booking_id, pushes.c.state == "failed")
    wait_until(lambda: system.town.count(pushes, *failed), seconds=60, what="the failed push", every=0.1)
    system.stack.mend()
    listed = flask(system, "push", "list", "--json", "--booking", public_id).stdout
    (line,) = [json.loads(one) for one in listed.splitlines()]
    assert (line["type"], line["reason"]) == ("NewBooking", "ProviderRefused")
    ran = flask(system, "push", "resend", str(line["push"]), "--why", "mended")
    assert ran.returncode == 0, ran.stderr
    sent = (pushes.c.booking_id == booking_id, pushes.c.state == "sent")
    wait_until(lambda: system.town.count(pushes, *sent), seconds=60, what="the push to be sent", every=0.1)
