"""What webhooks rely on of SchedulingDatabase, on every engine alike."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from integrations.webhooks.ports import Answer
from repositories.database import Database
from repositories.entities.effects import ConfirmBooking
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.webhooks import (
    Claimed,
    Delivery,
    DeliveryAttempt,
    Endpoint,
    EndpointChange,
    NewEndpoint,
    Outcome,
    Wish,
)
from repositories.enums import DeliveryState, DisabledBecause, EndpointState
from repositories.ports.errors import (
    DeliveryUnknown,
    EndpointNotActive,
    EndpointsFull,
    EndpointUnknown,
    KeyReused,
    LeaseLost,
    ReplayTooLong,
)
from repositories.ports.webhooks import MOST_ENDPOINTS
from repositories.scheduling_db import webhook_endpoints, webhook_queue
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.events import append_event
from repositories.scheduling_db.webhook_endpoints import SqlWebhookEndpoints
from repositories.scheduling_db.webhook_queue import SqlWebhookQueue
from saga.webhook_schedule import LONGEST_REST, WAITS, Moment, outcome_of
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot

URL = "https://partner.example/hook"
LEASE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TOKENS = (f"t{number}" for number in count())
FINE, ERROR, GONE = (
    Answer(http_status=204),
    Answer(http_status=500, error="http_500"),
    Answer(http_status=410, error="http_410"),
)


@dataclass
class Hooks:
    """Organization 1, some bookings of it, and a clock."""

    world: scheduling.World
    database: Database
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.endpoints = SqlWebhookEndpoints(self.database)
        self.queue = SqlWebhookQueue(self.database)
        self.world.add_slot(slot(7, STARTS, HOUR))

    def add(self, *, kinds: tuple[str, ...] = (), organization: int = 1, key: IdempotencyKey | None = None) -> int:
        new = NewEndpoint(organization_id=organization, url=URL, description=None, kinds=kinds, sealed_secret="s1")
        return self.endpoints.add(new, key=key, now=self.now).ids[0]

    def accept(self, organization: int = 1) -> int:
        return self.world.accept(organization=organization)

    def confirm(self, booking_id: int) -> None:
        effect = ConfirmBooking(booking_id=booking_id, meeting_id="room")
        self.world.save(self.world.claimed(booking_id), effect)

    def remind(self, booking_id: int, times: int = 1) -> None:
        for _ in range(times):
            self.database.write(lambda c: append_event(c, booking_id, "reminder_sent", self.now))

    def announce(self) -> list[int]:
        while SqlAnnouncer(self.database).announce(limit=100):
            pass
        return list(self.queue.fan_out(limit=100, now=self.now))

    def claim(self, endpoint: int, *, slots: int = 4) -> Claimed | None:
        return self.queue.claim(endpoint, self.wish(slots))

    def wish(self, slots: int = 4) -> Wish:
        return Wish(slots=slots, token=next(TOKENS), now=self.now, lease=LEASE)

    def claimed(self, endpoint: int, *, slots: int = 4) -> Claimed:
        found = self.claim(endpoint, slots=slots)
        assert found is not None
        return found

    def finish(self, claimed: Claimed, answer: Answer = FINE) -> Outcome:
        outcome, following = self.finish_and_claim(claimed, answer, then=None)
        assert following is None
        return outcome

    def finish_and_claim(
        self, claimed: Claimed, answer: Answer, *, then: Wish | None
    ) -> tuple[Outcome, Claimed | None]:
        moment = Moment(now=self.now, chance=0.5, disable_after=5 * DAY)
        attempt = DeliveryAttempt(
            started_at=self.now, duration=SECOND, http_status=answer.http_status, error=answer.error
        )
        return self.queue.finish(claimed, attempt, rule=lambda e, d: outcome_of(answer, e, d, moment), then=then)

    def deliver(self, endpoint: int, answer: Answer = FINE) -> tuple[int, int]:
        """Deliver the next; its booking and sequence."""
        claimed = self.claimed(endpoint)
        self.finish(claimed, answer)
        return told(claimed.delivery)

    def deliver_all(self, endpoint: int) -> list[tuple[int, int]]:
        found = []
        while (claimed := self.claim(endpoint)) is not None:
            self.finish(claimed)
            found.append(told(claimed.delivery))
        return found

    def endpoint(self, endpoint_id: int) -> Endpoint:
        return self.endpoints.get_endpoint(endpoint_id, organization_id=1)

    def deliveries(self, endpoint: int, state: DeliveryState | None = None) -> list[Delivery]:
        found = self.endpoints.list_deliveries(endpoint, organization_id=1, state=state, before=None, limit=100)
        return list(found)

    def enable(self, endpoint: int) -> None:
        self.endpoints.set_state(endpoint, EndpointState.ACTIVE, organization_id=1, key=None, now=self.now)

    def pause(self, endpoint: int) -> None:
        self.endpoints.set_state(endpoint, EndpointState.PAUSED, organization_id=1, key=None, now=self.now)


def told(delivery: Delivery) -> tuple[int, int]:
    assert delivery.event is not None
    return delivery.event.booking_id, delivery.event.sequence


@pytest.fixture
def hooks(scheduling_database: Database) -> Hooks:
    return Hooks(scheduling.sql_world(scheduling_database), scheduling_database)


# --- fan-out -------------------------------------------------------------------------------


def test_an_event_goes_once_to_every_endpoint_that_wants_it(hooks: Hooks) -> None:
    every, some = hooks.add(), hooks.add(kinds=("confirmed",))
    booking = hooks.accept()
    assert hooks.announce() == [every]
    hooks.confirm(booking)
    assert hooks.announce() == [every, some]
    assert hooks.announce() == []
    assert hooks.deliver_all(every) == [(booking, 1), (booking, 2)]
    assert hooks.deliver_all(some) == [(booking, 2)]


def test_what_was_announced_before_an_endpoint_is_not_its_business(hooks: Hooks) -> None:
    hooks.accept()
    hooks.announce()
    endpoint = hooks.add()
    second = hooks.accept()
    hooks.announce()
    assert hooks.deliver_all(endpoint) == [(second, 1)]


def test_nobody_hears_of_others(hooks: Hooks) -> None:
    ours, theirs = hooks.add(), hooks.add(organization=2)
    booking, foreign = hooks.accept(), hooks.accept(organization=2)
    hooks.announce()
    assert hooks.deliver_all(ours) == [(booking, 1)]
    assert hooks.deliver_all(theirs) == [(foreign, 1)]


def test_more_than_fits_one_transaction_follows_in_the_next(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "FAN_OUT", 2)
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.remind(booking, times=4)
    rounds = [hooks.announce() for _ in range(4)]
    assert rounds == [[endpoint], [endpoint], [endpoint], []]
    assert hooks.deliver_all(endpoint) == [(booking, number) for number in range(1, 6)]


# --- claims --------------------------------------------------------------------------------


def test_a_claimed_delivery_is_nobody_elses_until_its_lease_ends(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    first = hooks.claimed(endpoint)
    assert hooks.claim(endpoint) is None
    hooks.now += LEASE
    second = hooks.claimed(endpoint, slots=1)  # the dead one takes no slot any more
    assert (second.delivery.id, second.delivery.attempts) == (first.delivery.id, 2)
    with pytest.raises(LeaseLost):
        hooks.finish(first)
    hooks.finish(second)
    assert hooks.deliveries(endpoint)[0].state is DeliveryState.DELIVERED


def test_whoever_claims_one_learns_of_which_request_it_comes(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.world.confirmed(request_id="booked")
    hooks.now = NOW + SECOND
    hooks.world.withdraw(booking, now=hooks.now, request_id="cancelled")
    hooks.announce()
    found = []
    while (claimed := hooks.claim(endpoint)) is not None:
        assert claimed.delivery.event is not None
        found.append((claimed.delivery.event.kind, claimed.request_id))
        hooks.finish(claimed)
    assert found == [("accepted", "booked"), ("confirmed", "booked"), ("cancelled", "cancelled")]
    hooks.endpoints.add_test(endpoint, organization_id=1, key=None, now=hooks.now)
    assert hooks.claimed(endpoint).request_id is None


def test_events_of_a_booking_wait_for_the_one_before(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.confirm(booking)
    other = hooks.accept()
    hooks.announce()
    first, second = hooks.claimed(endpoint), hooks.claimed(endpoint)
    assert [told(first.delivery), told(second.delivery)] == [(booking, 1), (other, 1)]
    assert hooks.claim(endpoint) is None
    hooks.finish(second)
    hooks.finish(first, ERROR)
    assert hooks.claim(endpoint) is None
    hooks.now += WAITS[0]
    assert hooks.deliver(endpoint) == (booking, 1)
    assert hooks.deliver(endpoint) == (booking, 2)


def test_one_that_is_given_up_holds_nobody_back(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.confirm(booking)
    hooks.announce()
    for wait in (*WAITS, SECOND):
        assert hooks.deliver(endpoint, ERROR) == (booking, 1)
        hooks.now += max(wait, LONGEST_REST)
    assert [one.state for one in hooks.deliveries(endpoint)] == [DeliveryState.PENDING, DeliveryState.GIVEN_UP]
    assert hooks.deliver(endpoint) == (booking, 2)


def test_no_more_than_its_slots_are_under_way_and_one_while_it_fails(hooks: Hooks) -> None:
    endpoint = hooks.add()
    for _ in range(5):
        hooks.accept()
    hooks.announce()
    under_way = [hooks.claimed(endpoint, slots=3) for _ in range(3)]
    assert [one.is_more for one in under_way] == [True, True, False]
    assert hooks.claim(endpoint, slots=3) is None
    for one in under_way:
        hooks.finish(one)
    hooks.finish(hooks.claimed(endpoint, slots=3), ERROR)
    hooks.claimed(endpoint, slots=3)
    hooks.now += WAITS[0]
    assert hooks.claim(endpoint, slots=3) is None


def test_an_endpoint_that_rests_is_left_alone_until_then(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.accept()
    hooks.announce()
    asked = replace(ERROR, http_status=503, retry_after=timedelta(minutes=10))
    hooks.deliver(endpoint, asked)
    assert hooks.claim(endpoint) is None
    assert hooks.queue.take_due(limit=9, now=hooks.now, marked_until=hooks.now) == []
    hooks.now += timedelta(minutes=10)
    assert hooks.queue.take_due(limit=9, now=hooks.now, marked_until=hooks.now) == [endpoint]
    assert len(hooks.deliver_all(endpoint)) == 2


def test_whoever_finishes_one_gets_the_next_with_it(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.confirm(booking)
    hooks.announce()
    _, second = hooks.finish_and_claim(hooks.claimed(endpoint), FINE, then=hooks.wish())
    assert second is not None
    assert told(second.delivery) == (booking, 2)
    _, third = hooks.finish_and_claim(second, FINE, then=hooks.wish())
    assert third is None


def test_of_an_endpoint_that_has_just_been_disabled_or_paused_nothing_is_claimed(hooks: Hooks) -> None:
    gone, paused = hooks.add(), hooks.add()
    for _ in range(2):
        hooks.accept()
    hooks.announce()
    _, following = hooks.finish_and_claim(hooks.claimed(gone), GONE, then=hooks.wish())
    assert following is None
    in_hand = hooks.claimed(paused)
    hooks.pause(paused)
    _, following = hooks.finish_and_claim(in_hand, FINE, then=hooks.wish())
    assert following is None


# --- the sweep -----------------------------------------------------------------------------


def test_the_sweep_finds_what_is_due_once_and_again_when_its_mark_ends(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()

    def due(at: datetime) -> list[int]:
        return list(hooks.queue.take_due(limit=9, now=at, marked_until=at + SECOND))

    assert due(NOW) == [endpoint]
    assert due(NOW) == []
    hooks.queue.unmark(endpoint)
    assert due(NOW) == [endpoint]
    assert due(NOW + SECOND) == [endpoint]


def test_it_leaves_an_endpoint_alone_that_has_nothing_to_do_and_finds_its_retry(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint, ERROR)
    assert hooks.claim(endpoint) is None
    assert hooks.queue.take_due(limit=9, now=NOW, marked_until=NOW) == []
    hooks.now += WAITS[0]
    assert hooks.queue.take_due(limit=9, now=hooks.now, marked_until=NOW) == [endpoint]
    hooks.deliver_all(endpoint)
    assert hooks.queue.take_due(limit=9, now=NOW + 9 * DAY, marked_until=NOW) == []


def test_it_finds_what_a_dead_worker_held(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    hooks.claimed(endpoint)
    assert hooks.claim(endpoint) is None
    hooks.now += LEASE
    assert hooks.queue.take_due(limit=9, now=hooks.now, marked_until=NOW) == [endpoint]


# --- what comes of it ----------------------------------------------------------------------


def test_the_log_has_every_attempt_and_no_more(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint, ERROR)
    hooks.now += WAITS[0]
    hooks.deliver(endpoint)
    (delivery,) = hooks.deliveries(endpoint)
    record = hooks.endpoints.get_record(delivery.id, organization_id=1)
    assert [(one.http_status, one.error, one.duration) for one in record.attempts] == [
        (500, "http_500", SECOND),
        (204, None, SECOND),
    ]
    assert record.delivery == delivery
    assert (delivery.state, delivery.attempts, delivery.ended_at) == (DeliveryState.DELIVERED, 2, hooks.now)
    with pytest.raises(DeliveryUnknown):
        hooks.endpoints.get_record(delivery.id, organization_id=2)


def test_an_endpoint_that_is_gone_is_disabled_and_catches_up_when_it_is_enabled(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint, GONE)
    assert hooks.endpoint(endpoint).disabled_because is DisabledBecause.GONE
    hooks.confirm(booking)
    assert hooks.announce() == []
    hooks.now += DAY
    assert hooks.claim(endpoint) is None
    hooks.enable(endpoint)
    assert hooks.endpoint(endpoint).disabled_because is None
    assert hooks.announce() == [endpoint]
    assert hooks.deliver_all(endpoint) == [(booking, 1), (booking, 2)]


def test_what_was_given_up_since_it_began_to_fail_is_tried_anew_when_it_is_enabled(hooks: Hooks) -> None:
    endpoint = hooks.add()
    early = hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint)
    booking = hooks.accept()
    hooks.announce()
    for wait in (*WAITS, 2 * DAY):
        hooks.deliver(endpoint, ERROR)
        hooks.now += max(wait, LONGEST_REST)
    later = hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint, ERROR)
    assert hooks.endpoint(endpoint).disabled_because is DisabledBecause.FAILING
    hooks.enable(endpoint)
    assert sorted(hooks.deliver_all(endpoint)) == [(booking, 1), (later, 1)]
    assert early not in {booking, later}
    assert hooks.endpoint(endpoint).failures == 0


def test_a_paused_endpoint_hears_nothing_and_then_all_of_it_in_order(hooks: Hooks) -> None:
    endpoint = hooks.add()
    booking = hooks.accept()
    hooks.announce()
    hooks.pause(endpoint)
    assert hooks.claim(endpoint) is None
    hooks.confirm(booking)
    hooks.announce()
    with pytest.raises(EndpointNotActive):
        hooks.endpoints.add_test(endpoint, organization_id=1, key=None, now=NOW)
    hooks.enable(endpoint)
    hooks.enable(endpoint)
    hooks.announce()
    assert hooks.deliver_all(endpoint) == [(booking, 1), (booking, 2)]


def test_pausing_does_not_hide_that_it_was_disabled(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint, GONE)
    hooks.pause(endpoint)
    assert hooks.endpoint(endpoint).state is EndpointState.DISABLED


# --- doing it over -------------------------------------------------------------------------


def test_a_test_is_delivered_without_an_event(hooks: Hooks) -> None:
    endpoint = hooks.add()
    change = hooks.endpoints.add_test(endpoint, organization_id=1, key=None, now=NOW)
    claimed = hooks.claimed(endpoint)
    assert (claimed.delivery.id, claimed.delivery.event) == (change.ids[1], None)


def test_one_is_sent_again_whatever_came_of_it(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint)
    (delivery,) = hooks.deliveries(endpoint)
    hooks.endpoints.resend(delivery.id, organization_id=1, key=None, now=hooks.now)
    again = hooks.claimed(endpoint)
    assert (again.delivery.id, again.delivery.attempts) == (delivery.id, 1)
    hooks.endpoints.resend(delivery.id, organization_id=1, key=None, now=hooks.now)
    with pytest.raises(LeaseLost):
        hooks.finish(again)
    with pytest.raises(DeliveryUnknown):
        hooks.endpoints.resend(delivery.id, organization_id=2, key=None, now=hooks.now)


def test_a_period_is_replayed_also_where_nothing_had_been_delivered(hooks: Hooks) -> None:
    before = hooks.accept()
    hooks.announce()
    endpoint = hooks.add(kinds=("accepted",))
    after = hooks.accept()
    hooks.confirm(after)
    hooks.announce()
    hooks.deliver_all(endpoint)

    def replay(since: datetime, until: datetime) -> int:
        change = hooks.endpoints.replay(endpoint, since=since, until=until, organization_id=1, key=None, now=hooks.now)
        return change.ids[1]

    assert replay(NOW - HOUR, NOW) == 0
    assert replay(NOW, NOW + SECOND) == 2
    assert sorted(hooks.deliver_all(endpoint)) == [(before, 1), (after, 1)]
    assert [told(one) for one in hooks.deliveries(endpoint)] == [(before, 1), (after, 1)]


def test_a_replay_has_a_bound(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_endpoints, "MOST_REPLAYED", 2)
    endpoint, booking = hooks.add(), hooks.accept()
    hooks.remind(booking, times=2)
    hooks.announce()
    with pytest.raises(ReplayTooLong):
        hooks.endpoints.replay(endpoint, since=NOW, until=NOW + SECOND, organization_id=1, key=None, now=NOW)


# --- managing ------------------------------------------------------------------------------


def test_an_endpoint_is_changed_as_far_as_is_said(hooks: Hooks) -> None:
    endpoint = hooks.add(kinds=("confirmed",))

    def change(**what: object) -> Endpoint:
        wanted = replace(EndpointChange(), **what)  # type: ignore[arg-type]
        hooks.endpoints.change(endpoint, wanted, organization_id=1, key=None, now=NOW)
        return hooks.endpoint(endpoint)

    assert change(description="الاستقبال").kinds == ("confirmed",)
    assert change(url=URL + "/2").description == "الاستقبال"
    changed = change(kinds=())
    assert (changed.url, changed.kinds) == (URL + "/2", ())


def test_a_rotated_secret_overlaps_with_the_one_before(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.endpoints.rotate_secret(endpoint, "s2", organization_id=1, overlap=DAY, key=None, now=NOW)
    kept = hooks.endpoint(endpoint)
    assert (kept.sealed_secret, kept.earlier_secret, kept.earlier_until) == ("s2", "s1", NOW + DAY)


def test_every_secret_is_sealed_anew_the_one_before_too_or_none_of_an_endpoint(hooks: Hooks) -> None:
    rotated, plain, opaque = hooks.add(), hooks.add(), hooks.add()
    for endpoint, secret in ((rotated, "s2"), (opaque, "lost")):
        hooks.endpoints.rotate_secret(endpoint, secret, organization_id=1, overlap=DAY, key=None, now=NOW)
    done = hooks.endpoints.seal_anew(lambda sealed: None if sealed == "lost" else f"new-{sealed}")
    assert done == [(rotated, True), (plain, True), (opaque, False)]
    kept = [hooks.endpoint(one) for one in (rotated, plain, opaque)]
    assert [(one.sealed_secret, one.earlier_secret) for one in kept] == [
        ("new-s2", "new-s1"),
        ("new-s1", None),
        ("lost", "s1"),
    ]


def test_a_foreign_or_deleted_endpoint_is_not_there(hooks: Hooks) -> None:
    endpoint = hooks.add()
    hooks.accept()
    hooks.announce()
    (delivery,) = hooks.deliveries(endpoint)
    in_hand = hooks.claimed(endpoint)
    asking = {"key": None, "now": NOW}

    def is_unknown(organization: int) -> None:
        own = {"organization_id": organization, **asking}
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.get_endpoint(endpoint, organization_id=organization)
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.change(endpoint, EndpointChange(url="x"), **own)  # type: ignore[arg-type]
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.rotate_secret(endpoint, "x", overlap=DAY, **own)  # type: ignore[arg-type]
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.set_state(endpoint, EndpointState.ACTIVE, **own)  # type: ignore[arg-type]
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.add_test(endpoint, **own)  # type: ignore[arg-type]
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.replay(endpoint, since=NOW, until=NOW, **own)  # type: ignore[arg-type]
        with pytest.raises(EndpointUnknown):
            hooks.endpoints.list_deliveries(endpoint, organization_id=organization, state=None, before=None, limit=1)
        with pytest.raises(DeliveryUnknown):
            hooks.endpoints.get_record(delivery.id, organization_id=organization)
        assert hooks.endpoints.list_endpoints(organization) == []

    is_unknown(2)
    assert hooks.endpoint(endpoint).url == URL
    hooks.endpoints.set_state(endpoint, EndpointState.DELETED, organization_id=1, key=None, now=NOW)
    is_unknown(1)
    hooks.finish(in_hand)
    is_unknown(1)
    hooks.accept()
    assert hooks.announce() == []


def test_an_organization_has_so_many_endpoints_and_no_more(hooks: Hooks) -> None:
    added = [hooks.add() for _ in range(MOST_ENDPOINTS)]
    with pytest.raises(EndpointsFull):
        hooks.add()
    hooks.add(organization=2)
    hooks.endpoints.set_state(added[0], EndpointState.DELETED, organization_id=1, key=None, now=NOW)
    assert [one.id for one in hooks.endpoints.list_endpoints(1)] == added[1:]
    hooks.add()


def test_a_key_is_used_once(hooks: Hooks) -> None:
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    first = hooks.add(key=key)
    assert hooks.add(key=key) == first
    assert hooks.endpoints.find_change(key, organization_id=1, now=NOW) is not None
    with pytest.raises(KeyReused):
        hooks.add(key=replace(key, body_digest="e" * 64))


def test_the_log_is_paged_and_filtered(hooks: Hooks) -> None:
    endpoint = hooks.add()
    for _ in range(3):
        hooks.accept()
    hooks.announce()
    hooks.deliver(endpoint)
    every = [one.id for one in hooks.deliveries(endpoint)]
    assert every == sorted(every, reverse=True)
    first = hooks.endpoints.list_deliveries(endpoint, organization_id=1, state=None, before=None, limit=2)
    rest = hooks.endpoints.list_deliveries(endpoint, organization_id=1, state=None, before=first[-1].id, limit=2)
    assert [one.id for one in (*first, *rest)] == every
    assert len(hooks.deliveries(endpoint, DeliveryState.DELIVERED)) == 1
    assert len(hooks.deliveries(endpoint, DeliveryState.PENDING)) == 2
