"""VideoSDK's webhooks over real HTTP: from the sandbox that signs them to the facts and events of the booking."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from demo.stack import wait_until
from integrations.ports import NotificationType
from integrations.videosdk.webhooks import ASKED_AGAIN
from repositories.enums import ReportStatus
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.tables import booking_events, pushes
from tests.integration.system.conftest import CONFIRMED, HASTE, System, running_system

OTHER_PARTY_JOINED = int(NotificationType.OTHER_PARTY_JOINED)
LONG = 90  # seconds, for whatever takes one or two on an idle machine
STARTED, ENDED = "2026-01-05T12:00:00.000+00:00", "2026-01-05T12:50:00.000+00:00"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("meetings")
    with running_system(folder, HASTE) as system:
        system.stack.environment["DEATHS"] = str(folder / "deaths")
        yield system


class Session:
    """A booking whose session is held, as the sandbox reports it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.public_id = system.booked(system.charity, system.next_body())
        status = system.town.ended(system.charity, self.public_id)
        assert status["bookingStatus"] == CONFIRMED
        self.booking_id = system.town.booking_id(self.public_id)
        self.meeting = status["meetingId"]
        self.participant = self.look()["participantId"]
        self.reports = SqlMeetingReports(system.town.scheduling)

    def look(self) -> dict[str, Any]:
        answer = self.system.charity.read(f"sessionbooking/validatemeeting/{self.public_id}")
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def webhook(self, kind: str, **more: Any) -> dict[str, Any]:
        data = {"start": STARTED} if kind.startswith("session") else {}
        data |= {"end": ENDED} if kind == "session-ended" else {}
        data |= {"filePath": "/videos/1.mp4", "fileUrl": "https://cdn/1.mp4"} if kind == "recording-stopped" else {}
        who = {"participantId": self.participant} if kind.startswith("participant") else {}
        return {"type": kind, "roomId": self.meeting, "sessionId": "s-1", "data": data, **who, **more}

    def send(self, *webhooks: dict[str, Any]) -> list[int]:
        answer = requests.post(f"{self.system.stack.sandbox_url}/sandbox/webhooks", json=list(webhooks), timeout=60)
        answer.raise_for_status()
        statuses: list[int] = answer.json()["statuses"]
        return statuses

    def happened(self) -> set[str]:
        return {fact.kind.value for fact in self.reports.facts_of(self.booking_id)}

    def until(self, *kinds: str) -> None:
        wait_until(lambda: self.happened() == set(kinds), seconds=LONG, what=f"exactly {kinds}")

    def until_quiet(self) -> None:
        waiting = ReportStatus.WAITING
        wait_until(lambda: self.reports.count_reports()[waiting] == 0, seconds=LONG, what="no webhook that waits")

    def pushes(self) -> list[dict[str, Any]]:
        """That the other party joined, as FCM was told."""
        told = requests.get(f"{self.system.stack.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
        ours = (push for push in told if push["data"].get("meetingId") == self.meeting)
        return [push for push in ours if push["data"]["notificationType"] == str(OTHER_PARTY_JOINED)]

    def events(self) -> list[str]:
        query = select(booking_events.c.kind).where(booking_events.c.booking_id == self.booking_id)
        with self.system.town.scheduling.reading() as connection:
            return list(connection.execute(query.order_by(booking_events.c.sequence)).scalars())


ALL = ("session-started", "participant-joined", "participant-left", "session-ended", "recording-stopped")
FACTS = ("session_started", "participant_joined", "participant_left", "session_ended", "recording_ready")
ONE_RECORDING = ["accepted", "confirmed", "recording_ready"]


def test_a_session_that_is_held_is_told_from_its_start_to_its_recording(system: System) -> None:
    session = Session(system)
    told = session.look()
    assert (told["isValid"], told["sessionStartedAt"], told["sessionEndedAt"]) == (True, None, None)
    assert session.send(session.webhook("session-started")) == [204]
    session.until("session_started")
    told = session.look()
    assert datetime.fromisoformat(told["sessionStartedAt"]) == datetime.fromisoformat(STARTED)
    assert told["sessionEndedAt"] is None
    assert session.send(*(session.webhook(kind) for kind in ALL)) == [204] * len(ALL)
    session.until(*FACTS)
    assert datetime.fromisoformat(session.look()["sessionEndedAt"]) == datetime.fromisoformat(ENDED)
    assert session.events() == ONE_RECORDING


def test_the_provider_is_told_once_that_the_user_joined_and_of_nobody_else(system: System) -> None:
    session = Session(system)
    joined = session.webhook("participant-joined")
    stranger, provider = (
        {**joined, "participantId": other} for other in ("someone@example.com", session.look()["bookingId"])
    )
    session.send(stranger, provider)
    session.until("participant_joined")
    session.send(*[joined] * 3, session.webhook("participant-left"), *[joined] * 3)
    wait_until(lambda: len(session.pushes()) == 2, seconds=LONG, what="a push to each kind of device")
    session.until_quiet()
    kept = system.town.count(pushes, pushes.c.booking_id == session.booking_id, pushes.c.kind == OTHER_PARTY_JOINED)
    assert kept == 1


def test_out_of_order_and_again_and_again_is_the_same(system: System) -> None:
    session = Session(system)
    backwards = [session.webhook(kind, times=5) for kind in reversed(ALL)]
    assert session.send(*backwards, *backwards) == [204] * 10 * len(ALL)
    session.until(*FACTS)
    session.until_quiet()
    assert session.events() == ONE_RECORDING


@pytest.mark.parametrize("signature", ["forged", "tampered", "unsigned"])
def test_what_videosdk_did_not_sign_changes_nothing(system: System, signature: str) -> None:
    session = Session(system)
    before = session.reports.count_reports()
    assert session.send(session.webhook("session-started", signature=signature)) == [403]
    assert session.reports.count_reports() == before


def test_a_room_that_is_not_ours_is_counted_and_no_error(system: System) -> None:
    session = Session(system)
    before = session.reports.count_reports()[ReportStatus.IGNORED]
    url = f"{system.stack.api_url}/webhooks/videosdk"
    assert session.send(session.webhook("session-started", roomId="zzzz-zzzz-zzzz", url=url)) == [204]
    session.until_quiet()
    assert session.reports.count_reports()[ReportStatus.IGNORED] == before + 1


@pytest.mark.timeout(300)
def test_a_worker_killed_between_keeping_and_finishing_loses_and_doubles_nothing(system: System) -> None:
    session = Session(system)
    deaths = Path(system.stack.environment["DEATHS"])
    system.stack.stop("worker")
    system.stack.start_worker("dying", app="tests.integration.system.dying_reporter")
    session.send(session.webhook("recording-stopped"))
    wait_until(deaths.exists, seconds=LONG, what="a worker that died")
    system.stack.processes.pop("dying").wait(LONG)
    assert session.reports.count_reports()[ReportStatus.WAITING] == 1
    system.stack.start_worker()
    session.until_quiet()
    session.until("recording_ready")
    assert session.events() == ONE_RECORDING


@pytest.mark.timeout(300)
def test_a_redis_that_forgot_everything_loses_nothing(system: System) -> None:
    session = Session(system)
    system.stack.kill("worker")
    session.send(*(session.webhook(kind) for kind in ALL))
    system.stack.flush_redis()
    system.stack.start_worker()
    session.until(*FACTS)
    session.until_quiet()
    assert session.events() == ONE_RECORDING


def test_the_api_takes_webhooks_in_while_redis_is_away(system: System) -> None:
    session = Session(system)
    system.stack.pause("redis")
    try:
        assert session.send(session.webhook("session-started")) == [204]
    finally:
        system.stack.resume("redis")
    session.until("session_started")


@pytest.mark.timeout(300)
def test_a_key_that_videosdk_changes_is_taken_up(system: System) -> None:
    session = Session(system)
    requests.post(f"{system.stack.sandbox_url}/sandbox/videosdk/key", timeout=10).raise_for_status()
    deadline = datetime.now(UTC) + ASKED_AGAIN + timedelta(seconds=LONG)

    def is_taken() -> bool:
        assert datetime.now(UTC) < deadline
        return session.send(session.webhook("session-started")) == [204]

    wait_until(is_taken, seconds=ASKED_AGAIN.total_seconds() + LONG, what="the new key", every=2)
    session.until("session_started")
