"""Tahoon in one process, on real repositories over SQLite files: a clock that only we move, and a fate that strikes.

Rooms and pushes are fakes; everything that decides or keeps something is the product's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any

from sqlalchemy import event, insert, select, update

from integrations.places import LocalPlaces
from repositories.database import Database, open_database
from repositories.entities.bookings import Booking, Slot
from repositories.entities.idempotency import IdempotencyKey
from repositories.entities.sagas import SagaState
from repositories.entities.users import Guest
from repositories.enums import BookingPlatform, CommunicationType, GenderType, Service
from repositories.ports.errors import StoreUnavailable
from repositories.psyter_db import tables as psyter
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.psyter_db.order_changes import SqlOrderChanges
from repositories.psyter_db.orders import SqlOrders
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.facts import SqlSchedulingFacts
from repositories.scheduling_db.groups import SqlGroups
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.moves import SqlMoves
from repositories.scheduling_db.saga_records import SqlSagaRecords
from repositories.scheduling_db.saga_rows import state_of
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.slots import SqlSlots
from saga.accept_booking import AcceptBooking, Accepted, BookingRequest
from saga.accept_cancellation import AcceptCancellation, CancellationRequest
from saga.accept_reschedule import AcceptReschedule, RescheduleRequest
from saga.book_session import BookSession
from saga.cancel_booking import CancelBooking
from saga.catalogue import catalogue
from saga.definition import Saga
from saga.guarded import GuardedPush, GuardedRooms
from saga.line import Line
from saga.lookout import Lookout
from saga.operators import Operator
from saga.protection import Protection
from saga.reconcile import Reconcile
from saga.reschedule_booking import RescheduleBooking
from saga.runner import Runner
from saga.slot_choice import SlotChoice
from saga.sweep import Sweep
from saga.withdraw_group import WithdrawGroup
from tests.contract.test_psyter import BALANCE, CHARITY, NOW, ORDINARY, PROVIDER, fill
from tests.fakes.push import FakePush
from tests.fakes.rooms import FakeRooms
from tests.unit.saga.world import BREAKER, Killed, Watched

LEASE = timedelta(seconds=30)
MAX_AGE = timedelta(minutes=10)
AT_NINE = NOW + timedelta(days=1, hours=-3)
SLOTS = (  # start after the first, length: most of them overlap
    (timedelta(), timedelta(minutes=60)),
    (timedelta(minutes=30), timedelta(minutes=50)),
    (timedelta(minutes=60), timedelta(minutes=30)),
    (timedelta(minutes=45), timedelta(minutes=45)),
    (timedelta(hours=12), timedelta(minutes=30)),
    (timedelta(hours=12), timedelta(minutes=60)),
)


@dataclass
class Fate:
    """What happens at the points that the work at hand passes: around each call of a port, and around each commit."""

    death: int | None = None  # the number of the point at which the process dies
    sleep: int | None = None  # the number of the point at which it stands still, outside of a transaction
    dream: Callable[[], None] = lambda: None  # what happens meanwhile
    outages: dict[str, list[bool]] = field(default_factory=dict)  # database -> its next commits fail; True: afterwards
    passed: int = 0
    is_kind: bool = False  # nothing happens to what the test itself arranges

    @contextmanager
    def kind(self) -> Iterator[None]:
        before, self.is_kind = self.is_kind, True
        try:
            yield
        finally:
            self.is_kind = before

    def around_call(self, _name: str) -> Iterator[None]:
        self.pass_by()
        yield
        self.pass_by()

    def pass_by(self, *, is_in_transaction: bool = False) -> None:
        if self.is_kind:
            return
        self.passed += 1
        if self.passed == self.death:
            raise Killed
        if self.sleep is not None and self.passed >= self.sleep and not is_in_transaction:
            self.sleep = None
            self.dream()

    def watch(self, database: Database, name: str) -> None:
        dialect = database.engine.dialect
        commit: Any = dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.pass_by(is_in_transaction=True)
            failing = None if self.is_kind else self.outages.get(name)
            is_late = failing.pop(0) if failing else None
            if is_late is False:
                raise StoreUnavailable("before the commit")
            commit(connection)
            if is_late:
                raise StoreUnavailable("after the commit")
            self.pass_by(is_in_transaction=True)

        vars(dialect)["do_commit"] = do_commit


@dataclass
class World:
    psyter_url: str
    scheduling_url: str
    rooms: FakeRooms = field(default_factory=FakeRooms)
    push: FakePush = field(default_factory=FakePush)
    fate: Fate = field(default_factory=Fate)
    places: LocalPlaces = field(default_factory=lambda: LocalPlaces(dict.fromkeys(Service, 3)))
    now: datetime = NOW
    nudged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.psyter, self.scheduling = opened(self.psyter_url), opened(self.scheduling_url)
        self.psyter.write(fill)
        self.psyter.write(lambda connection: connection.execute(update(psyter.organization_balances).values(PAID_IN)))
        self.scheduling.write(add_slots)
        self.fate.watch(self.psyter, "psyter")
        self.fate.watch(self.scheduling, "scheduling")
        self._ids = (f"{number:032x}" for number in count(1))

    def close(self) -> None:
        self.psyter.close()
        self.scheduling.close()

    def clock(self) -> datetime:
        return self.now

    def new_id(self) -> str:
        return next(self._ids)

    def nudge(self, _name: str, saga_id: str) -> bool:
        self.nudged.append(saga_id)
        return True

    # --- the product -----------------------------------------------------------------------

    @cached_property
    def slots(self) -> list[Slot]:
        with self.scheduling.reading() as connection:
            ids = list(connection.execute(select(scheduling.slots.c.id).order_by(scheduling.slots.c.id)).scalars())
        found = [SqlSlots(self.scheduling).find_slot(slot_id) for slot_id in ids]
        return [slot for slot in found if slot is not None]

    @cached_property
    def services(self) -> SqlServices:
        return SqlServices(self.scheduling)

    @cached_property
    def bookings(self) -> SqlBookings:
        return SqlBookings(self.scheduling)

    def lookout(self) -> Lookout:
        """What one process knows of the outside services: each has its own."""
        return Lookout(self.services, clock=self.clock)

    def guard(self, lookout: Lookout) -> Protection:
        return Protection(
            services=self.services,
            lookout=lookout,
            places=self.places,
            settings=BREAKER,
            longest_call=LEASE,
            clock=self.clock,
            new_token=self.new_id,
        )

    def line(self, lookout: Lookout) -> Line:
        journal = SqlJournal(self.scheduling)
        return Line(journal=journal, lookout=lookout, places=self.places, nudge=self.nudge, clock=self.clock)

    def sagas(self, lookout: Lookout | None = None) -> tuple[Saga, ...]:
        """As in a worker: guarded, and fate strikes around each call. Without a lookout: as an operator's hand."""

        def seen(port: Any) -> Any:
            return port if lookout is None else Watched(port, type(port).__name__, self.fate.around_call)

        orders, changes = seen(SqlOrders(self.psyter)), seen(SqlOrderChanges(self.psyter))
        slots, rooms, push = seen(SqlSlots(self.scheduling)), seen(self.rooms), seen(self.push)
        if lookout is not None:
            guard = self.guard(lookout)
            rooms, push = GuardedRooms(rooms, guard), GuardedPush(push, guard)
        providers, users = SqlCareProviders(self.psyter), SqlUsers(self.psyter)
        return (
            BookSession(
                slots=slots,
                orders=orders,
                rooms=rooms,
                providers=providers,
                users=users,
                push=push,
                clock=self.clock,
            ),
            CancelBooking(orders=orders, rooms=rooms, providers=providers, push=push, clock=self.clock),
            RescheduleBooking(slots=slots, orders=changes, providers=providers, push=push, clock=self.clock),
            WithdrawGroup(groups=SqlGroups(self.scheduling), bookings=self.bookings, clock=self.clock),
        )

    def runner(self) -> Runner:
        lookout = self.lookout()
        return Runner(
            sagas=catalogue(*self.sagas(lookout)),
            line=self.line(lookout),
            journal=Watched(SqlJournal(self.scheduling), "journal", self.fate.around_call),
            clock=self.clock,
            jitter=lambda: 0.5,
            new_token=self.new_id,
            lease=LEASE,
        )

    @cached_property
    def records(self) -> SqlSagaRecords:
        return SqlSagaRecords(self.scheduling)

    @cached_property
    def operator(self) -> Operator:
        return Operator(
            records=self.records,
            sagas=catalogue(*self.sagas()),
            nudge=self.nudge,
            clock=self.clock,
            max_age=MAX_AGE,
        )

    def sweep(self) -> int:
        return Sweep(
            journal=SqlJournal(self.scheduling),
            nudge=self.nudge,
            waiting=lambda: 0,
            let_go=self.line(self.lookout()).let_all_go,
            clock=self.clock,
        )()

    @property
    def reconcile(self) -> Reconcile:
        """As it looks at things when what has just ended counts as settled."""
        later = self.now + timedelta(minutes=3)
        return Reconcile(
            scheduling=SqlSchedulingFacts(self.scheduling),
            psyter=SqlPsyterFacts(self.psyter),
            rooms=self.rooms,
            clock=lambda: later,
        )

    # --- what partners do ------------------------------------------------------------------

    def book(self, slot: Slot, *, organization_id: int, guest: str, key: str | None) -> Accepted:
        accept = AcceptBooking(
            slots=SqlSlots(self.scheduling),
            bookings=self.bookings,
            users=SqlUsers(self.psyter),
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=self.new_id,
            max_age=MAX_AGE,
        )
        request = BookingRequest(
            organization_id=organization_id,
            user_id=None,
            reference_id=guest,
            guest=Guest(reference_id=guest, name="سارة", dob=date(1990, 5, 15), gender=GenderType.FEMALE),
            choice=choice_of(slot),
            communication_type=CommunicationType.VIDEO,
            platform=BookingPlatform.API,
            is_from_mobile=False,
            idempotency=None if key is None else IdempotencyKey(key=key, body_digest=f"book {slot.id} {guest}"),
        )
        return accept(request)

    def cancel(self, booking: Booking, **wrong: int) -> Booking:
        accept = AcceptCancellation(
            bookings=self.bookings,
            organizations=SqlOrganizations(self.psyter),
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=self.new_id,
        )
        given: dict[str, Any] = {
            "organization_id": booking.organization_id,
            "booking_id": booking.id,
            "user_id": booking.user_id,
            "care_provider_id": PROVIDER,
            "why": None,
            "idempotency": None,
        }
        return accept(CancellationRequest(**{**given, **wrong}))

    def move(self, booking: Booking, slot: Slot) -> None:
        accept = AcceptReschedule(
            bookings=self.bookings,
            moves=SqlMoves(self.scheduling),
            slots=SqlSlots(self.scheduling),
            organizations=SqlOrganizations(self.psyter),
            nudge=self.nudge,
            clock=self.clock,
            new_saga_id=self.new_id,
            max_age=MAX_AGE,
        )
        accept(
            RescheduleRequest(
                organization_id=booking.organization_id,
                booking_id=booking.id,
                user_id=booking.user_id,
                choice=choice_of(slot),
                idempotency=None,
            )
        )

    def open_slot(self, slot: Slot, *, is_open: bool) -> None:
        change = update(scheduling.slots).where(scheduling.slots.c.id == slot.id).values(is_open=is_open)
        with self.fate.kind():
            self.scheduling.write(lambda connection: connection.execute(change))

    # --- what is so ------------------------------------------------------------------------

    def all_bookings(self) -> list[Booking]:
        with self.scheduling.reading() as connection:
            known = connection.execute(select(scheduling.bookings.c.id, scheduling.bookings.c.organization_id)).all()
        found = [self.bookings.find_booking(row.id, organization_id=row.organization_id) for row in known]
        return [booking for booking in found if booking is not None]

    def all_sagas(self) -> list[SagaState]:
        with self.scheduling.reading() as connection:
            return [
                state_of(row) for row in connection.execute(select(scheduling.sagas).order_by(scheduling.sagas.c.id))
            ]

    def open_rooms(self) -> set[str]:
        return {room.meeting_id for room in self.rooms.rooms.values() if room.is_open}


PAID_IN = {"deposited_minor": BALANCE}
PARTNERS = (CHARITY, ORDINARY)


def opened(url: str) -> Database:
    """Without waiting for the disk: no power is cut here."""
    database = open_database(url)
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return database


def add_slots(connection: Any) -> None:
    connection.execute(insert(scheduling.slot_durations), [{"id": n, "minutes": n} for n in (30, 45, 50, 60)])
    rows = [
        {
            "care_provider_id": PROVIDER,
            "starts_at": AT_NINE + after,
            "ends_at": AT_NINE + after + length,
            "slot_duration_id": int(length / timedelta(minutes=1)),
            "is_open": True,
        }
        for after, length in SLOTS
    ]
    connection.execute(insert(scheduling.slots), rows)


def choice_of(slot: Slot) -> SlotChoice:
    return SlotChoice(
        care_provider_id=slot.care_provider_id,
        slot_id=slot.id,
        local_date=slot.starts_at.date(),
        local_start=slot.starts_at.time(),
        local_end=slot.ends_at.time(),
        zone=UTC,
    )
