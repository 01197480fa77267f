"""The inbox of the video service's webhooks, and the facts of meetings that come of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities.meetings import ClaimedReport, MeetingFact, MeetingReport, Noted, ReportRecord
from repositories.enums import ReportStatus


class MeetingReports(Protocol):
    def receive(self, report: MeetingReport, *, is_of_use: bool, now: datetime, marked_until: datetime) -> int | None:
        """Keep the report: due now, but left alone by the sweep until `marked_until`; or, if it is of no use, as
        ignored. Its id, if there is work to do with it. A repeat changes nothing but the count of its deliveries."""
        ...

    def claim(self, report_id: int, *, now: datetime, lease: timedelta, token: str) -> ClaimedReport | None:
        """Take the report if it is due; due again when the lease ends, and claims + 1. None if it is not due."""
        ...

    def note(self, claimed: ClaimedReport, facts: Sequence[MeetingFact], *, now: datetime) -> Noted | None:
        """Write those facts that are new to the booking of this meeting, and an event for each new recording, in one
        transaction. The booking, or None if none has this meeting. Raises LeaseLost; then nothing is written."""
        ...

    def finish(self, claimed: ClaimedReport, status: ReportStatus, *, error: str | None = None) -> None:
        """Nothing more is to be done with it. Raises LeaseLost."""
        ...

    def put_off(self, claimed: ClaimedReport, *, until: datetime, error: str) -> None:
        """Due again at `until`. Raises LeaseLost."""
        ...

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[int]:
        """The due reports that are not marked, oldest first, now marked until `marked_until`."""
        ...


class MeetingFacts(Protocol):
    def facts_of(self, booking_id: int) -> Sequence[MeetingFact]:
        """Everything that is known of the booking's meeting, in the order in which it happened."""
        ...


class ReportRecords(Protocol):
    def list_reports(self, status: ReportStatus, *, limit: int) -> Sequence[ReportRecord]:
        """The newest first."""
        ...

    def count_reports(self) -> Mapping[ReportStatus, int]: ...

    def retry(self, report_id: int, *, now: datetime) -> bool:
        """Make a parked or ignored report due now, as if it had never been tried. False if there is no such one."""
        ...
