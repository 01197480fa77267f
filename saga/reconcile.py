"""Reconciliation: do bookings, reserved time, orders, ledger and VideoSDK's rooms agree?

Zero is the normal answer. Two kinds are safe to mend and are mended; all others are listed for an operator.

It runs beside sagas and beside another run: it looks at what no saga will change any more, says only what is still so
when the booking is read once more, and mends only what no saga can want again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from integrations.ports import ProviderError, ProviderRefused, VideoRooms
from repositories.entities.facts import BookingFact, OrderFact, Span
from repositories.enums import BookingStatus, OrderStatus, SagaStatus
from repositories.ports.facts import PsyterFacts, SchedulingFacts
from saga.meeting_key import create_meeting_key

T = TypeVar("T")

GRACE = timedelta(minutes=2)  # VideoSDK may not show at once what it has just done
OVERDUE = timedelta(minutes=5)  # nobody takes up a saga this long after it was due
PAGE = 500  # bookings in memory at a time
GIVE_UP = 3  # rooms in a row that VideoSDK does not answer about: it will not know the next one either


class Disagreement(StrEnum):
    TIME_WITHOUT_BOOKING = "time_without_booking"  # mended: released
    BOOKING_AGAINST_TIME = "booking_against_time"  # it holds less, more or other time than its own
    PENDING_WITHOUT_SAGA = "pending_without_saga"
    BOOKING_AGAINST_SAGA = "booking_against_saga"
    ORDER_WITHOUT_BOOKING = "order_without_booking"
    BOOKING_WITHOUT_ORDER = "booking_without_order"
    LEDGER_AGAINST_ORDER = "ledger_against_order"
    BALANCE_AGAINST_LEDGER = "balance_against_ledger"
    ROOM_WITHOUT_BOOKING = "room_without_booking"  # mended: closed
    BOOKING_WITHOUT_ROOM = "booking_without_room"
    SECOND_ROOM = "second_room"
    ROOM_UNKNOWN = "room_unknown"  # VideoSDK did not say, or did not close it
    SAGA_STUCK = "saga_stuck"
    SAGA_OVERDUE = "saga_overdue"


CONTRADICTIONS = {(BookingStatus.CONFIRMED, SagaStatus.UNDONE), (BookingStatus.FAILED, SagaStatus.DONE)}


@dataclass(frozen=True, kw_only=True)
class Finding:
    kind: Disagreement
    booking_id: int | None = None
    organization_id: int | None = None
    saga_id: str | None = None
    is_mended: bool = False

    def __str__(self) -> str:
        which = {"booking": self.booking_id, "organization": self.organization_id, "saga": self.saga_id}
        ids = [f"{name}={value}" for name, value in which.items() if value is not None]
        return " ".join([self.kind, *ids, *(["mended"] if self.is_mended else [])])


@dataclass(frozen=True, kw_only=True)
class Report:
    looked_at: int  # bookings
    counts: Mapping[Disagreement, int]
    mended: int
    rooms_not_asked: int  # because VideoSDK did not answer

    @property
    def is_clean(self) -> bool:
        """Nothing is left for an operator."""
        return sum(self.counts.values()) == self.mended and self.rooms_not_asked == 0

    def __str__(self) -> str:
        parts = [f"{self.looked_at} bookings looked at", f"{sum(self.counts.values())} disagreements"]
        parts += [f"{kind} {number}" for kind, number in sorted(self.counts.items())]
        parts += [f"{self.mended} mended"] if self.mended else []
        parts += [f"{self.rooms_not_asked} rooms not asked: VideoSDK does not answer"] if self.rooms_not_asked else []
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Reconcile:
    scheduling: SchedulingFacts
    psyter: PsyterFacts
    rooms: VideoRooms
    clock: Callable[[], datetime]

    def __call__(self, *, window: timedelta, tell: Callable[[Finding], None], mend: bool = True) -> Report:
        """Compare what ended within the window before now; `tell` hears of each disagreement as it is found."""
        now = self.clock()
        span = Span(since=now - window, before=now - GRACE)
        run = _Run(scheduling=self.scheduling, psyter=self.psyter, rooms=self.rooms, span=span, now=now, mend=mend)
        counts: Counter[Disagreement] = Counter()
        mended = 0
        for finding in run.findings():
            tell(finding)
            counts[finding.kind] += 1
            mended += finding.is_mended
        return Report(looked_at=run.looked_at, counts=dict(counts), mended=mended, rooms_not_asked=run.rooms_not_asked)


def _pages(read: Callable[[T | None], Sequence[T]]) -> Iterator[Sequence[T]]:
    """Page after page, each read from where the one before it ended."""
    last = None
    while page := read(last):
        yield page
        last = page[-1]


@dataclass(kw_only=True)
class _Run:
    scheduling: SchedulingFacts
    psyter: PsyterFacts
    rooms: VideoRooms
    span: Span
    now: datetime
    mend: bool
    looked_at: int = 0
    rooms_not_asked: int = 0
    unanswered: int = 0  # rooms in a row

    def findings(self) -> Iterator[Finding]:
        yield from self._loose_time()
        yield from self._forgotten()
        yield from self._stuck_and_overdue()
        yield from self._balances()
        for page in _pages(lambda last: self.scheduling.settled_bookings(self.span, after=last, limit=PAGE)):
            self.looked_at += len(page)
            found = [*_against_themselves(page), *self._order_findings(page), *self._room_findings(page)]
            yield from self._still_so(page, found)
        for orders in _pages(lambda last: self.psyter.changed_orders(self.span, after=last, limit=PAGE)):
            yield from self._orders_alone(orders)

    def _still_so(self, page: Sequence[BookingFact], found: Sequence[Finding]) -> Iterator[Finding]:
        """What was mended, and what is found of a booking that has not changed since it was compared."""
        read = {booking.id: booking for booking in page}
        suspects = sorted({finding.booking_id for finding in found if finding.booking_id is not None})
        same = {now.id for now in self.scheduling.bookings_of(suspects) if now == read[now.id]}
        return (finding for finding in found if finding.is_mended or finding.booking_id in same)

    # --- time and sagas ----------------------------------------------------------------------

    def _loose_time(self) -> Iterator[Finding]:
        facts = self.scheduling
        for page in _pages(lambda last: facts.held_by_no_live_booking(now=self.now, after=last, limit=PAGE)):
            for booking_id in page:
                if not self.mend or facts.release_if_not_live(booking_id):
                    yield Finding(kind=Disagreement.TIME_WITHOUT_BOOKING, booking_id=booking_id, is_mended=self.mend)

    def _forgotten(self) -> Iterator[Finding]:
        facts, before = self.scheduling, self.now - GRACE
        for page in _pages(lambda last: facts.pending_without_saga(before=before, after=last, limit=PAGE)):
            for booking_id in page:
                yield Finding(kind=Disagreement.PENDING_WITHOUT_SAGA, booking_id=booking_id)

    def _stuck_and_overdue(self) -> Iterator[Finding]:
        facts, before = self.scheduling, self.now - OVERDUE
        for page in _pages(lambda last: facts.stuck_sagas(after=last, limit=PAGE)):
            for saga in page:
                yield Finding(kind=Disagreement.SAGA_STUCK, booking_id=saga.booking_id, saga_id=saga.id)
        for page in _pages(lambda last: facts.overdue_sagas(before=before, after=last, limit=PAGE)):
            for saga in page:
                yield Finding(kind=Disagreement.SAGA_OVERDUE, booking_id=saga.booking_id, saga_id=saga.id)

    # --- money -------------------------------------------------------------------------------

    def _balances(self) -> Iterator[Finding]:
        for page in _pages(lambda last: self.psyter.balances_against_ledger(after=last, limit=PAGE)):
            for organization_id in page:
                yield Finding(kind=Disagreement.BALANCE_AGAINST_LEDGER, organization_id=organization_id)

    def _order_findings(self, page: Sequence[BookingFact]) -> Iterator[Finding]:
        orders = {order.booking_id: order for order in self.psyter.orders_of([booking.id for booking in page])}
        for booking in page:
            for kind in _order_disagreements(booking, orders.get(booking.id)):
                yield Finding(kind=kind, booking_id=booking.id)

    def _orders_alone(self, orders: Sequence[OrderFact]) -> Iterator[Finding]:
        """Orders that changed in the span, of bookings that did not, or that do not exist."""
        bookings = {fact.id: fact for fact in self.scheduling.bookings_of([order.booking_id for order in orders])}
        for order in orders:
            if order.booking_id not in bookings and order.status is OrderStatus.OPEN:
                yield Finding(kind=Disagreement.ORDER_WITHOUT_BOOKING, booking_id=order.booking_id)
        others = [b for b in bookings.values() if b.is_settled and not self.span.covers(b.last_saga_at)]
        yield from self._still_so(others, list(self._order_findings(others)))

    # --- rooms -------------------------------------------------------------------------------

    def _room_findings(self, page: Sequence[BookingFact]) -> Iterator[Finding]:
        for booking in page:
            has_begun = booking.status is BookingStatus.CONFIRMED and booking.starts_at <= self.now
            if booking.may_have_room and not has_begun:  # a session that has begun may close its room
                yield from self._asked(booking)

    def _asked(self, booking: BookingFact) -> Sequence[Finding]:
        if self.unanswered >= GIVE_UP:
            self.rooms_not_asked += 1
            return []
        try:
            found = [*self._rooms_of(booking)]
        except ProviderError as error:
            self.unanswered = 0 if isinstance(error, ProviderRefused) else self.unanswered + 1
            return [Finding(kind=Disagreement.ROOM_UNKNOWN, booking_id=booking.id)]
        self.unanswered = 0
        return found

    def _rooms_of(self, booking: BookingFact) -> Iterator[Finding]:
        key = None if booking.booked_by is None else create_meeting_key(booking.booked_by)
        by_key = None if key is None else self.rooms.find_open_room(key)
        if booking.status is BookingStatus.CONFIRMED and by_key == booking.meeting_id:
            return
        by_id = None if booking.meeting_id is None else self.rooms.find_open_room(booking.meeting_id)
        if booking.status is not BookingStatus.CONFIRMED:
            for meeting_id in {by_key, by_id} - {None}:
                if self.mend:
                    self.rooms.close_room_if_open(key or "", meeting_id=meeting_id)
                yield Finding(kind=Disagreement.ROOM_WITHOUT_BOOKING, booking_id=booking.id, is_mended=self.mend)
            return
        if by_id is None:
            yield Finding(kind=Disagreement.BOOKING_WITHOUT_ROOM, booking_id=booking.id)
        if by_key is not None:
            yield Finding(kind=Disagreement.SECOND_ROOM, booking_id=booking.id)


def _against_themselves(page: Sequence[BookingFact]) -> Iterator[Finding]:
    for booking in page:
        if booking.status is BookingStatus.CONFIRMED and not booking.has_its_time:
            yield Finding(kind=Disagreement.BOOKING_AGAINST_TIME, booking_id=booking.id)
        if (booking.status, booking.booked_by_ended) in CONTRADICTIONS or booking.is_moving:
            yield Finding(kind=Disagreement.BOOKING_AGAINST_SAGA, booking_id=booking.id)


def _order_disagreements(booking: BookingFact, order: OrderFact | None) -> Iterator[Disagreement]:
    is_confirmed = booking.status is BookingStatus.CONFIRMED
    is_open = order is not None and order.status is OrderStatus.OPEN
    if is_open and not is_confirmed:
        yield Disagreement.ORDER_WITHOUT_BOOKING
    if is_confirmed and not is_open:
        yield Disagreement.BOOKING_WITHOUT_ORDER
    if order is not None and not _agrees_with_ledger(order):
        yield Disagreement.LEDGER_AGAINST_ORDER


def _agrees_with_ledger(order: OrderFact) -> bool:
    """Whether what the ledger took for the order, less what it gave back, is what the order costs."""
    is_paid = order.is_charged_to_balance and order.status is OrderStatus.OPEN
    return order.debited_minor - order.restored_minor == (order.amount_minor if is_paid else 0)
