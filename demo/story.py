"""What a newcomer sees: one session booked as a partner would, step by step, and a look at what it left."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from sqlalchemy import select

from demo.data import DemoData
from demo.partner import Partner
from demo.stack import NotInTime, wait_until
from demo.town import Town
from repositories.enums import BookingStatus, OrderStatus
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling

START_SECONDS = 60
BOOKING_SECONDS = 60


@dataclass
class Story:
    town: Town
    data: DemoData
    api_url: str
    sandbox_url: str | None
    say: Callable[[str], None]

    def wait_for_the_api(self) -> None:
        def is_ready() -> bool:
            try:
                return bool(requests.get(f"{self.api_url}/readyz", timeout=2).json()["status"] == "ready")
            except (requests.RequestException, ValueError):
                return False

        wait_until(is_ready, seconds=START_SECONDS, what="the API and all that it needs", every=0.1)

    def book_one_session(self) -> dict[str, Any]:
        """Book, tell each step as it happens, and return the final status."""
        partner = Partner(self.api_url, self.data.charity.access_key, self.data.charity.shared_api_key)
        partner.sign_in()
        slot = self._free_slot()
        body = self.town.body(slot, "DEMO-GUEST")
        self.say(f"POST booksession   care provider {slot.care_provider_id}, {slot.starts_at:%a %d %b %H:%M} UTC")
        answer = partner.book(body)
        accepted = answer.json()
        self.say(f"{answer.status_code} {answer.reason}       booking {accepted['data']['bookingId']}")
        status = self._told_step_by_step(partner, accepted["data"]["bookingId"])
        partner.close()
        return status

    def example(self) -> Iterator[str]:
        """The shell assignments with which the README's curl books the next free slot."""
        slot = self._free_slot()
        body = self.town.body(slot, "ORG-USER-123")
        yield f"PROVIDER={body['careProviderId']}"
        yield f"SLOT={body['applicationMultiSlotId']}"
        yield f"DAY={body['slotDate']}  START={body['slotStartTime']}  END={body['slotEndTime']}"

    def check(self, status: dict[str, Any]) -> Iterator[tuple[str, bool]]:
        """Whether what was booked is there: in both databases, in the sandbox's rooms and in its pushes."""
        booking_id = self.town.booking_id(status["bookingId"])
        meeting_id = status["meetingId"]
        yield "the partner sees it Confirmed", status["bookingStatus"] == BookingStatus.CONFIRMED
        yield "SchedulingDatabase has it Confirmed, with its time reserved", self._is_scheduled(booking_id, meeting_id)
        yield (
            "PsyterDatabase has its order",
            self.town.count(
                psyter.orders, psyter.orders.c.booking_id == booking_id, psyter.orders.c.status == OrderStatus.OPEN
            )
            == 1,
        )
        if self.sandbox_url is not None:
            rooms = requests.get(f"{self.sandbox_url}/sandbox/rooms", timeout=10).json()["rooms"]
            yield (
                "VideoSDK's sandbox has its room open",
                meeting_id in {r["roomId"] for r in rooms if not r["disabled"]},
            )
            pushes = requests.get(f"{self.sandbox_url}/sandbox/pushes", timeout=10).json()["pushes"]
            told = {push["topic"].split("_")[0] for push in pushes if push["data"]["meetingId"] == meeting_id}
            yield "FCM's sandbox has both its pushes", told == {"android", "ios"}

    def _is_scheduled(self, booking_id: int, meeting_id: str) -> bool:
        bookings, cells = scheduling.bookings, scheduling.reserved_cells
        confirmed = (
            bookings.c.id == booking_id,
            bookings.c.status == BookingStatus.CONFIRMED,
            bookings.c.meeting_id == meeting_id,
        )
        return (
            self.town.count(bookings, *confirmed) == 1 and self.town.count(cells, cells.c.booking_id == booking_id) > 0
        )

    def _free_slot(self) -> Any:
        """The next slot whose time nobody holds: earlier runs booked some."""
        with self.town.scheduling.reading() as connection:
            sold = set(connection.execute(select(scheduling.bookings.c.slot_id)).scalars())
        return next(slot for slot in self.town.free_slots() if slot.id not in sold)

    def _told_step_by_step(self, partner: Partner, booking_id: str) -> dict[str, Any]:
        told, deadline = 0, time.monotonic() + BOOKING_SECONDS
        while True:
            status: dict[str, Any] = partner.status(booking_id).json()
            for line in status["timeline"][told:]:
                undo = "undo " if line["kind"] == "undo" else ""
                self.say(f"  {undo}{line['step']:<18} {line['outcome']:<12} {line['durationMs']:>7.1f} ms")
            told = len(status["timeline"])
            if status["sagaStatus"] not in {"running", "undoing"}:
                break
            if time.monotonic() > deadline:
                raise NotInTime(f"the booking did not end within {BOOKING_SECONDS} s")
            time.sleep(0.02)
        name = BookingStatus(status["bookingStatus"]).name.capitalize()
        self.say(f"{name}          meeting {status['meetingId']}")
        return status
