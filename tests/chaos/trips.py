"""One booking on its way through a case: what its partner does, and what the world has made of it."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

import requests
from sqlalchemy import Row, update

from api.security.id_cipher import IdKind
from bootstrap import utc_now
from demo.data import DemoPartner
from demo.partner import Partner
from demo.stack import NotInTime, wait_until
from repositories.entities.sagas import key_of
from repositories.enums import BookingStatus
from repositories.ports.errors import StoreUnavailable
from repositories.scheduling_db import tables as scheduling
from saga import book_session, cancel_booking, reschedule_booking, withdraw_group
from saga.catalogue import NAMES
from tests.chaos.api import STARTS, WALKS
from tests.chaos.arena import LEASE, Arena
from tests.chaos.script import Plan, Stop
from tests.integration.system.promises import Story, rows, stories_of

T = TypeVar("T")

SLOT_FIELDS = ("careProviderId", "applicationMultiSlotId", "slotDate", "slotStartTime", "slotEndTime")
PATIENCE = 240  # seconds, for anything that must happen; the machine may be busy
STALE = 20  # seconds without a point: whoever held the lease has given up, say because the journal was away
NOT_AN_ANSWER = {409, 425, 429, 500, 502, 503, 504}  # ask again, under the same key


class Moved(Exception):
    """The saga ended without passing its point: a lease ran out on a busy machine, and others claimed more often."""


@dataclass
class Trip:
    arena: Arena
    walks: str  # the saga of the catalogue whose points are counted
    slots: list[Row[Any]]  # the one that is booked, and the one it may be moved to
    api_url: str | None = None  # None: the API that all share
    sagas: dict[str, str] = field(default_factory=lambda: {name: uuid.uuid4().hex for name in NAMES})  # name -> id
    booked: dict[str, Any] = field(default_factory=dict)  # what the partner was answered
    cancelled: dict[str, Any] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)  # bookings of the same group
    is_partner_done: bool = False

    def __post_init__(self) -> None:
        self.sagas[withdraw_group.NAME] = withdraw_group.saga_id_after(self.book_saga)

    @property
    def walked(self) -> str:
        return self.sagas[self.walks]

    @property
    def book_saga(self) -> str:
        return self.sagas[book_session.NAME]

    @property
    def room_key(self) -> str:
        return key_of(self.book_saga, "create_meeting")

    @cached_property
    def body(self) -> dict[str, Any]:
        return self.arena.town.body(self.slots[0], f"GUEST-{self.book_saga}")

    # --- what the partner does -------------------------------------------------------------

    def book(self) -> None:
        with self.partner() as partner:
            answer = insist(lambda: partner.book(self.body, headers=self.headers(book_session.NAME)))
        assert answer.status_code == 202, answer.text
        self.booked = answer.json()["data"]

    def book_group(self) -> None:
        """Both slots, all or none; the last one is the booking that this trip is about."""
        slots = zip(self.slots, ("OTHER", "GUEST"), strict=True)
        bodies = [self.arena.town.body(slot, f"{guest}-{self.book_saga}") for slot, guest in slots]
        group, other = uuid.uuid4().hex, uuid.uuid4().hex
        headers = {**self.headers(book_session.NAME), STARTS: ",".join([group, other, self.book_saga])}
        with self.partner() as partner:
            wish = {"allOrNothing": True, "bookings": [partner.signed(body) for body in bodies]}
            url = f"{partner.base_url}/api/v1/sessionbooking/bulkbooksession"
            answer = insist(lambda: partner.session.post(url, json=wish, headers=headers, timeout=30))
        assert answer.status_code == 202, answer.text
        *others, self.booked = answer.json()["data"]["bookings"]
        self.others = [self.arena.town.booking_id(one["bookingId"]) for one in others]

    def cancel(self) -> None:
        wish = {
            **self.its_names,
            "careProviderId": self.body["careProviderId"],
            "cancellationReason": "لا أستطيع الحضور",
        }
        with self.partner() as partner:
            answer = insist(lambda: partner.cancel(wish, headers=self.headers(cancel_booking.NAME)))
        assert answer.status_code in {200, 202}, answer.text
        self.cancelled = answer.json()["data"]

    def move(self) -> None:
        to = self.arena.town.body(self.slots[1], "")
        wish = {**self.its_names, **{name: to[name] for name in SLOT_FIELDS}}
        with self.partner() as partner:
            answer = insist(lambda: partner.reschedule(wish, headers=self.headers(reschedule_booking.NAME)))
        assert answer.status_code == 202, answer.text

    def headers(self, command: str) -> dict[str, str]:
        """The id of the saga that the command starts, whose points it passes, and the partner's own key."""
        return {
            STARTS: self.sagas[command],
            WALKS: self.walked,
            "Idempotency-Key": f"{command}-{self.book_saga}",
        }

    @property
    def its_names(self) -> dict[str, Any]:
        self.wait_for_answer()
        return {name: self.booked[name] for name in ("bookingId", "userId")}

    @contextmanager
    def partner(self, known: DemoPartner | None = None) -> Iterator[Partner]:
        partner = self.arena.partner(known or self.arena.data.charity, self.api_url)
        try:
            yield partner
        finally:
            partner.close()

    def sell_again(self, slot: Row[Any], rival: str = "RIVAL") -> tuple[int, int | None]:
        """Another partner asks for this time: what it is told."""
        with self.partner(self.arena.data.ordinary) as partner:
            key = {"Idempotency-Key": f"{rival}-{slot.id}-{self.book_saga}", "Prefer": "wait=20"}
            body = self.arena.town.body(slot, f"{rival}-{self.book_saga}")

            def outcome() -> tuple[int, int | None] | None:
                answer = insist(lambda: partner.book(body, headers=key))
                return (answer.status_code, answer.json().get("reason")) if answer.status_code != 202 else None

            return wait_until(outcome, seconds=PATIENCE, what="the outcome of selling the time again")

    # --- at a point ------------------------------------------------------------------------

    def stopped(self, kind: str = "stops") -> Stop:
        """Wait until a process has stopped itself at its point; a worker gets a substitute."""
        (stop,) = self.at_point(lambda: self.arena.script.stops(self.walked, kind))
        wait_until(lambda: is_stopped(stop.pid), seconds=PATIENCE, what="the stopped process")
        if stop.point.startswith("worker"):
            self.arena.workers.stands(stop.pid)
        return stop

    def died(self) -> None:
        self.at_point(lambda: self.arena.script.notes(self.walked, "deaths"))

    def at_point(self, look: Callable[[], list[T]]) -> list[T]:
        """Wait for what the processes note at the point. Raises Moved."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for _ in range(10):  # looking into a file costs little, asking the database more
                if found := look():
                    return found
                time.sleep(0.05)
            if self.is_over() and not look():
                raise Moved
        raise NotInTime("a process at the point")

    def is_over(self) -> bool:
        return self.is_partner_done and not (self.booked and self.sagas_on_their_way())

    @contextmanager
    def kept_lease(self, *, until: int | None = None) -> Iterator[None]:
        """Up to this point, or all the while, no lease runs out, however busy the machine, nor at a meeting."""
        is_over = threading.Event()

        def keep() -> None:
            passed, news_at = 0, time.monotonic()
            while not is_over.wait(LEASE / 4):
                if len(self.passed) != passed:
                    passed, news_at = len(self.passed), time.monotonic()
                is_before = (until is None or passed <= until) and time.monotonic() < news_at + STALE
                if is_before or self.is_meeting:
                    self.keep_lease()

        keeping = threading.Thread(target=keep)
        keeping.start()
        try:
            yield
        finally:
            is_over.set()
            keeping.join()

    @property
    def is_meeting(self) -> bool:
        """Whether a process stands still for the partner to do something."""
        return not self.is_partner_done and bool(self.arena.script.notes(self.walked, "meetings"))

    @property
    def passed(self) -> list[str]:
        return self.arena.script.points(self.walked)

    def keep_lease(self) -> None:
        """Time stands still for a saga whose process waits at its point for others to come to theirs."""
        sagas = scheduling.sagas
        longer = (
            update(sagas)
            .where(sagas.c.id == self.walked, sagas.c.claims > 0, sagas.c.due_at.is_not(None))  # not one that waits
            .values(due_at=utc_now() + timedelta(seconds=LEASE))
        )
        with suppress(StoreUnavailable):
            self.arena.town.scheduling.write(lambda connection: connection.execute(longer))

    def kill(self, stop: Stop) -> None:
        os.kill(stop.pid, signal.SIGKILL)

    def wake(self, stop: Stop) -> None:
        if stop.point.startswith("worker"):
            self.arena.workers.wake(stop.pid)
        else:
            os.kill(stop.pid, signal.SIGCONT)

    def ring(self, *, times: int) -> None:
        """The nudge of the walked saga, as from a broker that delivers again."""
        for _ in range(times):
            self.arena.publisher.send_task(self.walks, args=(self.walked,))

    # --- what came of it -------------------------------------------------------------------

    @property
    def booking_id(self) -> int:
        return self.arena.town.cipher.decrypt(IdKind.BOOKING, self.booked["bookingId"])

    @property
    def story(self) -> Story:
        (story,) = stories_of(self.arena.town, self.booking_id)
        return story

    def wait_for_answer(self) -> None:
        wait_until(lambda: self.booked, seconds=PATIENCE, what="the answer to the booking")

    def wait_for_end(self) -> None:
        """Until no saga of this booking is on its way."""
        wait_until(lambda: not self.sagas_on_their_way(), seconds=PATIENCE, what="the end of the booking", every=0.4)

    def wait_for_others(self) -> None:
        sagas = scheduling.sagas
        theirs = (sagas.c.booking_id.in_(self.others), sagas.c.due_at.is_not(None))
        wait_until(lambda: not rows(self.arena.town, sagas, *theirs), seconds=PATIENCE, what="the others of the group")

    def wait_until_told(self) -> None:
        """Until each event of this booking has its place in the feed, which it is given later."""
        events = scheduling.booking_events
        unplaced = (events.c.booking_id == self.booking_id, events.c.position.is_(None))
        wait_until(lambda: not rows(self.arena.town, events, *unplaced), seconds=PATIENCE, what="the feed")

    def sagas_on_their_way(self) -> list[Any]:
        sagas = scheduling.sagas
        return rows(
            self.arena.town, sagas, sagas.c.booking_id.in_([self.booking_id, *self.others]), sagas.c.due_at.is_not(None)
        )

    def wait_until_confirmed(self) -> None:
        self.wait_for_end()
        assert self.story.booking.status == BookingStatus.CONFIRMED

    def watch(self, plan: Plan) -> None:
        self.arena.script.write_plan(self.walked, plan)


def insist(send: Callable[[], requests.Response]) -> requests.Response:
    """As a partner does whose call broke off: ask again, under the same key, until there is an answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = send()
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status_code not in NOT_AN_ANSWER:
            return answer
        assert time.monotonic() < deadline, f"no answer: {None if answer is None else answer.text}"
        time.sleep(0.2)


def is_stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False
