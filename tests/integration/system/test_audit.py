"""Nothing accepted is without its line in the audit log, whatever dies; and the chain holds while it is written."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from demo.data import CHARITY, ORDINARY
from demo.stack import ROOT, Stack, wait_until
from demo.town import Town
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from tests.integration.system.conftest import CONFIRMED, HASTE, System
from tests.integration.system.promises import rows

WAIT = {"Prefer": "wait=20"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("audit")
    with Stack(folder, settings={**HASTE, "TAHOON_LOG_LEVEL": "INFO", "TAHOON_SEAL_AUDIT_EVERY": "0.2"}) as stack:
        town = Town(stack.environment)
        whole = System(stack, town, town.settle_in(providers=8, days=4))
        try:
            stack.start_all()
            yield whole
        finally:
            whole.close()


def command(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "api", *words],
        cwd=ROOT,
        env={**system.stack.environment, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def lines(system: System) -> list[Any]:
    """The whole log, once nothing waits for it any more."""
    outboxes = (scheduling.audit_outbox, psyter.audit_outbox)
    wait_until(lambda: not any(system.town.count(outbox) for outbox in outboxes), seconds=60, what="all is sealed")
    return rows(system.town, psyter.audit_log)


def about(found: list[Any], action: str, outcome: str) -> Counter[str | None]:
    return Counter(line.resource_id for line in found if (line.action, line.outcome) == (action, outcome))


def test_every_change_and_every_refusal_has_its_line_and_the_chain_holds_meanwhile(system: System) -> None:
    system.stack.start_worker("second")  # which seals too
    verdicts: list[subprocess.CompletedProcess[str]] = []
    is_over = threading.Event()

    def verify_again_and_again() -> None:
        while not is_over.is_set():
            verdicts.append(command(system, "audit", "verify"))

    watching = threading.Thread(target=verify_again_and_again)
    watching.start()
    accepted, cancelled, refused = [], [], 0
    for number in range(24):
        body = system.next_body(f"GUEST-{number % 3}")
        if number % 4 == 3:
            refused += system.charity.book({**body, "genderType": 9}).status_code == 400
            continue
        data = system.charity.book(body, headers=WAIT if number % 2 else {}).json()["data"]
        accepted.append(str(system.town.booking_id(data["bookingId"])))
        if number % 4 == 1:
            wish = {name: data[name] for name in ("bookingId", "userId")} | {"careProviderId": body["careProviderId"]}
            assert system.charity.cancel(wish).status_code in {200, 202}
            cancelled.append(accepted[-1])
        if number == 10:
            system.stack.kill("worker")
            system.stack.start_worker()
    system.town.when_quiet()
    found = lines(system)
    is_over.set()
    watching.join()
    assert about(found, "booking.accept", "accepted") == Counter(accepted)
    assert about(found, "booking.cancel", "accepted") == Counter(cancelled)
    assert sum(about(found, "booking.accept", "refused").values()) == refused == 6
    assert sum(about(found, "user.register", "accepted").values()) == 3
    assert about(found, "token.issue", "accepted").total() == 1
    assert {line.organization_id for line in found} == {CHARITY}
    assert {line.action for line in found if line.access_key_id is None} == {"booking.settle"}
    settled = [line for line in found if line.action == "booking.settle"]
    assert Counter(line.resource_id for line in settled) == Counter(accepted)
    assert {line.outcome for line in settled if line.resource_id not in cancelled} == {"confirmed"}
    assert {line.outcome for line in settled} <= {"confirmed", "cancelled"}
    assert [line.sequence for line in found] == list(range(1, len(found) + 1))
    assert verdicts
    assert [verdict.stdout for verdict in verdicts if verdict.returncode] == []
    system.check_promises()


def test_a_request_is_known_by_its_id_from_the_api_to_the_last_step(system: System) -> None:
    body = system.next_body()
    answer = system.ordinary.book(body, headers={**WAIT, "X-Request-Id": "6f0d2a51-8b5c-4c8b-9b7e-2f1f0d3c4b5a"})
    assert answer.json()["data"]["bookingStatus"] == CONFIRMED
    booking_id = system.town.booking_id(answer.json()["data"]["bookingId"])
    assert [saga.request_id for saga in rows(system.town, scheduling.sagas) if saga.booking_id == booking_id] == [
        "6f0d2a51-8b5c-4c8b-9b7e-2f1f0d3c4b5a"
    ]
    told = [line for line in lines(system) if line.request_id == "6f0d2a51-8b5c-4c8b-9b7e-2f1f0d3c4b5a"]
    assert {line.organization_id for line in told} == {ORDINARY}
    assert str(booking_id) in {line.resource_id for line in told}
    system.stack.fault(route="videosdk.create_room", kind="status", status=503, times=1)
    system.ordinary.book(system.next_body(), headers={**WAIT, "X-Request-Id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"})
    system.stack.mend()
    logs = {name: (system.stack.folder / f"{name}.log").read_text() for name in ("api", "worker", "second")}
    assert "01ARZ3NDEKTSV4RRFFQ69G5FAV" in logs["api"]
    assert any(
        "01ARZ3NDEKTSV4RRFFQ69G5FAV" in line and "saga_step" in line
        for line in (logs["worker"] + logs["second"]).splitlines()
    )


def test_what_an_operator_does_is_in_the_same_log(system: System) -> None:
    assert command(system, "limits", "set", str(ORDINARY), "booking", "100000").returncode == 0
    (line,) = [line for line in lines(system) if line.action == "operator.limits.set"]
    assert line.operator
    assert (line.resource_kind, line.resource_id, line.organization_id) == ("organization", str(ORDINARY), None)


def test_a_change_behind_our_back_is_found(system: System) -> None:
    found = lines(system)
    whole = command(system, "audit", "verify")
    assert (whole.returncode, whole.stdout.splitlines()[0]) == (0, f"{len(found)} lines, all as they were sealed")
    forged = found[len(found) // 2]
    table = psyter.audit_log
    change = update(table).where(table.c.sequence == forged.sequence)
    system.town.psyter.write(lambda connection: connection.execute(change.values(access_key_id=999)))
    broken = command(system, "audit", "verify")
    assert (broken.returncode, broken.stdout) == (1, f"line {forged.sequence}: is not as it was sealed\n")
    system.town.psyter.write(lambda connection: connection.execute(change.values(access_key_id=forged.access_key_id)))
    assert command(system, "audit", "verify").returncode == 0
