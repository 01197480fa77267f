"""Sends the pushes that wait: claimed by lease, platform by platform, and what came of each try is written down.

every platform told        -> sent
FCM says no, or a bug      -> failed, with its reason
not now, or not known      -> tried again after a while, so many times, and as long as it is worth sending
FCM is not to be asked now -> tried again after a while, at the cost of no try
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

import structlog

from integrations.ports import (
    NotificationType,
    Platform,
    ProviderHeld,
    ProviderMisconfigured,
    ProviderUnavailable,
    Push,
    PushSender,
)
from repositories.entities.pushes import BookedPush, PushRecord
from repositories.enums import PushState
from repositories.ports.care_providers import CareProviders
from repositories.ports.errors import LeaseLost, StoreUnavailable
from repositories.ports.pushes import Pushes
from repositories.ports.users import Users
from saga.definition import Retry
from saga.engine import Moment, backoff
from saga.notify import SEND_PUSH
from saga.sweep import MARK, Nudge

log = structlog.get_logger()

TRIES = Retry(limit=9, base=timedelta(seconds=1), cap=timedelta(minutes=2))
HELD = timedelta(seconds=15)  # before a service that is not to be asked now is asked
FULL = 250  # pushes nudged by one sweep
NOT_DUE = "not due"
WORKER_DIED = "WorkerDied"
TOO_LATE = "TooLate"


class Weight(IntEnum):
    """Of what met the platforms, the heaviest decides."""

    HELD = 1
    UNAVAILABLE = 2
    FINAL = 3


@dataclass(frozen=True, kw_only=True)
class Trouble:
    weight: Weight
    error: str
    retry_after: timedelta = timedelta()


@dataclass(frozen=True, kw_only=True)
class SendPush:
    """One try of one push. Safe to call for any push, at any time, from any number of processes."""

    pushes: Pushes
    providers: CareProviders
    users: Users
    push: PushSender
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    new_token: Callable[[], str]
    lease: timedelta
    pace: float = 1.0

    def __call__(self, push_id: int) -> str:
        """Returns a short word on how it fares, without personal data."""
        booked = self.pushes.claim(push_id, now=self.clock(), lease=self.lease, token=self.new_token())
        if booked is None:
            return NOT_DUE
        with structlog.contextvars.bound_contextvars(
            request_id=booked.request_id,
            organization_id=booked.organization_id,
            booking_id=booked.record.push.booking_id,
            push_id=push_id,
        ):
            return self._try(booked)

    def _try(self, booked: BookedPush) -> str:
        try:
            return self._save(booked.record, *self._tried(booked))
        except LeaseLost:
            log.warning("push_lease_lost")
            return "lease lost"

    def _tried(self, booked: BookedPush) -> tuple[tuple[str, ...], Trouble | None]:
        """The platforms that have not been told, and why not."""
        record = booked.record
        if record.push.expires_at <= self.clock():
            return record.left_to, Trouble(weight=Weight.FINAL, error=record.reason or TOO_LATE)
        if record.attempts > TRIES.limit + 1:
            return record.left_to, Trouble(weight=Weight.FINAL, error=WORKER_DIED)
        try:
            push = self._push_of(booked)
        except Exception as error:
            return record.left_to, _trouble(record, error)
        found = {platform: self._told(record, push, platform) for platform in record.left_to}
        left = tuple(platform for platform, trouble in found.items() if trouble is not None)
        return left, max(filter(None, found.values()), key=lambda trouble: trouble.weight, default=None)

    def _told(self, record: PushRecord, push: Push, platform: str) -> Trouble | None:
        try:
            self.push.send(push, key=record.push.key, platforms=(Platform(platform),))
        except Exception as error:
            return _trouble(record, error)
        return None

    def _push_of(self, booked: BookedPush) -> Push:
        told = booked.record.push
        provider = self.providers.get_care_provider(told.care_provider_id)
        kind = NotificationType(told.kind)
        return Push(
            kind=kind,
            care_provider_id=provider.id,
            time_zone=provider.time_zone,
            booking_id=told.booking_id,
            meeting_id=booked.meeting_id,
            happens_at=told.happens_at,
            client_name=self._client_name(booked) if kind is NotificationType.NEW_BOOKING else None,
            expires_at=told.expires_at,
        )

    def _client_name(self, booked: BookedPush) -> str | None:
        if booked.user_id is None or booked.organization_id is None:
            return None
        user = self.users.find_user(booked.user_id, organization_id=booked.organization_id)
        return None if user is None else user.name

    def _save(self, record: PushRecord, left: tuple[str, ...], trouble: Trouble | None) -> str:
        now = self.clock()
        moment = Moment(now=now, jitter=self.jitter(), pace=self.pace)
        following = after(replace(record, left_to=left), trouble, moment)
        self.pushes.save(following, now=now)
        log.info(
            "push",
            kind=record.push.kind,
            state=following.state.value,
            reason=following.reason,
            attempt=record.attempts,
        )
        return following.state.value


def after(record: PushRecord, trouble: Trouble | None, moment: Moment) -> PushRecord:
    """How the push fares after a try that met this trouble."""
    if trouble is None:
        return replace(record, state=PushState.SENT, reason=None, due_at=None, sent_at=moment.now)
    failed = replace(record, state=PushState.FAILED, reason=trouble.error, due_at=None)
    match trouble.weight:
        case Weight.FINAL:
            return failed
        case Weight.HELD:
            failed, wait = replace(failed, attempts=failed.attempts - 1), HELD * moment.pace
        case Weight.UNAVAILABLE:
            wait = backoff(TRIES, record.attempts, moment, at_least=trouble.retry_after)
    if failed.attempts > TRIES.limit or moment.now + wait >= record.push.expires_at:
        return failed
    return replace(failed, state=PushState.WAITING, due_at=moment.now + wait)


def _trouble(record: PushRecord, error: Exception) -> Trouble:
    name = type(error).__name__
    match error:
        case ProviderHeld() | ProviderMisconfigured():
            return Trouble(weight=Weight.HELD, error=name)
        case ProviderUnavailable():
            return Trouble(weight=Weight.UNAVAILABLE, error=name, retry_after=error.retry_after or timedelta())
        case StoreUnavailable():
            return Trouble(weight=Weight.UNAVAILABLE, error=name)
    log.warning("push_refused", kind=record.push.kind, error=name)
    return Trouble(weight=Weight.FINAL, error=name)


@dataclass(frozen=True, kw_only=True)
class SweepPushes:
    """Whatever is due and was not nudged, or whose nudge was lost, is nudged again. Harmless when several run."""

    pushes: Pushes
    nudge: Nudge
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        now = self.clock()
        due = self.pushes.take_due(now=now, limit=FULL, marked_until=now + MARK)
        return sum(self.nudge(SEND_PUSH, str(push_id)) for push_id in due)
