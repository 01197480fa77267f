"""GET /events over real HTTP: every event once, in order, to its own organization, also while much is going on."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from demo.partner import Partner
from demo.stack import wait_until
from repositories.scheduling_db.tables import booking_events
from tests.integration.system.conftest import System

LONG = 90  # seconds, for whatever takes one or two on an idle machine
BOOKED = 12  # by each of the two


class Follower:
    """A consumer that keeps a cursor, as the docs tell it to."""

    def __init__(self, partner: Partner, **filters: Any) -> None:
        self.partner = partner
        self.filters = filters
        self.got: list[dict[str, Any]] = []
        self.cursor: str | None = None

    def poll(self, *, wait: int = 0, limit: int = 3) -> int:
        """Ask once; returns how many events came."""
        query = {**self.filters, "limit": limit} | ({"after": self.cursor} if self.cursor else {})
        answer = self.partner.session.get(
            f"{self.partner.base_url}/api/v1/events", params=query, headers={"Prefer": f"wait={wait}"}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        self.got += told["eventsList"]
        self.cursor = told["nextCursor"]
        return len(told["eventsList"])

    def of_each(self) -> dict[str, list[tuple[int, str]]]:
        found = defaultdict(list)
        for event in self.got:
            found[event["bookingId"]].append((event["sequence"], event["type"]))
        return found


@pytest.fixture
def followers(system: System) -> Iterator[tuple[Follower, Follower]]:
    both = Follower(system.stack.partner(system.data.charity)), Follower(system.stack.partner(system.data.ordinary))
    for one in both:
        while one.poll(limit=100):
            pass
        one.got.clear()
    yield both
    for one in both:
        one.partner.close()


def until_announced(system: System) -> None:
    system.town.when_quiet(seconds=LONG)
    waiting = booking_events.c.position.is_(None)
    wait_until(lambda: system.town.count(booking_events, waiting) == 0, seconds=LONG, what="every event announced")


@pytest.mark.timeout(300)
def test_each_gets_all_of_its_own_once_and_in_order_while_workers_die(
    system: System, followers: tuple[Follower, Follower]
) -> None:
    over = Event()

    def follow(one: Follower) -> None:
        while not over.is_set():
            one.poll(wait=1)
        while one.poll():
            pass

    with ThreadPoolExecutor(2) as pool:
        following = [pool.submit(follow, one) for one in followers]
        try:
            booked = {
                partner.base_url + partner.access_key: [
                    system.booked(partner, system.next_body(f"G-{number}")) for number in range(BOOKED)
                ]
                for partner in (system.charity, system.ordinary)
            }
            system.stack.kill("worker")
            system.stack.flush_redis()
            system.stack.start_worker()
            until_announced(system)
        finally:
            over.set()
        for done in following:
            done.result(LONG)
    for one, partner in zip(followers, (system.charity, system.ordinary), strict=True):
        told = one.of_each()
        assert set(told) == set(booked[partner.base_url + partner.access_key])
        for events in told.values():
            assert events == [(1, "booking.accepted"), (2, "booking.confirmed")]
        assert len({event["eventId"] for event in one.got}) == len(one.got)


def test_who_waits_is_told_when_it_happens(system: System, followers: tuple[Follower, Follower]) -> None:
    follower, _ = followers
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(follower.poll, wait=20)
        public_id = system.booked(system.charity, system.next_body())
        assert waiting.result(LONG) >= 1
    assert follower.got[0]["bookingId"] == public_id


def test_what_was_missed_is_found_again_from_the_cursor_that_was_kept(
    system: System, followers: tuple[Follower, Follower]
) -> None:
    follower, _ = followers
    public_id = system.booked(system.charity, system.next_body())
    status = system.town.ended(system.charity, public_id)
    wish = {"bookingId": public_id, "userId": status["userId"], "careProviderId": status["careProviderId"]}
    assert system.charity.cancel(wish).status_code in {200, 202}
    until_announced(system)
    while follower.poll():
        pass
    kinds = [kind.removeprefix("booking.") for _, kind in follower.of_each()[public_id]]
    assert kinds == ["accepted", "confirmed", "cancelled"]
    only = Follower(system.charity, bookingId=public_id, type="booking.cancelled")
    only.poll()
    assert [event["bookingStatus"] for event in only.got] == [3]
    foreign = system.ordinary.read("events", bookingId=public_id)
    assert foreign.status_code == 404
