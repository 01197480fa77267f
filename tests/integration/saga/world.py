"""The world of the unit tests on real databases: bookings are carried to their end, with a clock that only we move."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import Connection, Executable, Table, select

from integrations.places import LocalPlaces
from repositories.database import Database
from repositories.entities.bookings import Booking, Slot
from repositories.enums import Service
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.facts import SqlPsyterFacts
from repositories.psyter_db.order_changes import SqlOrderChanges
from repositories.psyter_db.orders import SqlOrders
from repositories.psyter_db.organizations import SqlOrganizations
from repositories.psyter_db.tables import metadata as psyter
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db.bookings import SqlBookings
from repositories.scheduling_db.facts import SqlSchedulingFacts
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.moves import SqlMoves
from repositories.scheduling_db.services import SqlServices
from repositories.scheduling_db.slots import SqlSlots
from repositories.scheduling_db.tables import bookings, sagas
from repositories.scheduling_db.tables import metadata as scheduling
from saga.reconcile import GRACE, Finding, Reconcile, Report
from tests.contract import test_psyter, test_scheduling
from tests.unit.saga.world import NOW, ORDINARY, PROVIDER, SLOT, SLOT_STARTS, World

HOUR = timedelta(hours=1)
SLOTS = 8  # one after another


class AllOf:
    """Several adapters of one database as one, as the fakes are."""

    def __init__(self, *adapters: Any) -> None:
        self._adapters = adapters

    def __getattr__(self, name: str) -> Any:
        return next(getattr(adapter, name) for adapter in self._adapters if hasattr(adapter, name))


@dataclass
class RealWorld(World):
    scheduling: Any = None
    psyter: Any = None
    services: Any = None
    databases: tuple[Database, Database] = field(kw_only=True)  # scheduling, psyter
    found: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        desk = test_scheduling.sql_world(self.databases[0])
        for number in range(SLOTS):
            starts_at = SLOT_STARTS + number * HOUR
            desk.add_slot(
                Slot(
                    id=SLOT + number,
                    care_provider_id=PROVIDER,
                    starts_at=starts_at,
                    ends_at=starts_at + HOUR,
                    is_open=True,
                )
            )
        self.databases[1].write(test_psyter.fill)
        self.scheduling = AllOf(*(kind(self.databases[0]) for kind in (SqlSlots, SqlBookings, SqlJournal, SqlMoves)))
        kinds = (SqlOrders, SqlOrderChanges, SqlUsers, SqlCareProviders, SqlOrganizations)
        self.psyter = AllOf(*(kind(self.databases[1]) for kind in kinds))
        self.services = SqlServices(self.databases[0])
        self.places = LocalPlaces(dict.fromkeys(Service, 3))
        self._ids = (f"{n:032x}" for n in count(1))
        self._numbers = iter(range(SLOTS))

    # --- what happens ------------------------------------------------------------------------

    def book_next(self, organization_id: int = ORDINARY) -> int:
        """The id of a booking of the next free hour."""
        starts_at = SLOT_STARTS + (number := next(self._numbers)) * HOUR
        times = {"local_start": starts_at.time(), "local_end": (starts_at + HOUR).time()}
        booked = self.book(organization_id, slot_id=SLOT + number, local_date=starts_at.date(), **times)
        return booked.booking_id

    def confirmed(self, organization_id: int = ORDINARY) -> int:
        booking_id = self.book_next(organization_id)
        self.settle()
        return booking_id

    def move_next(self, booking_id: int) -> None:
        """To the next free hour."""
        self.reschedule(booking_id, self.scheduling.find_slot(SLOT + next(self._numbers)))

    def failed(self, error: Exception, organization_id: int = ORDINARY) -> int:
        """At create_meeting."""
        booking_id = self.book_next(organization_id)
        self.rooms.fail_next(error)
        self.settle()
        return booking_id

    def one_step(self) -> None:
        """Each open saga one step further, however long it has to wait for that."""
        self.now = max(self.now, *self.due())
        self.is_stopping = True
        for saga in self.rows(sagas, sagas.c.due_at.is_not(None)):
            self.runner().advance(saga.id)
        self.is_stopping = False

    def reconcile(self, *, window: timedelta = timedelta(days=1), mend: bool = True, **parts: Any) -> Report:
        """A run late enough to look at what has just ended; its list is in `found`."""
        self.found.clear()
        given: dict[str, Any] = {
            "scheduling": SqlSchedulingFacts(self.databases[0]),
            "psyter": SqlPsyterFacts(self.databases[1]),
            "rooms": self.rooms,
            "clock": lambda: self.now + GRACE + timedelta(microseconds=1),
        }
        return Reconcile(**{**given, **parts})(window=window, tell=self.found.append, mend=mend)

    def by_hand(self, *changes: Executable) -> None:
        for change in changes:
            table: Any = change
            database = self.databases[0 if table.table.metadata is scheduling else 1]
            database.write(partial(Connection.execute, statement=change))

    # --- what is so --------------------------------------------------------------------------

    def rows(self, table: Table, *conditions: Any) -> list[Any]:
        database = self.databases[0 if table.metadata is scheduling else 1]
        with database.reading() as connection:
            return list(connection.execute(select(table).where(*conditions)).all())

    def everything(self) -> dict[str, list[Any]]:
        """Every row there is, and every room."""
        tables = {table.name: sorted(map(str, self.rows(table))) for table in self._tables()}
        return tables | {"rooms": [(key, room.meeting_id, room.is_open) for key, room in self.rooms.rooms.items()]}

    def _tables(self) -> Iterator[Table]:
        yield from (*scheduling.sorted_tables, *psyter.sorted_tables)

    def due(self) -> list[Any]:
        return [saga.due_at for saga in self.rows(sagas, sagas.c.due_at.is_not(None))]

    def turns(self) -> list[Any]:
        """No service is shut here."""
        return []

    def booking(self, booking_id: int) -> Booking:
        (row,) = self.rows(bookings, bookings.c.id == booking_id)
        found = self.scheduling.find_booking(booking_id, organization_id=row.organization_id)
        assert isinstance(found, Booking)
        return found

    def saga_of(self, booking_id: int) -> str:
        """The one that booked it."""
        return str(min(self.rows(sagas, sagas.c.booking_id == booking_id), key=lambda saga: saga.created_at).id)


__all__ = ["NOW", "RealWorld"]
