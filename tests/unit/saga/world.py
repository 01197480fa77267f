"""A small world of fakes in which a booking is carried to its end, with a clock that only we move."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from integrations.places import LocalPlaces
from repositories.entities.bookings import Booking, Slot
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.services import ServiceState
from repositories.entities.users import Guest
from repositories.enums import (
    BookingPlatform,
    BookingStatus,
    CommunicationType,
    GenderType,
    LedgerKind,
    OrderStatus,
    SagaStatus,
    Service,
)
from saga.accept_booking import AcceptBooking, Accepted, BookingRequest
from saga.accept_cancellation import AcceptCancellation, CancellationRequest
from saga.accept_group import AcceptGroup
from saga.accept_reschedule import AcceptReschedule, RescheduleAccepted, RescheduleRequest
from saga.book_session import BookSession
from saga.breaker import BreakerSettings
from saga.cancel_booking import CancelBooking
from saga.catalogue import catalogue
from saga.definition import Saga
from saga.guarded import GuardedPush, GuardedRooms
from saga.line import Line
from saga.lookout import Lookout
from saga.protection import Protection
from saga.reschedule_booking import RescheduleBooking
from saga.runner import Runner
from saga.slot_choice import SlotChoice
from saga.sweep import Sweep
from saga.withdraw_group import WithdrawGroup
from tests.fakes.psyter import FakePsyter
from tests.fakes.push import FakePush
from tests.fakes.rooms import FakeRooms
from tests.fakes.scheduling import FakeScheduling
from tests.fakes.services import FakeServices

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
CHARITY, ORDINARY = 1, 2
PROVIDER = 42
SLOT = 7
PRICE = 20_000  # of one hour
BALANCE = 50_000
SLOT_STARTS = NOW + timedelta(days=1)
CHOICE = {f.name for f in fields(SlotChoice)}
BREAKER = BreakerSettings(failures=5, open_for=timedelta(seconds=10))
GUEST = Guest(reference_id="REF-1", name="Sara", dob=date(1990, 5, 15), gender=GenderType.FEMALE)


class Killed(BaseException):
    """The process died here: no handler of the code under test runs."""


class Watched:
    """Passes every call on, and lets a test step in before and after each."""

    def __init__(self, inner: Any, name: str, around: Callable[[str], Iterator[None]]) -> None:
        self._inner, self._name, self._around = inner, name, around

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)
        if not callable(target):
            return target

        def call(*args: Any, **kwargs: Any) -> Any:
            steps = self._around(f"{self._name}.{method}")
            next(steps)
            try:
                return target(*args, **kwargs)
            finally:
                next(steps, None)

        return call


@dataclass
class World:
    scheduling: FakeScheduling = field(default_factory=FakeScheduling)
    psyter: FakePsyter = field(default_factory=FakePsyter)
    rooms: FakeRooms = field(default_factory=FakeRooms)
    push: FakePush = field(default_factory=FakePush)
    now: datetime = NOW
    nudged: list[str] = field(default_factory=list)
    waiting: int = 0  # nudges that the broker says it holds
    is_stopping: bool = False
    watch: Callable[[str], Iterator[None]] | None = None

    def __post_init__(self) -> None:
        self.services = FakeServices(self.scheduling)
        self.places = LocalPlaces(dict.fromkeys(Service, 3))
        self.psyter.add_organization(id=CHARITY, is_charity=True, balance_minor=BALANCE)
        self.psyter.add_organization(id=ORDINARY, is_charity=False, balance_minor=0)
        self.psyter.add_provider(id=PROVIDER, hourly_rate_minor=PRICE)
        self.scheduling.add_slot(
            id=SLOT, care_provider_id=PROVIDER, starts_at=SLOT_STARTS, ends_at=SLOT_STARTS + timedelta(hours=1)
        )
        self._ids = (f"{n:032x}" for n in count(1))

    def clock(self) -> datetime:
        return self.now

    def _seen(self, inner: Any, name: str) -> Any:
        return Watched(inner, name, self.watch) if self.watch else inner

    @property
    def accept(self) -> AcceptBooking:
        return AcceptBooking(
            slots=self.scheduling,
            bookings=self.scheduling,
            users=self.psyter,
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=lambda: next(self._ids),
            max_age=timedelta(minutes=10),
        )

    def nudge(self, _name: str, saga_id: str) -> bool:
        self.nudged.append(saga_id)
        return True

    def runner(self) -> Runner:
        """A worker: a new one after each death."""
        lookout = self.lookout()
        return Runner(
            sagas=self.sagas(lookout),
            journal=self._seen(self.scheduling, "journal"),
            line=self.line(lookout),
            clock=self.clock,
            jitter=lambda: 0.5,
            new_token=lambda: next(self._ids),
            lease=LEASE,
            is_stopping=lambda: self.is_stopping,
        )

    def sagas(self, lookout: Lookout) -> Mapping[str, Saga]:
        guard = self.guard(lookout)
        orders, rooms = self._seen(self.psyter, "orders"), GuardedRooms(self._seen(self.rooms, "rooms"), guard)
        push = GuardedPush(self._seen(self.push, "push"), guard)
        book = BookSession(
            slots=self._seen(self.scheduling, "slots"),
            orders=orders,
            rooms=rooms,
            providers=self.psyter,
            users=self.psyter,
            push=push,
            clock=self.clock,
        )
        cancel = CancelBooking(orders=orders, rooms=rooms, providers=self.psyter, push=push, clock=self.clock)
        withdraw = WithdrawGroup(
            groups=self._seen(self.scheduling, "groups"),
            bookings=self._seen(self.scheduling, "bookings"),
            clock=self.clock,
        )
        move = RescheduleBooking(
            slots=self._seen(self.scheduling, "slots"),
            orders=orders,
            providers=self.psyter,
            push=push,
            clock=self.clock,
        )
        return catalogue(book, cancel, move, withdraw)

    def lookout(self) -> Lookout:
        return Lookout(self.services, clock=self.clock)

    def guard(self, lookout: Lookout) -> Protection:
        return Protection(
            services=self.services,
            lookout=lookout,
            places=self.places,
            settings=BREAKER,
            longest_call=LEASE,
            clock=self.clock,
            new_token=lambda: next(self._ids),
        )

    def line(self, lookout: Lookout) -> Line:
        return Line(journal=self.scheduling, lookout=lookout, places=self.places, nudge=self.nudge, clock=self.clock)

    # --- what happens ----------------------------------------------------------------------

    def book(self, organization_id: int = CHARITY, **changes: Any) -> Accepted:
        return self.accept(request(organization_id, **changes))

    def cancel(self, booking_id: int, **changes: Any) -> Booking:
        booking = self.booking(booking_id)
        accept = AcceptCancellation(
            bookings=self.scheduling,
            organizations=self.psyter,
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=lambda: next(self._ids),
        )
        given: dict[str, Any] = {
            "organization_id": booking.organization_id,
            "booking_id": booking_id,
            "user_id": booking.user_id,
            "care_provider_id": PROVIDER,
            "why": "changed my mind",
            "idempotency": None,
        }
        return accept(CancellationRequest(**{**given, **changes}))

    def book_group(self, requests: Sequence[BookingRequest], **changes: Any) -> list[int]:
        accept = AcceptGroup(
            slots=self.scheduling,
            groups=self.scheduling,
            users=self.psyter,
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=lambda: next(self._ids),
            max_age=timedelta(minutes=10),
        )
        accepted = accept(requests, **{"organization_id": CHARITY, "idempotency": None, **changes})
        return [one.booking_id for one in accepted]

    def reschedule(self, booking_id: int, slot: Slot, **changes: Any) -> RescheduleAccepted:
        booking = self.booking(booking_id)
        accept = AcceptReschedule(
            bookings=self.scheduling,
            moves=self.scheduling,
            slots=self.scheduling,
            organizations=self.psyter,
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=lambda: next(self._ids),
            max_age=timedelta(minutes=10),
        )
        chosen = choice(
            slot_id=slot.id,
            local_date=slot.starts_at.date(),
            local_start=slot.starts_at.time(),
            local_end=slot.ends_at.time(),
        )
        given: dict[str, Any] = {
            "organization_id": booking.organization_id,
            "booking_id": booking_id,
            "user_id": booking.user_id,
            "choice": chosen,
            "idempotency": None,
        }
        return accept(RescheduleRequest(**{**given, **changes}))

    def sweep(self) -> int:
        return Sweep(
            journal=self.scheduling,
            nudge=self.nudge,
            waiting=lambda: self.waiting,
            let_go=self.line(self.lookout()).let_all_go,
            clock=self.clock,
        )()

    def work(self) -> None:
        """One worker answers every nudge there is."""
        while self.nudged:
            self.runner().advance(self.nudged.pop(0))

    def settle(self, *, rounds: int = 400) -> None:
        """Let time pass, sweep and work, until nothing is due any more."""
        for _ in range(rounds):
            self.work()
            if not self.due():
                return
            self.now = max(self.now, min(self.due() + self.turns()))
            if not self.sweep():  # marked: nudged a moment ago, and the nudge was lost
                self.now += timedelta(seconds=5)
        raise AssertionError("the sagas never end")

    def due(self) -> list[datetime]:
        return [state.due_at for state in self.scheduling.sagas.values() if state.due_at is not None]

    def change_service(
        self, rule: Callable[[ServiceState], ServiceState], *, service: Service = Service.VIDEOSDK
    ) -> None:
        self.services.change(service, rule)

    def turns(self) -> list[datetime]:
        """When the services for which sagas wait may be asked next."""
        waited_for = [
            self.services.states[service] for service in Service if self.scheduling.line(service, now=self.now)
        ]
        return [state.open_until or self.now for state in waited_for if state.paused_at is None]

    # --- what is so ------------------------------------------------------------------------

    def booking(self, booking_id: int) -> Booking:
        return self.scheduling.bookings[booking_id]

    def saga_status(self, booking_id: int) -> SagaStatus:
        """Of its newest saga."""
        return [state.status for state in self.scheduling.sagas.values() if state.booking_id == booking_id][-1]

    def cells_of(self, booking_id: int) -> int:
        return sum(holder == booking_id for holder in self.scheduling.cells.values())

    def open_rooms(self) -> list[str]:
        return [room.meeting_id for room in self.rooms.rooms.values() if room.is_open]

    def check_promises(self) -> None:
        """What holds when every saga has ended: nothing half done, nothing left behind."""
        for booking in self.scheduling.bookings.values():
            confirmed = booking.status is BookingStatus.CONFIRMED
            assert booking.status is not BookingStatus.PENDING
            assert (self.cells_of(booking.id) > 0) == confirmed
            order = self.psyter.orders.get(booking.id)
            assert (order is not None and order.status is OrderStatus.OPEN) == confirmed
            assert (booking.meeting_id in self.open_rooms()) == confirmed
            was_confirmed = (booking.id, "confirmed") in {(told, kind) for told, _, kind in self.scheduling.events}
            assert (booking.reason is None) == was_confirmed
            if booking.status is BookingStatus.CANCELLED:
                assert booking.withdrawn_at is not None
                assert booking.withdrawn_by is not None
        confirmed_bookings = [b for b in self.scheduling.bookings.values() if b.status is BookingStatus.CONFIRMED]
        assert len(self.open_rooms()) == len(confirmed_bookings)
        charged = sum(
            order.amount_minor
            for order in self.psyter.orders.values()
            if order.status is OrderStatus.OPEN and order.is_charged_to_balance
        )
        assert self.psyter.balance(CHARITY) == BALANCE - charged
        signs = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
        assert BALANCE + sum(signs[e.kind] * e.amount_minor for e in self.psyter.ledger) == self.psyter.balance(CHARITY)


def request(organization_id: int = CHARITY, **changes: Any) -> BookingRequest:
    given: dict[str, Any] = {
        "organization_id": organization_id,
        "user_id": None,
        "reference_id": "REF-1",
        "guest": GUEST,
        "choice": choice(),
        "communication_type": CommunicationType.VIDEO,
        "platform": BookingPlatform.API,
        "is_from_mobile": False,
        "idempotency": None,
    }
    assert set(given) == {f.name for f in fields(BookingRequest)}
    chosen = {name: changes.pop(name) for name in list(changes) if name in CHOICE}
    return BookingRequest(**{**given, "choice": choice(**chosen), **changes})


def choice(**changes: Any) -> SlotChoice:
    given: dict[str, Any] = {
        "care_provider_id": PROVIDER,
        "slot_id": SLOT,
        "local_date": SLOT_STARTS.date(),
        "local_start": SLOT_STARTS.time(),
        "local_end": (SLOT_STARTS + timedelta(hours=1)).time(),
        "zone": UTC,
    }
    return SlotChoice(**{**given, **changes})


def key(name: str, digest: str = "d") -> IdempotencyKey:
    return IdempotencyKey(key=name, body_digest=digest)


__all__ = ["GUEST", "NOW", "Killed", "World", "key", "request", "time"]
