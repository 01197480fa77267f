"""Telling care providers: recorded, sent platform by platform, tried again, and on record when it could not be."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from integrations.ports import (
    BreakerOpen,
    NotificationType,
    Platform,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from repositories.entities.pushes import BOTH_PLATFORMS, OUTDATED, NewPush, PushRecord
from repositories.enums import BookingStatus, PushState
from repositories.ports.errors import (
    CareProviderUnknown,
    PushNotFailed,
    PushOutdated,
    PushUnknown,
    StoreUnavailable,
)
from saga.notify import Notify, PushOperator
from saga.operators import NotPossible
from saga.send_pushes import HELD, NOT_DUE, TOO_LATE, TRIES, SendPush, SweepPushes
from tests.fakes.pushes import FakePushes
from tests.unit.saga.world import LEASE, PROVIDER, SLOT_STARTS, World

NOT_NOW = ProviderUnavailable("503", may_have_happened=False)
MAYBE = ProviderUnavailable("time-out", may_have_happened=True)
ASKED = ("Huda", "why")


@dataclass
class Post:
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.pushes = FakePushes(self.world.scheduling)
        self.keys = (f"key-{n}" for n in count())
        self.nudged: list[int] = []

    def nudge(self, name: str, push_id: str) -> bool:
        assert name == "send_push"
        self.nudged.append(int(push_id))
        return True

    @property
    def notify(self) -> Notify:
        return Notify(pushes=self.pushes, nudge=self.nudge, clock=self.world.clock)

    @property
    def operator(self) -> PushOperator:
        return PushOperator(
            pushes=self.pushes,
            providers=self.world.psyter,
            nudge=self.nudge,
            clock=self.world.clock,
            new_key=lambda: next(self.keys),
        )

    def send(self, push_id: int) -> str:
        send = SendPush(
            pushes=self.pushes,
            providers=self.world.psyter,
            users=self.world.psyter,
            push=self.world.push,
            clock=self.world.clock,
            jitter=lambda: 0.5,
            new_token=lambda: next(self.keys),
            lease=LEASE,
        )
        return send(push_id)

    def work(self) -> None:
        while self.nudged:
            self.send(self.nudged.pop(0))

    def sweep(self) -> int:
        return SweepPushes(pushes=self.pushes, nudge=self.nudge, clock=self.world.clock)()

    def settle(self) -> None:
        """Let time pass until no push waits any more."""
        for _ in range(100):
            self.work()
            due = [record.due_at for record in self.pushes.records.values() if record.due_at is not None]
            if not due:
                return
            self.world.now = max(self.world.now, min(due))
            if not self.sweep():
                self.world.now += timedelta(seconds=5)
        raise AssertionError("the pushes never end")

    def booking(self) -> int:
        booked = self.world.book()
        self.world.settle()
        return booked.booking_id

    def told(self, key: str) -> list[Platform]:
        return self.world.push.told[key]

    def record(self, push_id: int = 2) -> PushRecord:
        """The first is the saga's own."""
        return self.pushes.records[push_id]


@pytest.fixture
def post() -> Post:
    return Post()


def joined(post: Post, key: str = "joined-1") -> int:
    """The id of a push that is recorded, and on its way to a worker."""
    assert post.notify(post.booking(), NotificationType.OTHER_PARTY_JOINED, key=key)
    return post.nudged[-1]


def test_a_provider_is_told_that_the_other_party_joined(post: Post) -> None:
    push_id = joined(post)
    assert post.send(push_id) == "sent"
    push = post.world.push.by_key["joined-1"]
    assert (push.kind, push.care_provider_id, push.happens_at) == (
        NotificationType.OTHER_PARTY_JOINED,
        PROVIDER,
        SLOT_STARTS,
    )
    assert (push.meeting_id, push.client_name) == (post.world.booking(1).meeting_id, None)
    assert push.expires_at == post.world.now + timedelta(minutes=10)
    assert sorted(post.told("joined-1")) == sorted(Platform)
    assert post.record().state is PushState.SENT
    assert post.record().left_to == ()


