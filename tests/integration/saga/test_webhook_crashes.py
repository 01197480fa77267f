"""A death at every point between a change and the end of its deliveries: all arrive, in order, none that is not so.

The points are found, not listed: before and after every commit and every request. The process dies there at once; after
its lease another one goes on. What dies is one thread here; real workers die in tests/integration/system.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from integrations.webhooks.ports import Answer, Message
from repositories.database import Database
from repositories.entities.effects import ConfirmBooking
from repositories.entities.webhooks import NewEndpoint
from repositories.enums import DeliveryState
from repositories.scheduling_db.announcing import SqlAnnouncer
from repositories.scheduling_db.webhook_endpoints import SqlWebhookEndpoints
from repositories.scheduling_db.webhook_queue import SqlWebhookQueue
from saga.announce import Announce
from saga.deliver_webhooks import MARK, DeliverWebhooks, SweepWebhooks
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot

LEASE = timedelta(minutes=1)
URL = "https://partner.example/hook"
FAILS_AT = 2  # the request that is answered with 500, so that a retry is among what is walked


class Died(BaseException):
    """This process is no more."""


@dataclass
class Points:
    """Counts the points that are passed, and dies at one of them."""

    dies_at: int | None = None
    passed: int = 0
    names: list[str] = field(default_factory=list)

    def pass_by(self, name: str) -> None:
        self.names.append(name)
        number = self.passed
        self.passed += 1
        if number == self.dies_at:
            raise Died

    @contextmanager
    def watching_commits(self) -> Iterator[None]:
        commit: Any = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self.pass_by("before commit")
            commit(dialect, connection)
            self.pass_by("after commit")

        patch = pytest.MonkeyPatch()
        patch.setattr(DefaultDialect, "do_commit", do_commit)
        try:
            yield
        finally:
            patch.undo()


class Ids:
    def of_booking(self, booking_id: int) -> str:
        return f"{booking_id}"

    def of_event(self, event_id: int) -> str:
        return f"{event_id}"

    def of_delivery(self, delivery_id: int) -> str:
        return f"d{delivery_id}"


@dataclass
class World:
    """One endpoint, two bookings with two events each, and a process that carries their deliveries."""

    database: Database
    points: Points
    now: datetime = NOW
    rung: list[int] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        world = scheduling.sql_world(self.database)
        world.add_slot(slot(7, STARTS, HOUR))
        new = NewEndpoint(organization_id=1, url=URL, description=None, kinds=(), sealed_secret="s")
        endpoints = SqlWebhookEndpoints(self.database)
        self.endpoint = endpoints.add(new, key=None, now=NOW).ids[0]
        for _ in range(2):
            booking = world.accept()
            world.save(world.claimed(booking), ConfirmBooking(booking_id=booking, meeting_id="room"))

    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        assert (url, list(secrets), now) == (URL, ["s"], self.now)
        self.points.pass_by("before request")
        self.requests += 1
        if self.requests == FAILS_AT:
            return Answer(http_status=500, error="http_500")
        self.received.append(message.id)
        self.points.pass_by("after request")
        return Answer(http_status=204)

    def live_once(self) -> None:
        """One process: announces, sweeps, delivers, until it has nothing to do."""
        queue, sender = SqlWebhookQueue(self.database), self
        given: dict[str, Any] = {"queue": queue, "ring": self.rung.append, "clock": lambda: self.now}
        deliver = DeliverWebhooks(
            **given,
            sender=sender,
            unseal=lambda sealed: sealed,
            ids=Ids(),
            jitter=lambda: 0.5,
            new_token=iter(map(str, itertools.count(id(given)))).__next__,
            lease=LEASE,
            slots=1,
            threads=threading.Semaphore(1),
            disable_after=timedelta(days=5),
        )
        Announce(announcer=SqlAnnouncer(self.database), **given)()
        SweepWebhooks(**given)()
        while self.rung:
            deliver(self.rung.pop())

    def live(self) -> bool:
        """Whether a process died on the way; another one follows when its lease and the sweep's mark have ended."""
        has_died = False
        for _ in range(8):
            try:
                self.live_once()
            except Died:
                has_died = True
                self.rung.clear()  # the broker's messages are lost too
            self.now += LEASE + MARK
        return has_died

    def check(self) -> None:
        deliveries = SqlWebhookEndpoints(self.database).list_deliveries(
            self.endpoint, organization_id=1, state=None, before=None, limit=100
        )
        assert [one.state for one in deliveries] == [DeliveryState.DELIVERED] * 4
        told = {str(one.event.id): (one.event.booking_id, one.event.sequence) for one in deliveries if one.event}
        assert set(self.received) == set(told)
        firsts = [told[one] for one in dict.fromkeys(self.received)]
        for booking in {booking for booking, _ in firsts}:
            sequences = [sequence for whose, sequence in firsts if whose == booking]
            assert sequences == sorted(sequences)


def lived(database: Database, points: Points) -> tuple[World, bool]:
    world = World(database, points)
    with points.watching_commits():
        has_died = world.live()
    return world, has_died


def test_a_death_anywhere_loses_nothing_and_invents_nothing(engine: str, databases: Any) -> None:
    with databases.opened(engine, "scheduling_db") as database:
        world, has_died = lived(database, walked := Points())
        assert not has_died
        world.check()
        assert len(world.received) == len(set(world.received)) == 4
    assert walked.passed > 20
    assert {"before commit", "after commit", "before request", "after request"} == set(walked.names)
    twice = 0
    for point in range(walked.passed):
        with databases.opened(engine, "scheduling_db") as database:
            world, has_died = lived(database, Points(dies_at=point))
            assert has_died, point
            world.check()
            twice += len(world.received) > len(set(world.received))
    assert twice > 0  # who dies between the answer and the commit asks again
