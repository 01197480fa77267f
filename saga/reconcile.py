"""Reconciliation: do bookings, reserved time, orders, ledger and VideoSDK's rooms agree?

Zero is the normal answer. Two kinds are safe to mend and are mended; all others are listed for an operator.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from integrations.ports import ProviderError, VideoRooms
from repositories.entities.facts import BookingFact, OrderFact
from repositories.enums import BookingStatus, OrderStatus
from repositories.ports.facts import PsyterFacts, SchedulingFacts
from saga.meeting_key import create_meeting_key

log = structlog.get_logger()

GRACE = timedelta(minutes=2)  # what has just ended may still be on its way
OVERDUE = timedelta(minutes=5)  # nobody takes up a saga this long after it was due
MOST = 5_000  # bookings looked at in one run, the longest unchanged first


class Disagreement(StrEnum):
    TIME_WITHOUT_BOOKING = "time_without_booking"  # mended: released
    BOOKING_WITHOUT_TIME = "booking_without_time"
    PENDING_WITHOUT_SAGA = "pending_without_saga"
    ORDER_WITHOUT_BOOKING = "order_without_booking"
    BOOKING_WITHOUT_ORDER = "booking_without_order"
    LEDGER_AGAINST_ORDER = "ledger_against_order"
    BALANCE_AGAINST_LEDGER = "balance_against_ledger"
    ROOM_WITHOUT_BOOKING = "room_without_booking"  # mended: closed
    BOOKING_WITHOUT_ROOM = "booking_without_room"
    ROOM_UNKNOWN = "room_unknown"  # VideoSDK did not say
    SAGA_STUCK = "saga_stuck"
    SAGA_OVERDUE = "saga_overdue"


@dataclass(frozen=True, kw_only=True)
class Finding:
    kind: Disagreement
    booking_id: int | None = None
    organization_id: int | None = None
    saga_id: str | None = None
    is_mended: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    looked_at: int  # bookings
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(finding.kind.value for finding in self.findings))


@dataclass(frozen=True, kw_only=True)
class Reconcile:
    scheduling: SchedulingFacts
    psyter: PsyterFacts
    rooms: VideoRooms
    clock: Callable[[], datetime]

    def __call__(self, *, window: timedelta, mend: bool = True) -> Report:
        """Compare what ended within the window before now. Safe to run at any time, and beside another run."""
        now = self.clock()
        ended = self.scheduling.ended_bookings(since=now - window, before=now - GRACE, limit=MOST)
        findings = (
            *self._time(ended, mend=mend),
            *self._sagas(now),
            *self._orders(ended),
            *self._balances(),
            *self._rooms(ended, now, mend=mend),
        )
        report = Report(looked_at=len(ended), findings=findings)
        log.log(30 if findings else 20, "reconciled", looked_at=report.looked_at, **report.counts)
        return report

    def _time(self, ended: Sequence[BookingFact], *, mend: bool) -> Iterator[Finding]:
        for booking_id in self.scheduling.cells_of_no_live_booking():
            if mend:
                self.scheduling.release_if_not_live(booking_id)
            yield Finding(kind=Disagreement.TIME_WITHOUT_BOOKING, booking_id=booking_id, is_mended=mend)
        for booking in ended:
            if booking.status is BookingStatus.CONFIRMED and booking.cells == 0:
                yield Finding(kind=Disagreement.BOOKING_WITHOUT_TIME, booking_id=booking.id)

    def _sagas(self, now: datetime) -> Iterator[Finding]:
        for booking_id in self.scheduling.pending_without_saga(before=now - GRACE):
            yield Finding(kind=Disagreement.PENDING_WITHOUT_SAGA, booking_id=booking_id)
        for saga in self.scheduling.stuck_sagas():
            yield Finding(kind=Disagreement.SAGA_STUCK, booking_id=saga.booking_id, saga_id=saga.id)
        for saga in self.scheduling.overdue_sagas(before=now - OVERDUE):
            yield Finding(kind=Disagreement.SAGA_OVERDUE, booking_id=saga.booking_id, saga_id=saga.id)

    def _orders(self, ended: Sequence[BookingFact]) -> Iterator[Finding]:
        orders = {order.booking_id: order for order in self.psyter.orders_of([booking.id for booking in ended])}
        for booking in ended:
            order = orders.get(booking.id)
            is_open = order is not None and order.status is OrderStatus.OPEN
            is_confirmed = booking.status is BookingStatus.CONFIRMED
            if is_open and not is_confirmed:
                yield Finding(kind=Disagreement.ORDER_WITHOUT_BOOKING, booking_id=booking.id)
            if is_confirmed and not is_open:
                yield Finding(kind=Disagreement.BOOKING_WITHOUT_ORDER, booking_id=booking.id)
            if order is not None and not _agrees_with_ledger(order):
                yield Finding(kind=Disagreement.LEDGER_AGAINST_ORDER, booking_id=booking.id)

    def _balances(self) -> Iterator[Finding]:
        for balance in self.psyter.balances():
            if balance.balance_minor != balance.expected_minor:
                yield Finding(kind=Disagreement.BALANCE_AGAINST_LEDGER, organization_id=balance.organization_id)

    def _rooms(self, ended: Sequence[BookingFact], now: datetime, *, mend: bool) -> Iterator[Finding]:
        for booking in ended:
            if booking.status is BookingStatus.CONFIRMED and booking.starts_at <= now:
                continue  # a session that has begun may close its room
            try:
                finding = self._room(booking, mend=mend)
            except ProviderError:
                yield Finding(kind=Disagreement.ROOM_UNKNOWN, booking_id=booking.id)
                return  # it will not know the next one either
            if finding is not None:
                yield finding

    def _room(self, booking: BookingFact, *, mend: bool) -> Finding | None:
        key = create_meeting_key(booking.booked_by)
        meeting_id = self.rooms.find_open_room(key)
        if booking.status is BookingStatus.CONFIRMED:
            is_right = meeting_id == booking.meeting_id
            return None if is_right else Finding(kind=Disagreement.BOOKING_WITHOUT_ROOM, booking_id=booking.id)
        if meeting_id is None:
            return None
        if mend:
            self.rooms.close_room_if_open(key, meeting_id=meeting_id)
        return Finding(kind=Disagreement.ROOM_WITHOUT_BOOKING, booking_id=booking.id, is_mended=mend)


def _agrees_with_ledger(order: OrderFact) -> bool:
    """Whether what the ledger took for the order, less what it gave back, is what the order costs."""
    is_paid = order.is_charged_to_balance and order.status is OrderStatus.OPEN
    return order.debited_minor - order.restored_minor == (order.amount_minor if is_paid else 0)