def test_the_line_of_a_try_says_of_which_request_and_booking_it_is(post: Post, logged: list[Any]) -> None:
    push_id = joined(post)
    (saga,) = post.world.scheduling.sagas.values()
    post.world.scheduling.sagas[saga.id] = replace(saga, request_id="asked-for")
    post.send(push_id)
    (line,) = [line for line in logged if line["event"] == "push"]
    assert [line[name] for name in ("request_id", "organization_id", "booking_id", "push_id", "state")] == [
        "asked-for", 1, 1, push_id, "sent",
    ]  # fmt: skip


def test_one_key_is_told_once_however_often_it_is_asked_for(post: Post) -> None:
    push_id = joined(post)
    assert not post.notify(1, NotificationType.OTHER_PARTY_JOINED, key="joined-1")
    post.work()
    assert post.send(push_id) == NOT_DUE
    assert sorted(post.told("joined-1")) == sorted(Platform)


def test_a_cancelled_booking_has_nobody_to_be_told(post: Post) -> None:
    booking_id = post.booking()
    post.world.cancel(booking_id)
    assert not post.notify(booking_id, NotificationType.OTHER_PARTY_JOINED, key="joined-1")


def test_a_booking_cancelled_while_a_push_waits_is_not_told(post: Post) -> None:
    push_id = joined(post)
    post.world.cancel(1)
    assert post.send(push_id) == NOT_DUE
    assert (post.record().state, post.record().reason) == (PushState.FAILED, OUTDATED)
    assert post.told("joined-1") == []


def test_only_the_platform_that_was_not_told_is_told_again(post: Post) -> None:
    push_id = joined(post)
    post.world.push.fail_next(NOT_NOW)
    assert post.send(push_id) == "waiting"
    assert post.told("joined-1") == [Platform.IOS]
    assert post.record().left_to == ("android",)
    post.settle()
    assert post.told("joined-1") == [Platform.IOS, Platform.ANDROID]


def test_what_fcm_does_not_take_now_is_tried_again_and_then_on_record(post: Post) -> None:
    push_id = joined(post)
    post.pushes.records[push_id] = pushed = post.record()
    post.world.push.is_down = MAYBE
    post.settle()
    record = post.record()
    assert (record.state, record.reason) == (PushState.FAILED, "ProviderUnavailable")
    assert record.due_at is None
    assert record.attempts == TRIES.limit + 1
    assert pushed.push.expires_at > post.world.now


def test_what_fcm_refuses_is_on_record_at_once_though_one_platform_was_told(post: Post) -> None:
    push_id = joined(post)
    post.world.push.fail_next(ProviderRefused("400"))
    assert post.send(push_id) == "failed"
    assert (post.record().reason, post.record().left_to) == ("ProviderRefused", ("android",))


def test_a_refusal_outweighs_what_may_yet_be(post: Post) -> None:
    push_id = joined(post)
    post.world.push.fail_next(ProviderRefused("400"))
    post.world.push.fail_next(NOT_NOW)
    assert post.send(push_id) == "failed"
    assert post.record().left_to == BOTH_PLATFORMS


def test_an_open_breaker_or_a_wrong_key_uses_up_no_try(post: Post) -> None:
    for error in (BreakerOpen(), ProviderMisconfigured("401")):
        push_id = joined(post, key=type(error).__name__)
        post.world.push.is_down = error
        for _ in range(30):
            record = post.pushes.records[push_id]
            assert record.due_at is not None
            post.world.now = record.due_at
            assert post.send(push_id) == "waiting"
        record = post.pushes.records[push_id]
        assert (record.attempts, record.due_at) == (0, post.world.now + HELD)
        post.world.push.is_down = None
        post.world = World()
        post.pushes = FakePushes(post.world.scheduling)


