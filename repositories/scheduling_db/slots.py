"""Slots that care providers offer."""

from sqlalchemy import bindparam, select

from repositories.database import Database
from repositories.entities.bookings import Slot
from repositories.scheduling_db.cells import cells_of
from repositories.scheduling_db.tables import reserved_cells, slots

FIND = select(slots.c.id, slots.c.care_provider_id, slots.c.starts_at, slots.c.ends_at, slots.c.is_open).where(
    slots.c.id == bindparam("slot_id")
)
HELD_BY_OTHERS = (
    select(reserved_cells.c.cell_start)
    .where(
        reserved_cells.c.care_provider_id == bindparam("provider"),
        reserved_cells.c.cell_start >= bindparam("first_cell"),
        reserved_cells.c.cell_start <= bindparam("last_cell"),
        reserved_cells.c.booking_id != bindparam("of_booking"),
    )
    .limit(1)
)


class SqlSlots:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find_slot(self, slot_id: int) -> Slot | None:
        with self._database.reading() as connection:
            row = connection.execute(FIND, {"slot_id": slot_id}).one_or_none()
        return None if row is None else Slot(**row._mapping)

    def is_time_free(self, slot: Slot, *, booking_id: int) -> bool:
        cells = cells_of(slot.starts_at, slot.ends_at)
        values = {
            "provider": slot.care_provider_id,
            "first_cell": cells[0],
            "last_cell": cells[-1],
            "of_booking": booking_id,
        }
        with self._database.reading() as connection:
            return connection.execute(HELD_BY_OTHERS, values).first() is None
