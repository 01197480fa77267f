"""What telling care providers relies on of SchedulingDatabase: on the fake, and on every engine alike."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from repositories.entities.pushes import (
    BOTH_PLATFORMS,
    OUTDATED,
    BookedPush,
    NewPush,
    PushFilter,
    PushRecord,
    RecordPush,
)
from repositories.enums import BookingStatus, PushState
from repositories.ports.errors import LeaseLost, PushNotFailed, PushOutdated, PushUnknown
from repositories.scheduling_db.pushes import SqlPushes
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, LEASE, NOW, STARTS, slot
from tests.engines import ENGINES
from tests.fakes.pushes import FakePushes

LATER = NOW + timedelta(minutes=1)
MARKED = NOW + timedelta(seconds=20)
DAY = timedelta(days=1)
TOKENS = (f"push-token-{n}" for n in count())
ASKED = ("Huda", "تذكرة ٧")


@dataclass
class Post:
    world: scheduling.World
    pushes: Any

    def add(self, key: str = "k-1", *, nudged_until: Any = NOW, **changes: Any) -> int | None:
        given: dict[str, Any] = {"kind": 15, "care_provider_id": 42, "expires_at": NOW + DAY, **changes}
        added: int | None = self.pushes.add(NewPush(key=key, **given), now=NOW, nudged_until=nudged_until, asked=ASKED)
        return added

    def added(self, key: str = "k-1", **changes: Any) -> int:
        push_id = self.add(key, **changes)
        assert push_id is not None
        return push_id

    def add_of(self, booking_id: int, key: str = "k-1", **changes: Any) -> int | None:
        given: dict[str, Any] = {
            "kind": 13,
            "wants_status": BookingStatus.CONFIRMED,
            "expires_at": NOW + DAY,
            "now": NOW,
            "nudged_until": NOW,
            **changes,
        }
        added: int | None = self.pushes.add_of_booking(booking_id, key=key, **given)
        return added

    def claim(self, push_id: int | None, *, now: Any = NOW) -> BookedPush | None:
        claimed: BookedPush | None = self.pushes.claim(push_id, now=now, lease=LEASE, token=next(TOKENS))
        return claimed

    def claimed(self, push_id: int | None, *, now: Any = NOW) -> PushRecord:
        booked = self.claim(push_id, now=now)
        assert booked is not None
        return booked.record

    def found(self, push_id: int | None) -> PushRecord:
        record: PushRecord = self.pushes.find(push_id)
        return record

    def failed(self, key: str = "k-1", **changes: Any) -> int:
        push_id = self.added(key, **changes)
        self.fail(push_id)
        return push_id

    def fail(self, push_id: int) -> None:
        self.pushes.save(replace(self.claimed(push_id), state=PushState.FAILED, reason="No", due_at=None), now=NOW)

    def send_again(self, push_id: int, **changes: Any) -> PushRecord:
        given = {"asked": ASKED, "expires_at": LATER + DAY, "now": LATER, "nudged_until": LATER, **changes}
        record: PushRecord = self.pushes.send_again(push_id, **given)
        return record


@pytest.fixture(params=["fake", *ENGINES])
def post(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Post:
    if request.param == "fake":
        world = scheduling.fake_world()
        whole = Post(world, FakePushes(world.bookings))
    else:
        database = fresh_database(request.param, "scheduling_db")
        whole = Post(scheduling.sql_world(database), SqlPushes(database))
    whole.world.add_slot(slot(7, STARTS, HOUR))
    return whole


def test_a_push_waits_to_be_sent_as_it_was_given(post: Post) -> None:
    push_id = post.added(happens_at=STARTS)
    record = post.found(push_id)
    assert record.push == NewPush(key="k-1", kind=15, care_provider_id=42, happens_at=STARTS, expires_at=NOW + DAY)
    assert (record.state, record.reason, record.attempts) == (PushState.WAITING, None, 0)
    assert (record.left_to, record.due_at, record.created_at) == (BOTH_PLATFORMS, NOW, NOW)
    assert (record.asked_by, record.asked_why) == ASKED


def test_whoever_claims_one_learns_of_which_request_it_comes(post: Post) -> None:
    booking_id = post.world.confirmed(request_id="booked")
    told = post.claim(post.add_of(booking_id, "k-1"))
    assert told is not None
    assert (told.request_id, told.organization_id) == ("booked", 1)
    waiting = post.add_of(booking_id, "k-2", wants_status=None)
    post.world.withdraw(booking_id, now=LATER, request_id="cancelled")
    before = post.claim(waiting, now=LATER)
    after = post.claim(post.add_of(booking_id, "k-3", wants_status=None, now=LATER), now=LATER)
    without = post.claim(post.add("k-4"))
    assert [one and one.request_id for one in (before, after, without)] == ["booked", "cancelled", None]


def test_one_key_is_one_push(post: Post) -> None:
    first = post.added()
    assert post.add(care_provider_id=43) is None
    assert post.found(first).push.care_provider_id == 42
    assert post.add("k-2") not in (None, first)


def test_a_booking_says_whom_to_tell_of_what_time(post: Post) -> None:
    push_id = post.add_of(post.world.confirmed())
    push = post.found(push_id).push
    assert (push.care_provider_id, push.happens_at, push.wants_status) == (42, STARTS, BookingStatus.CONFIRMED)


def test_nobody_is_told_of_a_booking_that_is_not_what_the_push_says_or_not_there(post: Post) -> None:
    pending = post.world.accept()
    assert post.add_of(pending) is None
    assert post.add_of(pending, kind=10, wants_status=None) is not None
    assert post.add_of(pending + 100, "k-2", wants_status=None) is None
    confirmed = post.world.confirmed()
    assert post.add_of(confirmed, "k-3") is not None
    assert post.add_of(confirmed, "k-3") is None


# --- sending -------------------------------------------------------------------------------


def test_whoever_claims_it_has_it_for_the_lease(post: Post) -> None:
    push_id = post.added()
    claimed = post.claimed(push_id)
    assert claimed.attempts == 1
    assert post.claim(push_id) is None
    assert post.claimed(push_id, now=NOW + LEASE).attempts == 2


def test_a_claim_brings_what_the_booking_adds(post: Post) -> None:
    booked = post.claim(post.add_of(post.world.confirmed()))
    assert booked is not None
    assert (booked.meeting_id, booked.organization_id, booked.user_id) == ("room", 1, 5)
    alone = post.claim(post.add("k-2"))
    assert alone is not None
    assert (alone.meeting_id, alone.organization_id, alone.user_id) == (None, None, None)


def test_what_is_not_due_or_not_there_is_not_claimed(post: Post) -> None:
    push_id = post.added()
    assert post.claim(push_id, now=NOW - timedelta(seconds=1)) is None
    assert post.claim(push_id + 1) is None
    assert post.found(push_id).state is PushState.WAITING


def test_what_came_of_a_try_is_kept(post: Post) -> None:
    push_id = post.added()
    tried = replace(post.claimed(push_id), reason="ProviderUnavailable", left_to=("ios",), due_at=LATER)
    post.pushes.save(tried, now=NOW)
    record = post.found(push_id)
    assert (record.state, record.reason, record.left_to) == (PushState.WAITING, "ProviderUnavailable", ("ios",))
    assert (record.due_at, record.lease_token) == (LATER, None)
    assert post.claim(push_id) is None
    assert post.claimed(push_id, now=LATER).attempts == 2


def test_a_worker_whose_lease_ran_out_writes_nothing(post: Post) -> None:
    push_id = post.added()
    paused = post.claimed(push_id)
    second = post.claimed(push_id, now=NOW + LEASE)
    with pytest.raises(LeaseLost):
        post.pushes.save(sent(paused), now=NOW + LEASE)
    post.pushes.save(sent(second), now=NOW + LEASE)
    with pytest.raises(LeaseLost):
        post.pushes.save(sent(second), now=NOW + LEASE)
    assert post.claim(push_id, now=NOW + DAY) is None


def sent(record: PushRecord) -> PushRecord:
    return replace(record, state=PushState.SENT, left_to=(), due_at=None, sent_at=NOW)


def test_an_event_is_told_with_the_sending_and_once(post: Post) -> None:
    booking_id = post.world.confirmed()
    push_id = post.added(
        booking_id=booking_id, happens_at=STARTS, wants_status=BookingStatus.CONFIRMED, event="reminder_sent"
    )
    post.pushes.save(replace(post.claimed(push_id), due_at=NOW), now=NOW)
    assert "reminder_sent" not in {kind for _, _, kind in post.world.events()}
    claimed = post.claimed(push_id)
    post.pushes.save(sent(claimed), now=NOW)
    with pytest.raises(LeaseLost):
        post.pushes.save(sent(claimed), now=NOW)
    assert [kind for _, _, kind in post.world.events()] == ["accepted", "confirmed", "reminder_sent"]


# --- what is no longer so ------------------------------------------------------------------


def test_a_push_of_a_booking_that_was_cancelled_meanwhile_fails_at_its_claim(post: Post) -> None:
    booking_id = post.world.confirmed()
    push_id = post.add_of(booking_id)
    post.world.withdraw(booking_id)
    assert post.claim(push_id) is None
    record = post.found(push_id)
    assert (record.state, record.reason, record.due_at) == (PushState.FAILED, OUTDATED, None)


def test_a_push_of_another_time_than_the_bookings_fails_at_its_claim(post: Post) -> None:
    push_id = post.added(
        booking_id=post.world.confirmed(), happens_at=STARTS - HOUR, wants_status=BookingStatus.CONFIRMED
    )
    assert post.claim(push_id) is None
    assert post.found(push_id).reason == OUTDATED


def test_a_cancellation_is_told_of_a_cancelled_booking(post: Post) -> None:
    booking_id = post.world.confirmed()
    post.world.withdraw(booking_id)
    assert post.claim(post.add_of(booking_id, kind=7, wants_status=BookingStatus.CANCELLED)) is not None


def test_an_outdated_push_under_a_lease_is_left_to_whoever_holds_it(post: Post) -> None:
    booking_id = post.world.confirmed()
    push_id = post.add_of(booking_id)
    claimed = post.claimed(push_id)
    post.world.withdraw(booking_id)
    assert post.claim(push_id) is None
    post.pushes.save(sent(claimed), now=NOW)
    assert post.found(push_id).state is PushState.SENT


# --- what is due ---------------------------------------------------------------------------


def test_what_is_due_is_taken_once_until_its_mark_ends(post: Post) -> None:
    first, second, third = (post.added(f"k-{n}") for n in range(3))
    assert post.pushes.take_due(now=NOW, limit=2, marked_until=MARKED) == [first, second]
    assert post.pushes.take_due(now=NOW, limit=2, marked_until=MARKED) == [third]
    assert post.pushes.take_due(now=NOW, limit=2, marked_until=MARKED) == []
    assert post.pushes.take_due(now=MARKED, limit=9, marked_until=LATER) == [first, second, third]


def test_a_push_just_nudged_is_not_taken(post: Post) -> None:
    push_id = post.added(nudged_until=MARKED)
    assert post.pushes.take_due(now=NOW, limit=9, marked_until=LATER) == []
    assert post.pushes.take_due(now=MARKED, limit=9, marked_until=LATER) == [push_id]


def test_a_claim_ends_the_mark_so_that_a_death_is_noticed(post: Post) -> None:
    push_id = post.added(nudged_until=NOW + DAY)
    post.claimed(push_id)
    assert post.pushes.take_due(now=NOW, limit=9, marked_until=LATER) == []
    assert post.pushes.take_due(now=NOW + LEASE, limit=9, marked_until=LATER) == [push_id]


def test_what_was_sent_or_failed_is_not_due(post: Post) -> None:
    post.failed("k-1")
    post.pushes.save(sent(post.claimed(post.added("k-2"))), now=NOW)
    assert post.pushes.take_due(now=NOW + DAY, limit=9, marked_until=LATER) == []


# --- what a saga sent itself ---------------------------------------------------------------


@pytest.mark.parametrize(("reason", "state"), [(None, PushState.SENT), ("ProviderRefused", PushState.FAILED)])
def test_what_came_of_a_sagas_push_commits_with_its_save(post: Post, reason: str | None, state: PushState) -> None:
    booking_id = post.world.confirmed()
    push = NewPush(
        key="saga-1-notify_provider",
        kind=2,
        care_provider_id=42,
        booking_id=booking_id,
        happens_at=STARTS,
        wants_status=BookingStatus.CONFIRMED,
        expires_at=NOW + DAY,
    )
    effect = RecordPush(push=push, reason=reason, attempts=3)
    saga = post.world.claimed(booking_id)
    saga = post.world.save(saga, effect)
    post.world.save(saga, effect)  # twice is once
    (record,) = post.pushes.list_pushes(PushFilter(), limit=9)
    assert (record.push, record.state, record.reason, record.attempts) == (push, state, reason, 3)
    assert record.left_to == (() if reason is None else BOTH_PLATFORMS)
    assert record.sent_at == (NOW if reason is None else None)
    assert post.pushes.take_due(now=NOW + DAY, limit=9, marked_until=LATER) == []


# --- operators -----------------------------------------------------------------------------


def test_pushes_are_found_by_what_is_asked_of_them(post: Post) -> None:
    booking_id = post.world.confirmed()
    waiting = post.add_of(booking_id, "k-1")
    failed = post.failed("k-2", kind=11, care_provider_id=43)
    other = post.failed("k-3")

    def ids(limit: int = 9, **wanted: Any) -> list[int]:
        return [record.id for record in post.pushes.list_pushes(PushFilter(**wanted), limit=limit)]

    assert ids() == [other, failed, waiting]
    assert ids(2) == [other, failed]
    assert ids(states=frozenset({PushState.WAITING})) == [waiting]
    assert ids(kind=11) == [failed]
    assert ids(care_provider_id=43) == [failed]
    assert ids(booking_id=booking_id) == [waiting]
    assert ids(reason="No") == [other, failed]
    assert ids(since=LATER) == []


def test_a_failed_push_is_sent_again_to_whom_was_not_told(post: Post) -> None:
    push_id = post.added()
    record = replace(post.claimed(push_id), state=PushState.FAILED, reason="No", left_to=("ios",), due_at=None)
    post.pushes.save(record, now=NOW)
    again = post.send_again(push_id, nudged_until=LATER + HOUR)
    assert (again.state, again.reason, again.attempts, again.left_to) == (PushState.WAITING, None, 0, ("ios",))
    assert (again.due_at, again.push.expires_at) == (LATER, LATER + DAY)
    assert (again.asked_by, again.asked_why) == ASKED
    assert post.pushes.take_due(now=LATER, limit=9, marked_until=LATER + DAY) == []
    assert post.claimed(push_id, now=LATER).attempts == 1


def test_what_waits_or_was_sent_or_is_not_there_is_not_sent_again(post: Post) -> None:
    push_id = post.added()
    with pytest.raises(PushNotFailed):
        post.send_again(push_id)
    post.pushes.save(sent(post.claimed(push_id)), now=NOW)
    with pytest.raises(PushNotFailed):
        post.send_again(push_id)
    with pytest.raises(PushUnknown):
        post.send_again(push_id + 1)


def test_what_is_no_longer_so_is_not_sent_again(post: Post) -> None:
    booking_id = post.world.confirmed()
    push_id = post.add_of(booking_id)
    assert push_id is not None
    post.fail(push_id)
    post.world.withdraw(booking_id)
    with pytest.raises(PushOutdated):
        post.send_again(push_id)
    assert post.found(push_id).state is PushState.FAILED
