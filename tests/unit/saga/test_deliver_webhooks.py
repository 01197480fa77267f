"""One turn of a worker with an endpoint: what it takes, when it rings, when it stops."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.webhooks.ports import Answer, Message
from repositories.entities.events import BookingEvent
from repositories.entities.webhooks import Claimed, Delivery, Endpoint, Outcome, Wish
from repositories.enums import BookingStatus, DeliveryState, EndpointState
from repositories.ports.errors import LeaseLost
from saga.deliver_webhooks import MOST, NO_THREAD, TURN, DeliverWebhooks, SweepWebhooks

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ENDPOINT = Endpoint(
    id=7,
    organization_id=1,
    url="https://partner.example/hook",
    description=None,
    kinds=(),
    state=EndpointState.ACTIVE,
    sealed_secret="new",
    created_at=NOW,
)
EVENT = BookingEvent(
    id=3,
    organization_id=1,
    booking_id=5,
    sequence=2,
    kind="confirmed",
    status=BookingStatus.CONFIRMED,
    reason=None,
    changed=("meetingId",),
    occurred_at=NOW,
    position=9,
)


class Ids:
    def of_booking(self, booking_id: int) -> str:
        return f"booking-{booking_id}"

    def of_event(self, event_id: int) -> str:
        return f"event-{event_id}"

    def of_delivery(self, delivery_id: int) -> str:
        return f"delivery-{delivery_id}"


@dataclass
class World:
    """A queue that holds so many deliveries, and a receiver."""

    left: int = 1
    is_more: bool = False
    endpoint: Endpoint = ENDPOINT
    event: BookingEvent | None = EVENT
    answer: Answer = field(default_factory=lambda: Answer(http_status=204))
    is_lease_lost: bool = False
    now: datetime = NOW
    takes: timedelta = timedelta()
    is_stopping: bool = False
    rung: list[int] = field(default_factory=list)
    unmarked: list[int] = field(default_factory=list)
    finished: list[Outcome] = field(default_factory=list)
    posted: list[tuple[str, Message, Sequence[str]]] = field(default_factory=list)
    threads: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))

    def claim(self, endpoint_id: int, wish: Wish) -> Claimed | None:
        assert (wish.now, wish.slots) == (self.now, 4)
        if self.left == 0:
            return None
        self.left -= 1
        delivery = Delivery(
            id=self.left,
            endpoint_id=endpoint_id,
            event=self.event,
            state=DeliveryState.PENDING,
            attempts=1,
            due_at=NOW,
            created_at=NOW,
        )
        return Claimed(
            endpoint=self.endpoint, delivery=delivery, token="t", is_more=self.is_more, request_id="asked-for"
        )

    def finish(self, claimed: Claimed, attempt: Any, *, rule: Any, then: Wish | None) -> tuple[Outcome, Claimed | None]:
        if self.is_lease_lost:
            raise LeaseLost
        outcome: Outcome = rule(self.endpoint, claimed.delivery)
        self.finished.append(outcome)
        assert (attempt.http_status, attempt.error) == (self.answer.http_status, self.answer.error)
        return outcome, None if then is None else self.claim(claimed.endpoint.id, then)

    def unmark(self, endpoint_id: int) -> None:
        self.unmarked.append(endpoint_id)

    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        assert now == self.now
        self.posted.append((url, message, secrets))
        self.now += self.takes
        return self.answer

    def run(self) -> str:
        world: Any = self
        return DeliverWebhooks(
            queue=world,
            sender=world,
            unseal=lambda sealed: f"open {sealed}",
            ids=Ids(),
            ring=self.rung.append,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
            new_token=lambda: "t",
            lease=timedelta(minutes=1),
            slots=4,
            threads=self.threads,
            disable_after=timedelta(days=5),
            is_stopping=lambda: self.is_stopping,
        )(7)


def test_it_delivers_what_is_due_and_then_leaves_it() -> None:
    world = World(left=3)
    assert world.run() == "delivered 3"
    assert [one.delivery.state for one in world.finished] == [DeliveryState.DELIVERED] * 3
    assert world.rung == []


@pytest.mark.parametrize("answer", [Answer(http_status=204), Answer(http_status=500, error="http_500")])
def test_a_line_of_each_try_says_of_which_request_and_booking_it_is(logged: list[Any], answer: Answer) -> None:
    World(answer=answer).run()
    (line,) = [line for line in logged if line["event"] == "webhook"]
    ids = ("request_id", "organization_id", "booking_id", "event_id", "delivery_id")
    assert [line[name] for name in ids] == ["asked-for", 1, 5, 3, 0]
    state = "delivered" if answer.error is None else "pending"
    assert (line["state"], line["status"], line["error"], line["attempt"]) == (
        state,
        answer.http_status,
        answer.error,
        1,
    )
    assert "partner.example" not in str(logged)


def test_a_line_of_a_lost_lease_says_so_too(logged: list[Any]) -> None:
    World(is_lease_lost=True).run()
    (line,) = logged
    assert (line["event"], line["request_id"], line["delivery_id"]) == ("webhook_lease_lost", "asked-for", 0)


def test_a_message_is_the_event_as_the_feed_has_it_under_its_own_id() -> None:
    world = World()
    world.run()
    ((url, message, secrets),) = world.posted
    assert (url, message.id, list(secrets)) == (ENDPOINT.url, "event-3", ["open new"])
    assert message.text == (
        b'{"type":"booking.confirmed","timestamp":"2026-01-05T12:00:00.000Z","data":{"eventId":"event-3",'
        b'"type":"booking.confirmed","bookingId":"booking-5","sequence":2,"bookingStatus":1,"reason":null,'
        b'"changed":["meetingId"],"occurredAt":"2026-01-05T12:00:00.000Z"}}'
    )


def test_a_test_is_a_message_of_its_own() -> None:
    world = World(event=None)
    world.run()
    ((_, message, _),) = world.posted
    assert message.id == "delivery-0"
    assert message.text == b'{"type":"webhook.test","timestamp":"2026-01-05T12:00:00.000Z","data":{}}'


@pytest.mark.parametrize(
    ("until", "signing"), [(timedelta(seconds=1), ["open new", "open old"]), (timedelta(), ["open new"])]
)
def test_the_secret_before_signs_until_its_time_is_over(until: timedelta, signing: list[str]) -> None:
    world = World(endpoint=replace(ENDPOINT, earlier_secret="old", earlier_until=NOW + until))
    world.run()
    assert [list(secrets) for _, _, secrets in world.posted] == [signing]


def test_others_are_called_to_help_at_the_first_only() -> None:
    world = World(left=3, is_more=True)
    world.run()
    assert world.rung == [7]


def test_a_turn_ends_and_the_next_is_asked_for() -> None:
    many = World(left=MOST + 1)
    assert many.run() == f"delivered {MOST}"
    assert (many.left, many.rung) == (1, [7])
    slow = World(left=5, takes=TURN)
    slow.run()
    assert (slow.left, slow.rung) == (2, [7])
    stopping = World(left=5, is_stopping=True)
    stopping.run()
    assert (stopping.left, stopping.rung) == (4, [7])


def test_no_more_threads_than_may_deliver() -> None:
    world = World(threads=threading.Semaphore(0))
    assert world.run() == NO_THREAD
    assert (world.left, world.unmarked) == (1, [7])
    free = World(left=0)
    free.run()
    free.run()
    assert free.threads.acquire(blocking=False)


def test_whoever_lost_the_lease_says_nothing_and_goes_on() -> None:
    world = World(left=2, is_lease_lost=True)
    assert world.run() == "delivered 0"
    assert world.left == 0


def test_a_failure_is_written_down_as_what_follows_from_it() -> None:
    world = World(answer=Answer(http_status=410, error="http_410"))
    assert world.run() == "delivered 0"
    (outcome,) = world.finished
    assert outcome.endpoint.state is EndpointState.DISABLED


def test_a_fault_of_ours_is_a_failure_that_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(answer=Answer(error="not_sent"))

    def broken(*_: Any, **__: Any) -> Answer:
        raise ValueError("sealed under another key")

    monkeypatch.setattr(world, "post", broken)
    assert world.run() == "delivered 0"
    (outcome,) = world.finished
    assert (outcome.delivery.state, outcome.delivery.last_error) == (DeliveryState.PENDING, "not_sent")


def test_the_sweep_rings_for_each_that_is_due() -> None:
    class Queue:
        def take_due(self, *, limit: int, now: datetime, marked_until: datetime) -> list[int]:
            assert limit > 1
            assert now == NOW < marked_until
            return [4, 5]

    queue: Any = Queue()
    rung: list[int] = []
    assert SweepWebhooks(queue=queue, ring=rung.append, clock=lambda: NOW)() == 2
    assert rung == [4, 5]
