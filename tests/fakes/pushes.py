"""Pushes in memory, beside the bookings of FakeScheduling. Kept honest by tests/contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from repositories.entities.pushes import (
    OUTDATED,
    BookedPush,
    NewPush,
    PushFilter,
    PushRecord,
)
from repositories.enums import BookingStatus, PushState
from repositories.ports.errors import LeaseLost, PushNotFailed, PushOutdated, PushUnknown
from tests.fakes.scheduling import FakeScheduling


@dataclass
class FakePushes:
    scheduling: FakeScheduling
    marks: dict[int, datetime] = field(default_factory=dict)

    @property
    def records(self) -> dict[int, PushRecord]:
        return self.scheduling.pushes

    def add(
        self, push: NewPush, *, now: datetime, nudged_until: datetime, asked: tuple[str, str] | None = None
    ) -> int | None:
        by, why = asked or (None, None)
        push_id = self.scheduling.add_push(push, now, due_at=now, asked_by=by, asked_why=why)
        if push_id is not None:
            self.marks[push_id] = nudged_until
        return push_id

    def add_of_booking(
        self,
        booking_id: int,
        *,
        key: str,
        kind: int,
        wants_status: BookingStatus | None,
        expires_at: datetime,
        now: datetime,
        nudged_until: datetime,
        asked: tuple[str, str] | None = None,
    ) -> int | None:
        booking = self.scheduling.bookings.get(booking_id)
        if booking is None or wants_status not in (None, booking.status):
            return None
        push = NewPush(
            key=key,
            kind=kind,
            care_provider_id=booking.care_provider_id,
            booking_id=booking_id,
            happens_at=booking.starts_at,
            wants_status=wants_status,
            expires_at=expires_at,
        )
        return self.add(push, now=now, nudged_until=nudged_until, asked=asked)

    def claim(self, push_id: int, *, now: datetime, lease: timedelta, token: str) -> BookedPush | None:
        record = self.records.get(push_id)
        if record is None or record.state is not PushState.WAITING or record.due_at is None or record.due_at > now:
            return None
        if not self._is_still_so(record.push):
            failed = {"state": PushState.FAILED, "reason": OUTDATED, "due_at": None, "lease_token": None}
            self.records[push_id] = replace(record, updated_at=now, **failed)  # type: ignore[arg-type]
            return None
        claimed = replace(record, due_at=now + lease, lease_token=token, attempts=record.attempts + 1)
        self.records[push_id] = claimed
        self.marks.pop(push_id, None)
        booking = self.scheduling.bookings.get(record.push.booking_id or 0)
        return BookedPush(
            record=claimed,
            meeting_id=None if booking is None else booking.meeting_id,
            organization_id=None if booking is None else booking.organization_id,
            user_id=None if booking is None else booking.user_id,
            request_id=self.scheduling.request_of(record.push.booking_id, record.created_at),
        )

    def save(self, record: PushRecord, *, now: datetime) -> None:
        kept = self.records.get(record.id)
        if kept is None or kept.lease_token is None or kept.lease_token != record.lease_token:
            raise LeaseLost
        self.records[record.id] = replace(record, updated_at=now, lease_token=None)
        self.marks.pop(record.id, None)
        if record.state is PushState.SENT and record.push.event is not None and record.push.booking_id is not None:
            self.scheduling._tell(record.push.booking_id, record.push.event)

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> Sequence[int]:
        due = [
            (record.due_at, record.id)
            for record in self.records.values()
            if record.state is PushState.WAITING
            and record.due_at is not None
            and record.due_at <= now
            and self.marks.get(record.id, now) <= now
        ]
        ids = [push_id for _, push_id in sorted(due)[:limit]]
        self.marks.update(dict.fromkeys(ids, marked_until))
        return ids

    def find(self, push_id: int) -> PushRecord | None:
        return self.records.get(push_id)

    def list_pushes(self, wanted: PushFilter, *, limit: int) -> Sequence[PushRecord]:
        found = [
            record
            for record in self.records.values()
            if record.state in wanted.states
            and wanted.kind in (None, record.push.kind)
            and wanted.care_provider_id in (None, record.push.care_provider_id)
            and wanted.booking_id in (None, record.push.booking_id)
            and wanted.reason in (None, record.reason)
            and (wanted.since is None or record.updated_at >= wanted.since)
        ]
        return sorted(found, key=lambda record: (record.updated_at, record.id), reverse=True)[:limit]

    def send_again(
        self, push_id: int, *, asked: tuple[str, str], expires_at: datetime, now: datetime, nudged_until: datetime
    ) -> PushRecord:
        record = self.records.get(push_id)
        if record is None:
            raise PushUnknown
        if record.state is not PushState.FAILED:
            raise PushNotFailed
        if not self._is_still_so(record.push):
            raise PushOutdated
        by, why = asked
        self.records[push_id] = replace(
            record,
            push=replace(record.push, expires_at=expires_at),
            state=PushState.WAITING,
            reason=None,
            attempts=0,
            due_at=now,
            updated_at=now,
            asked_by=by,
            asked_why=why,
        )
        self.marks[push_id] = nudged_until
        return self.records[push_id]

    def _is_still_so(self, push: NewPush) -> bool:
        if push.wants_status is None:
            return True
        booking = self.scheduling.bookings.get(push.booking_id or 0)
        return booking is not None and (booking.status, booking.starts_at) == (push.wants_status, push.happens_at)
