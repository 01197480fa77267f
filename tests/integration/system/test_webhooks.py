"""Webhooks from a real worker to a real receiver: every event arrives, none that did not happen, whatever dies."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests
from sqlalchemy import select, update

from api.security.id_cipher import IdKind
from demo.partner import TIMEOUT, Partner
from demo.stack import wait_until
from repositories.enums import BookingStatus
from repositories.scheduling_db.tables import booking_events, webhook_deliveries, webhook_endpoints
from tests.integration.system.conftest import System

NAMES = (f"partner-{number}" for number in count())
PATIENCE = 150  # seconds; a machine may be busy
LIFE = ["booking.accepted", "booking.confirmed"]
pytestmark = pytest.mark.timeout(400)
Told = tuple[str, str, int]  # type, booking, sequence


@dataclass
class Endpoint:
    """One endpoint of a partner, and the receiver behind it."""

    system: System
    partner: Partner
    wanted: tuple[str, ...] = ()
    name: str = field(default_factory=lambda: next(NAMES))
    id: str = ""
    secrets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        url = f"{self.system.stack.sandbox_url}/webhooks/{self.name}"
        answer = self.partner.command("webhooks/endpoints", {"url": url, "eventTypes": list(self.wanted)})
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["data"]["endpointId"]
        self.know(answer.json()["data"]["secret"])

    @property
    def control(self) -> str:
        return f"{self.system.stack.sandbox_url}/sandbox/webhooks/{self.name}"

    def know(self, *secrets: str) -> None:
        self.secrets += secrets
        requests.put(self.control, json={"secrets": self.secrets}, timeout=10).raise_for_status()

    def plan(self, **plan: Any) -> None:
        requests.post(self.control, json=plan, timeout=10).raise_for_status()

    def mend(self) -> None:
        requests.delete(self.control, timeout=10).raise_for_status()

    def post(self, what: str) -> dict[str, Any]:
        path = f"{self.partner.base_url}/api/v1/webhooks/endpoints/{self.id}/{what}"
        answer = self.partner.session.post(path, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def state(self) -> dict[str, Any]:
        data: dict[str, Any] = self.partner.read(f"webhooks/endpoints/{self.id}").json()["data"]
        return data

    def log(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.partner.read(
            f"webhooks/endpoints/{self.id}/deliveries", limit=100, **query
        ).json()["deliveriesList"]
        return found

    # --- what came -----------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = requests.get(self.control, timeout=10).json()
        return shown

    def received(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.shown()["received"]
        return found

    def told(self) -> list[Told]:
        """What was accepted, in the order in which it came."""
        bodies = [json.loads(one["body"]) for one in self.received() if one["accepted"]]
        return [(one["type"], one["data"]["bookingId"], one["data"]["sequence"]) for one in bodies]

    def when_told(self, wanted: set[Told]) -> list[Told]:
        wait_until(
            lambda: wanted <= set(self.told()), seconds=PATIENCE, what=f"{len(wanted)} events at {self.name}", every=0.1
        )
        return self.told()


@dataclass
class Hooked:
    system: System
    endpoints: list[Endpoint] = field(default_factory=list)
    bookings: list[str] = field(default_factory=list)

    def endpoint(self, partner: Partner | None = None, *wanted: str) -> Endpoint:
        one = Endpoint(self.system, partner or self.system.charity, wanted)
        self.endpoints.append(one)
        return one

    def book(self, partner: Partner | None = None) -> str:
        booking = self.system.booked(partner or self.system.charity, self.system.next_body())
        self.bookings.append(booking)
        return booking

    def booked(self, partner: Partner | None = None) -> str:
        booking = self.book(partner)
        status = self.system.town.ended(partner or self.system.charity, booking, seconds=PATIENCE)
        assert status["bookingStatus"] == BookingStatus.CONFIRMED
        return booking

    def happened(self, *bookings: str) -> set[Told]:
        """All that the database knows, of these bookings or of all."""
        with self.system.town.scheduling.reading() as connection:
            rows = connection.execute(select(booking_events)).all()
        cipher = self.system.town.cipher
        every = {(f"booking.{row.kind}", cipher.encrypt(IdKind.BOOKING, row.booking_id), row.sequence) for row in rows}
        return {one for one in every if not bookings or one[1] in bookings}

    def move_clock(self, by: timedelta) -> None:
        """As if that much time had passed for whatever waits."""
        town = self.system.town
        for table, columns in (
            (webhook_deliveries, ("due_at",)),
            (webhook_endpoints, ("due_at", "rests_until", "failing_since", "nudged_until")),
        ):
            with town.scheduling.reading() as connection:
                rows = connection.execute(select(table)).all()
            for row in rows:
                held = getattr(row, "lease_token", None) is not None
                moved = {name: getattr(row, name) - by for name in columns if getattr(row, name) and not held}
                if moved:
                    change = update(table).where(table.c.id == row.id).values(moved)
                    town.scheduling.write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]

    def check(self) -> None:
        """None that did not happen, every one signed, in order per booking."""
        happened = self.happened()
        for endpoint in self.endpoints:
            told = endpoint.told()
            assert set(told) <= happened
            by_booking = defaultdict(list)
            for kind, booking, sequence in told:
                by_booking[booking].append(sequence)
                assert not endpoint.wanted or kind in endpoint.wanted
            for sequences in by_booking.values():
                first_seen = list(dict.fromkeys(sequences))
                assert first_seen == sorted(first_seen)
            assert all(one["signedBy"] for one in endpoint.received())
            ids = {(one["headers"]["webhook-id"], one["body"]) for one in endpoint.received()}
            assert len(ids) == len({one for one, _ in ids})  # one id, one body


@pytest.fixture
def hooked(system: System) -> Iterator[Hooked]:
    one = Hooked(system)
    yield one
    for endpoint in one.endpoints:
        endpoint.mend()
        endpoint.partner.session.delete(
            f"{endpoint.partner.base_url}/api/v1/webhooks/endpoints/{endpoint.id}", timeout=TIMEOUT
        )


def test_every_event_of_a_booking_arrives_signed_and_in_order(hooked: Hooked) -> None:
    every, some = hooked.endpoint(), hooked.endpoint(None, "booking.confirmed")
    booking = hooked.booked()
    kept = {(kind, booking, number) for number, kind in enumerate(LIFE, 1)}
    assert sorted(every.when_told(kept), key=lambda one: one[2]) == every.told()
    assert some.when_told({(LIFE[1], booking, 2)}) == [(LIFE[1], booking, 2)]
    (confirmed,) = (one for one in every.received() if LIFE[1] in one["body"])
    data = json.loads(confirmed["body"])["data"]
    assert data.pop("occurredAt") == json.loads(confirmed["body"])["timestamp"]
    assert data == {
        "eventId": confirmed["headers"]["webhook-id"],
        "type": LIFE[1],
        "bookingId": booking,
        "sequence": 2,
        "bookingStatus": 1,
        "reason": None,
        "changed": ["bookingStatus", "meetingId"],
    }
    for secret in ("Sara", "سارة", "1990"):
        assert all(secret not in one["body"] for one in every.received())
    hooked.check()


def test_each_organization_hears_of_its_own_bookings_only(hooked: Hooked) -> None:
    ours, theirs = hooked.endpoint(hooked.system.charity), hooked.endpoint(hooked.system.ordinary)
    mine, other = hooked.booked(hooked.system.charity), hooked.booked(hooked.system.ordinary)
    ours.when_told(hooked.happened(mine))
    theirs.when_told(hooked.happened(other))
    assert {booking for _, booking, _ in ours.told()} == {mine}
    assert {booking for _, booking, _ in theirs.told()} == {other}


def test_a_worker_killed_while_it_delivers_loses_nothing(hooked: Hooked) -> None:
    endpoint = hooked.endpoint()
    endpoint.plan(kind="delay", delayMs=1500)
    booking = hooked.book()
    wait_until(lambda: endpoint.shown()["mostAtOnce"], seconds=PATIENCE, what="a delivery under way")
    hooked.system.stack.kill("worker")
    endpoint.mend()
    hooked.system.stack.start_worker()
    hooked.system.stack.wait_for_worker()
    hooked.system.town.ended(hooked.system.charity, booking, seconds=PATIENCE)
    endpoint.when_told(hooked.happened(booking))
    ids = [one["headers"]["webhook-id"] for one in endpoint.received()]
    assert len(set(ids)) == len(hooked.happened(booking))
    wait_until(
        lambda: {one["state"] for one in endpoint.log()} == {"delivered"}, seconds=PATIENCE, what="the log to say so"
    )
    hooked.check()


def test_a_broker_that_loses_everything_loses_nothing_of_this(hooked: Hooked) -> None:
    endpoint = hooked.endpoint()
    endpoint.plan(kind="status", status=503, times=2)
    bookings = [hooked.book() for _ in range(4)]
    for _ in range(5):
        hooked.system.stack.flush_redis()
    for booking in bookings:
        hooked.system.town.ended(hooked.system.charity, booking, seconds=PATIENCE)
    hooked.system.stack.flush_redis()
    endpoint.when_told(hooked.happened(*bookings))
    hooked.check()


def test_an_endpoint_down_for_a_day_hears_of_everything_in_order(hooked: Hooked) -> None:
    endpoint = hooked.endpoint()
    endpoint.plan(kind="status", status=500)
    bookings = [hooked.booked() for _ in range(3)]
    seen = 0
    for _ in range(8):
        wait_until(lambda more=seen: len(endpoint.received()) > more, seconds=PATIENCE, what="another try", every=0.1)  # type: ignore[misc]
        seen = len(endpoint.received())
        hooked.move_clock(timedelta(hours=3))
    assert endpoint.told() == []
    assert endpoint.state()["lastError"] == "http_500"
    endpoint.mend()
    happened = hooked.happened(*bookings)

    def has_all() -> bool:
        hooked.move_clock(timedelta(hours=3))
        return happened <= set(endpoint.told())

    wait_until(has_all, seconds=PATIENCE, what="all that happened meanwhile", every=0.5)
    assert endpoint.state()["failures"] == 0
    (last, *_) = endpoint.log(state="delivered")
    record = hooked.system.charity.read(f"webhooks/deliveries/{last['deliveryId']}").json()["data"]
    assert record["attemptsList"][-1]["httpStatus"] == 204
    hooked.check()


def test_a_slow_endpoint_delays_nobody_else_and_is_called_no_more_than_so_often_at_once(hooked: Hooked) -> None:
    slow, quick = hooked.endpoint(), hooked.endpoint()
    slow.plan(kind="delay", delayMs=2500)
    bookings = [hooked.booked() for _ in range(6)]
    started = datetime.now(UTC)
    quick.when_told(hooked.happened(*bookings))
    took = datetime.now(UTC) - started
    assert len(set(slow.told())) < len(hooked.happened(*bookings))
    slow.mend()
    slow.when_told(hooked.happened(*bookings))
    assert slow.shown()["mostAtOnce"] <= hooked.system.town.settings.webhook_slots
    assert took < timedelta(seconds=60)
    hooked.check()


def test_while_a_secret_is_changed_both_sign(hooked: Hooked) -> None:
    endpoint = hooked.endpoint()
    endpoint.know(endpoint.post("rotatesecret")["secret"])
    booking = hooked.booked()
    endpoint.when_told(hooked.happened(booking))
    assert {tuple(one["signedBy"]) for one in endpoint.received()} == {(0, 1)}
    change = update(webhook_endpoints).values(earlier_until=datetime.now(UTC) - timedelta(seconds=1))
    hooked.system.town.scheduling.write(lambda connection: connection.execute(change))
    endpoint.post("test")
    wait_until(
        lambda: [one for one in endpoint.received() if "webhook.test" in one["body"]],
        seconds=PATIENCE,
        what="a test",
    )
    assert endpoint.received()[-1]["signedBy"] == [1]


def test_an_endpoint_that_is_gone_is_disabled_and_hears_of_what_it_missed_when_it_is_enabled(hooked: Hooked) -> None:
    endpoint = hooked.endpoint()
    endpoint.plan(kind="status", status=410, times=1)
    first = hooked.booked()
    wait_until(lambda: endpoint.state()["state"] == "disabled", seconds=PATIENCE, what="the endpoint disabled")
    assert (endpoint.state()["disabledBecause"], endpoint.state()["lastHttpStatus"]) == ("gone", 410)
    second = hooked.booked()
    assert endpoint.told() == []
    endpoint.post("enable")
    endpoint.when_told(hooked.happened(first, second))
    hooked.check()


def test_a_redirect_is_a_failure_and_is_not_followed(hooked: Hooked) -> None:
    endpoint, elsewhere = hooked.endpoint(), hooked.endpoint(hooked.system.ordinary)
    endpoint.plan(kind="redirect", location=f"/webhooks/{elsewhere.name}", times=1)
    booking = hooked.booked()
    endpoint.when_told(hooked.happened(booking))
    assert elsewhere.received() == []
    errors = {one["error"] for delivery in endpoint.log() for one in attempts_of(endpoint, delivery)}
    assert errors == {None, "http_302"}


def attempts_of(endpoint: Endpoint, delivery: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"webhooks/deliveries/{delivery['deliveryId']}"
    found: list[dict[str, Any]] = endpoint.partner.read(path).json()["data"]["attemptsList"]
    return found