def test_what_waited_longer_than_it_is_worth_is_on_record_and_not_sent(post: Post) -> None:
    push_id = joined(post)
    post.world.now += timedelta(minutes=10)
    assert post.send(push_id) == "failed"
    assert post.record().reason == "TooLate"
    assert post.told("joined-1") == []


def test_no_wait_goes_beyond_what_it_is_worth(post: Post) -> None:
    push_id = joined(post)
    post.world.push.is_down = ProviderUnavailable("429", may_have_happened=False, retry_after=timedelta(minutes=10))
    assert post.send(push_id) == "failed"
    assert post.record().reason == "ProviderUnavailable"


def test_retry_after_is_waited(post: Post) -> None:
    push_id = joined(post)
    post.world.push.is_down = ProviderUnavailable("429", may_have_happened=False, retry_after=timedelta(minutes=5))
    assert post.send(push_id) == "waiting"
    assert post.record().due_at == post.world.now + timedelta(minutes=5)


def test_a_push_whose_worker_dies_each_time_is_not_tried_for_ever(post: Post) -> None:
    booking_id = post.booking()
    assert post.notify(booking_id, NotificationType.NEW_BOOKING, key="k")
    push_id = post.nudged.pop()
    for _ in range(TRIES.limit + 1):
        assert post.pushes.claim(push_id, now=post.world.now, lease=LEASE, token="dead") is not None
        post.world.now += LEASE
    assert post.send(push_id) == "failed"
    assert post.record().reason == "WorkerDied"
    assert post.told("k") == []


def test_a_lost_nudge_is_found_by_the_sweep(post: Post) -> None:
    joined(post)
    post.nudged.clear()
    assert post.sweep() == 0  # it was nudged a moment ago
    post.world.now += timedelta(seconds=20)
    assert post.sweep() == 1
    assert post.sweep() == 0
    post.work()
    assert post.record().state is PushState.SENT


def test_a_new_booking_sent_again_names_the_client(post: Post) -> None:
    post.world.push.is_down = NOT_NOW
    booking_id = post.booking()
    post.world.push.is_down = None
    (failed,) = post.pushes.records.values()
    assert (failed.state, failed.reason, failed.push.booking_id) == (
        PushState.FAILED,
        "ProviderUnavailable",
        booking_id,
    )
    post.operator.send_again(failed.id, asked=ASKED)
    post.work()
    (push,) = post.world.push.sent
    assert (push.kind, push.client_name) == (NotificationType.NEW_BOOKING, "Sara")
    assert post.record(1).state is PushState.SENT


# --- what sagas send themselves ------------------------------------------------------------


def kinds(post: Post) -> list[tuple[int, PushState, str | None, int]]:
    return [(r.push.kind, r.state, r.reason, r.attempts) for r in post.pushes.records.values()]


def test_what_the_sagas_sent_is_on_record(post: Post) -> None:
    booking_id = post.booking()
    post.world.scheduling.add_slot(
        id=8,
        care_provider_id=PROVIDER,
        starts_at=SLOT_STARTS + timedelta(hours=3),
        ends_at=SLOT_STARTS + timedelta(hours=4),
    )
    slot = post.world.scheduling.slots[8]
    post.world.reschedule(booking_id, slot)
    post.world.settle()
    post.world.cancel(booking_id)
    post.world.settle()
    assert kinds(post) == [(kind, PushState.SENT, None, 1) for kind in (2, 5, 7)]
    records = list(post.pushes.records.values())
    assert [r.push.happens_at for r in records] == [SLOT_STARTS, slot.starts_at, slot.starts_at]
    assert {r.push.booking_id for r in records} == {booking_id}
    assert {r.push.key for r in records} == set(post.world.push.by_key)
    assert [r.push.wants_status for r in records] == [
        BookingStatus.CONFIRMED,
        BookingStatus.CONFIRMED,
        BookingStatus.CANCELLED,
    ]


