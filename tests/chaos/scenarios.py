"""Every way that a saga can go: those of the catalogue, forward, and turned back from each step.

A scenario arranges the world, and says what a partner does, which saga's points are walked, and how it must end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import update

from repositories.enums import BookingStatus, Reason
from repositories.scheduling_db import tables as scheduling
from saga import book_session, cancel_booking, reschedule_booking, withdraw_group
from tests.chaos.arena import DEAR_PRICE, FAIR_PRICE, Arena, set_price
from tests.chaos.trips import Trip

TAKEN = (200, Reason.RECORD_ALREADY_EXIST)
NOT_OFFERED = (404, Reason.NOT_ALLOWED)
SOLD = (200, None)
LATE = 2000  # milliseconds: later than the time-out of a call


def as_it_is(_trip: Trip) -> None:
    pass


def only_book(trip: Trip) -> None:
    trip.book()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    ends: tuple[BookingStatus, Reason | None]
    arrange: Callable[[Trip], None] = as_it_is
    partner: Callable[[Trip], None] = only_book
    walks: str = book_session.NAME
    meet: str | None = None  # where the saga waits once, for the partner to do something
    slots: int = 1
    is_dear: bool = False  # of a care provider whom no charity can pay
    is_moody: bool = False  # of one whose price may be changed
    can_be_cancelled: bool = True
    is_long: bool = False
    leaves_rooms: bool = False  # that appear when all is over, and that reconciliation closes
    sold_again: tuple[int, Reason | None] = SOLD  # what another is told of a time that this booking does not hold

    @contextmanager
    def trip(self, arena: Arena, api_url: str | None = None) -> Iterator[Trip]:
        provider = arena.moody.get() if self.is_moody else None
        try:
            slots = arena.slots(self.slots, provider=provider, is_dear=self.is_dear)
            yield Trip(arena, walks=self.walks, slots=slots, api_url=api_url)
        finally:
            if provider is not None:
                arena.moody.put(provider)


# --- how the world is arranged -------------------------------------------------------------


def close_the_slot(trip: Trip) -> None:
    slots = scheduling.slots
    change = update(slots).where(slots.c.id == trip.slots[-1].id).values(is_open=False)
    trip.arena.town.scheduling.write(lambda connection: connection.execute(change))


def sell_the_time(trip: Trip) -> None:
    assert trip.sell_again(trip.slots[-1], "FIRST") == SOLD


def fault(route: str, **what: object) -> Callable[[Trip], None]:
    """What the sandbox does to the calls that are about this booking's room."""

    def plan(trip: Trip) -> None:
        trip.arena.stack.fault(route=route, about=trip.room_key, **what)

    return plan


def fail_one_push(trip: Trip) -> None:
    about = f"android_doctor_{trip.slots[0].care_provider_id}~"
    trip.arena.stack.fault(route="fcm.send", kind="status", status=503, times=1, about=about)


ROOM_REFUSED = fault("videosdk.create_room", kind="status", status=400)
ROOM_SILENT = fault("videosdk.create_room", kind="drop_after_effect")
ROOM_LATE = fault("videosdk.create_room", kind="delay", delayMs=LATE, afterEffect=True, times=1)
ROOM_AFTER_ALL = fault("videosdk.create_room", kind="delay", delayMs=LATE, times=1)
CLOSING_LATE = fault("videosdk.deactivate_room", kind="delay", delayMs=LATE, afterEffect=True, times=1)


# --- what a partner does -------------------------------------------------------------------

OPENING = "worker before call create room"


def withdraw(trip: Trip) -> None:
    """Book, and cancel while a worker stands at the meeting point."""
    trip.book()
    stop = trip.stopped("meetings")
    trip.cancel()
    trip.wake(stop)


def cancel_when_confirmed(trip: Trip) -> None:
    trip.book()
    trip.wait_until_confirmed()
    trip.cancel()


