"""`flask meetings ...`: what the video service reported, as operators see it."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import pytest

from api.services import Operations
from repositories.entities.meetings import MeetingReport
from repositories.enums import ReportStatus
from tests.unit.api.world import NOW, World

JOINED = MeetingReport(kind="participant-joined", meeting_id="abcd-efgh-ijkl", session_id="s-1", participant="user:11")


@dataclass
class Desk(World):
    def operations(self) -> Operations:
        others: Any = dict.fromkeys(field.name for field in fields(Operations) if field.name != "reports")
        return Operations(reports=self.inbox, **others)

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=("meetings", *arguments))

    def park(self) -> None:
        report_id = self.inbox.receive(JOINED, is_of_use=True, now=NOW, marked_until=NOW)
        assert report_id is not None
        claimed = self.inbox.claim(report_id, now=NOW, lease=timedelta(minutes=1), token="t")
        assert claimed is not None
        self.inbox.finish(claimed, ReportStatus.PARKED, error="poison")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.park()
    return desk


def test_reports_are_counted(desk: Desk) -> None:
    assert desk.run("count").output.splitlines() == ["waiting: 0", "done: 0", "ignored: 0", "parked: 1"]


def test_what_was_parked_is_listed_with_its_error(desk: Desk) -> None:
    told = desk.run("list", "parked").output
    assert all(word in told for word in ("participant-joined", "abcd-efgh-ijkl", "poison"))
    assert "poison" not in desk.run("list", "done").output


def test_what_was_parked_is_retried(desk: Desk) -> None:
    assert desk.run("retry", "1").output == "report 1 is due\n"
    assert desk.inbox.count_reports()[ReportStatus.WAITING] == 1


def test_what_was_not_parked_is_not_retried(desk: Desk) -> None:
    answer = desk.run("retry", "404")
    assert answer.exit_code == 1
    assert "no parked or ignored report 404" in answer.output