def test_a_saga_that_used_up_its_tries_leaves_a_failed_push(post: Post) -> None:
    post.world.push.is_down = MAYBE
    booking_id = post.booking()
    assert post.world.booking(booking_id).status is BookingStatus.CONFIRMED
    ((kind, state, reason, attempts),) = kinds(post)
    assert (kind, state, reason) == (2, PushState.FAILED, "ProviderUnavailable")
    assert attempts == 5


def test_a_saga_whose_push_was_refused_leaves_a_failed_push(post: Post) -> None:
    post.world.push.fail_next(ProviderRefused("400"))
    post.booking()
    assert kinds(post) == [(2, PushState.FAILED, "ProviderRefused", 1)]


def test_a_push_that_was_not_sent_because_the_booking_was_withdrawn_is_no_push(post: Post) -> None:
    booked = post.world.book()
    post.world.push.fail_next(MAYBE)
    post.world.work()
    post.world.cancel(booked.booking_id)
    post.world.settle()
    assert kinds(post) == [(7, PushState.SENT, None, 1)]


# --- operators -----------------------------------------------------------------------------


def asked(post: Post, kind: NotificationType, **given: Any) -> int:
    whole = {"care_provider_id": None, "booking_id": None, "day": None, **given}
    return post.operator.send(kind, asked=ASKED, **whole)


def test_an_operator_sends_what_no_flow_sends(post: Post) -> None:
    push_id = asked(post, NotificationType.PAYSLIP_GENERATED, care_provider_id=PROVIDER)
    post.work()
    (push,) = post.world.push.sent
    assert (push.kind, push.care_provider_id) == (NotificationType.PAYSLIP_GENERATED, PROVIDER)
    assert (push.booking_id, push.happens_at) == (None, None)
    assert (post.record(push_id).asked_by, post.record(push_id).asked_why) == ASKED


def test_a_refund_goes_to_the_bookings_provider_whatever_its_status(post: Post) -> None:
    booking_id = post.booking()
    post.world.cancel(booking_id)
    post.world.settle()
    asked(post, NotificationType.REFUND_BY_ADMIN, booking_id=booking_id)
    post.work()
    push = post.world.push.sent[-1]
    assert (push.kind, push.booking_id, push.happens_at) == (NotificationType.REFUND_BY_ADMIN, booking_id, SLOT_STARTS)


def test_an_expiry_tells_a_day(post: Post) -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    asked(post, NotificationType.SCHFS_EXPIRY, care_provider_id=PROVIDER, day=day)
    post.work()
    assert post.world.push.sent[-1].happens_at == day


DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (NotificationType.NEW_BOOKING, {"booking_id": 1}, "sent by the flow"),
        (NotificationType.REMINDER_NOTIFICATION, {"booking_id": 1}, "sent by the flow"),
        (NotificationType.NEW_MESSAGE, {}, "name a care provider"),
        (NotificationType.NEW_MESSAGE, {"booking_id": 1}, "name a care provider"),
        (NotificationType.NEW_MESSAGE, {"care_provider_id": PROVIDER, "day": DAY}, "no day"),
        (NotificationType.SCHFS_EXPIRY, {"care_provider_id": PROVIDER}, "a day"),
        (NotificationType.REFUND_BY_ADMIN, {"care_provider_id": PROVIDER}, "a booking's care provider"),
        (NotificationType.REFUND_BY_ADMIN, {"booking_id": 1, "care_provider_id": PROVIDER}, "a booking's"),
        (NotificationType.REFUND_BY_ADMIN, {"booking_id": 99}, "no such booking"),
    ],
)
def test_what_does_not_fit_a_type_is_refused(
    post: Post, kind: NotificationType, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(NotPossible, match=says):
        asked(post, kind, **given)
    assert post.pushes.records == {}


def test_a_provider_that_is_none_is_not_told(post: Post) -> None:
    with pytest.raises(CareProviderUnknown):
        asked(post, NotificationType.NEW_MESSAGE, care_provider_id=99)


def test_what_is_outdated_or_not_there_is_not_sent_again(post: Post) -> None:
    post.world.push.is_down = NOT_NOW
    booking_id = post.booking()
    post.world.cancel(booking_id)
    with pytest.raises(PushOutdated):
        post.operator.send_again(1, asked=ASKED)
    with pytest.raises(PushUnknown):
        post.operator.send_again(9, asked=ASKED)


def failed_reminder(post: Post) -> int:
    push = NewPush(
        key="reminder-1",
        kind=int(NotificationType.REMINDER_NOTIFICATION),
        care_provider_id=PROVIDER,
        booking_id=post.booking(),
        happens_at=SLOT_STARTS,
        wants_status=BookingStatus.CONFIRMED,
        expires_at=SLOT_STARTS - timedelta(minutes=30),
    )
    post.pushes.add(push, now=post.world.now, nudged_until=post.world.now)
    post.world.push.is_down = ProviderRefused("400")
    assert post.send(2) == "failed"
    post.world.push.is_down = None
    return 2


def test_a_reminder_is_sent_again_only_until_its_session_starts(post: Post) -> None:
    push_id = failed_reminder(post)
    post.world.now = SLOT_STARTS - timedelta(seconds=1)
    assert post.operator.send_again(push_id, asked=ASKED).push.expires_at == SLOT_STARTS
    post.world.now = SLOT_STARTS
    assert post.send(push_id) == "failed"  # the worker came too late for it
    assert (post.record().reason, post.world.push.told.get("reminder-1")) == (TOO_LATE, None)
    with pytest.raises(NotPossible, match=f"too late .* until {SLOT_STARTS:%Y-%m-%d %H:%M:%S} UTC"):
        post.operator.send_again(push_id, asked=ASKED)
    assert post.record().state is PushState.FAILED


def test_a_reminder_long_before_its_session_is_worth_a_day(post: Post) -> None:
    push_id = failed_reminder(post)
    post.world.now = SLOT_STARTS - timedelta(days=3)
    assert post.operator.send_again(push_id, asked=ASKED).push.expires_at == post.world.now + timedelta(days=1)


def test_that_somebody_joined_is_no_news_ten_minutes_later(post: Post) -> None:
    post.world.push.is_down = ProviderRefused("400")
    post.send(joined(post))
    post.world.push.is_down = None
    post.world.now += timedelta(minutes=4)
    assert post.operator.send_again(2, asked=ASKED).push.expires_at == post.world.now + timedelta(minutes=6)
    post.world.push.fail_next(ProviderRefused("400"))
    post.work()
    post.world.now += timedelta(minutes=6)
    with pytest.raises(NotPossible, match="too late"):
        post.operator.send_again(2, asked=ASKED)


def test_a_cancellation_is_told_again_also_after_the_session_would_have_started(post: Post) -> None:
    booking_id = post.booking()
    post.world.push.is_down = ProviderRefused("400")
    post.world.cancel(booking_id)
    post.world.settle()
    post.world.push.is_down = None
    post.world.now = SLOT_STARTS + timedelta(hours=2)
    assert post.operator.send_again(2, asked=ASKED).state is PushState.WAITING


def test_what_was_sent_is_told_to_be_sent_and_not_to_be_late(post: Post) -> None:
    post.booking()
    post.world.now = SLOT_STARTS + timedelta(hours=2)
    with pytest.raises(PushNotFailed):
        post.operator.send_again(1, asked=ASKED)


def test_a_database_away_costs_nothing_but_a_try(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    push_id = joined(post)

    def away(_id: int) -> Any:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(post.world.psyter, "get_care_provider", away)
        assert post.send(push_id) == "waiting"
    assert post.record().reason == "StoreUnavailable"
    post.settle()
    assert post.record().state is PushState.SENT