def book_all_or_nothing(trip: Trip) -> None:
    """The one that fails waits with its news until the other is confirmed."""
    trip.book_group()
    stop = trip.stopped("meetings")
    trip.wait_for_others()
    trip.wake(stop)


def move_when_confirmed(trip: Trip) -> None:
    trip.book()
    trip.wait_until_confirmed()
    trip.move()


def move_when_prices_have_risen(trip: Trip) -> None:
    provider = trip.slots[0].care_provider_id
    set_price(trip.arena.town, provider, hourly_minor=FAIR_PRICE)
    trip.book()
    trip.wait_until_confirmed()
    set_price(trip.arena.town, provider, hourly_minor=DEAR_PRICE)
    trip.move()


CONFIRMED, FAILED, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.FAILED, BookingStatus.CANCELLED
WITHDRAWN = (CANCELLED, Reason.BOOKING_WITHDRAWN)

SCENARIOS = (
    Scenario(name="confirmed", ends=(CONFIRMED, None)),
    Scenario(name="slot closed", arrange=close_the_slot, ends=(FAILED, Reason.NOT_ALLOWED), sold_again=NOT_OFFERED),
    Scenario(name="slot taken", arrange=sell_the_time, ends=(FAILED, Reason.RECORD_ALREADY_EXIST), sold_again=TAKEN),
    Scenario(name="balance out", is_dear=True, ends=(FAILED, Reason.CHARITY_ORGANIZATION_BALANCE_OUT)),
    Scenario(name="room refused", arrange=ROOM_REFUSED, ends=(FAILED, Reason.MEETING_REFUSED)),
    Scenario(name="room silent", arrange=ROOM_SILENT, ends=(FAILED, Reason.SERVICE_UNAVAILABLE), is_long=True),
    Scenario(name="room late", arrange=ROOM_LATE, ends=(CONFIRMED, None)),
    Scenario(name="room after the time-out", arrange=ROOM_AFTER_ALL, ends=(CONFIRMED, None), leaves_rooms=True),
    Scenario(name="push late", arrange=fail_one_push, ends=(CONFIRMED, None)),
    Scenario(name="withdrawn", partner=withdraw, meet=OPENING, ends=WITHDRAWN, can_be_cancelled=False),
    Scenario(
        name="withdrawn, closing late",
        arrange=CLOSING_LATE,
        partner=withdraw,
        meet=OPENING,
        ends=WITHDRAWN,
        can_be_cancelled=False,
    ),
    Scenario(
        name="cancelled",
        walks=cancel_booking.NAME,
        partner=cancel_when_confirmed,
        ends=(CANCELLED, None),
        can_be_cancelled=False,
    ),
    Scenario(
        name="cancelled, closing late",
        walks=cancel_booking.NAME,
        arrange=CLOSING_LATE,
        partner=cancel_when_confirmed,
        ends=(CANCELLED, None),
        can_be_cancelled=False,
    ),
    Scenario(name="moved", walks=reschedule_booking.NAME, slots=2, partner=move_when_confirmed, ends=(CONFIRMED, None)),
    Scenario(
        name="move refused, time taken",
        walks=reschedule_booking.NAME,
        slots=2,
        arrange=sell_the_time,
        partner=move_when_confirmed,
        ends=(CONFIRMED, None),
        sold_again=TAKEN,
    ),
    Scenario(
        name="move refused, balance out",
        walks=reschedule_booking.NAME,
        slots=2,
        is_moody=True,
        partner=move_when_prices_have_risen,
        ends=(CONFIRMED, None),
    ),
    Scenario(
        name="group, one slot closed",
        walks=withdraw_group.NAME,
        slots=2,
        arrange=close_the_slot,
        partner=book_all_or_nothing,
        meet="worker after commit scheduling.sagas",
        ends=(FAILED, Reason.NOT_ALLOWED),
        sold_again=NOT_OFFERED,
        can_be_cancelled=False,
    ),
)
