"""Sagas that are stuck for real, and an operator at a real command line, named by the id that the partner knows."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from demo.stack import ROOT, wait_until
from repositories.enums import Reason, SagaStatus
from repositories.scheduling_db.tables import sagas
from tests.integration.system.conftest import FAILED, System

WHY = ("--by", "Huda", "--why", "تذكرة ٧: VideoSDK mended")


@pytest.fixture(autouse=True)
def no_faults(system: System) -> Any:
    system.stack.mend()
    yield
    system.stack.mend()
    system.check_promises()


def flask(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "api", *arguments],
        cwd=ROOT,
        env={**os.environ, **system.stack.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def listed(system: System, *options: str) -> list[Any]:
    ran = flask(system, "saga", "list", "--json", *options)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def stuck_undoing(system: System) -> str:
    """The public id of a booking whose room is open and cannot be closed: VideoSDK answers as it never should."""
    system.stack.fault(route="videosdk.create_room", kind="malformed", times=1)  # and yet the room is made
    system.stack.fault(route="videosdk.create_room", kind="status", status=422, times=1)
    system.stack.fault(route="videosdk.get_room", kind="status", status=409)
    public_id = system.booked(system.charity, system.next_body())
    booking_id = system.town.booking_id(public_id)
    of_it = (sagas.c.booking_id == booking_id, sagas.c.status == SagaStatus.STUCK)
    wait_until(lambda: system.town.count(sagas, *of_it), seconds=60, what="a stuck saga")
    return public_id


def test_a_stuck_saga_is_listed_and_ends_once_the_fault_is_mended_and_it_is_retried(system: System) -> None:
    before = system.town.balance()
    public_id = stuck_undoing(system)
    assert system.town.balance() == before  # the money is back, though the room is not closed
    (stuck,) = listed(system, "--status", "stuck", "--step", "create_meeting")
    assert (stuck["booking"], stuck["error"]) == (system.town.booking_id(public_id), "ProviderRefused")
    assert len(system.stack.open_rooms()) == 1
    system.stack.mend()
    ran = flask(system, "saga", "retry", f"booking:{public_id}", *WHY)
    assert (ran.returncode, ran.stdout) == (0, f"{stuck['saga']} is undoing at create_meeting\n")
    status = system.town.ended(system.charity, public_id)
    assert (status["bookingStatus"], status["reason"]) == (FAILED, Reason.MEETING_REFUSED)
    assert system.stack.open_rooms() == set()
    story = json.loads(flask(system, "saga", "show", f"booking:{public_id}", "--json").stdout)
    assert [(entry["action"], entry["by"], entry["why"]) for entry in story["audit"]] == [("retry", WHY[1], WHY[3])]
    again = flask(system, "saga", "retry", f"booking:{public_id}", *WHY)
    assert (again.returncode, again.stdout, again.stderr) == (1, "", "Error: it has ended: undone\n")


def test_a_waiting_booking_that_is_undone_by_hand_fails_and_gives_everything_back(system: System) -> None:
    before = system.town.balance()
    system.stack.fault(route="videosdk.*", kind="status", status=401)
    public_id = system.booked(system.charity, system.next_body())
    wait_until(lambda: listed(system, "--step", "create_meeting"), seconds=60, what="a saga at create_meeting")

    def is_undone() -> bool:  # a worker may hold it just now: then the operator looks again
        return flask(system, "saga", "undo", f"booking:{public_id}", *WHY).returncode == 0

    wait_until(is_undone, seconds=60, what="the undo")
    system.stack.mend()
    status = system.town.ended(system.charity, public_id)
    assert (status["bookingStatus"], status["reason"], status["failedStep"]) == (
        FAILED,
        Reason.UNDONE_BY_OPERATOR,
        "create_meeting",
    )
    assert system.town.balance() == before


def test_a_saga_mended_by_hand_is_resolved_and_reconciliation_closes_the_room_that_was_forgotten(
    system: System,
) -> None:
    public_id = stuck_undoing(system)
    system.stack.mend()
    ran = flask(system, "saga", "resolve", f"booking:{public_id}", *WHY)
    assert ran.returncode == 0, ran.stderr
    assert system.town.ended(system.charity, public_id)["bookingStatus"] == FAILED
    assert len(system.stack.open_rooms()) == 1
    earlier = update(sagas).values(updated_at=datetime.now(UTC) - timedelta(minutes=5))
    system.town.scheduling.write(lambda connection: connection.execute(earlier))  # as if they had ended a while ago
    found = flask(system, "reconcile")
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith(f"room_without_booking booking={system.town.booking_id(public_id)} mended\n")
    assert system.stack.open_rooms() == set()
    assert "0 disagreements" in flask(system, "reconcile").stdout
