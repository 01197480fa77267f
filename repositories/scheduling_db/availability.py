"""What care providers offer, and what of it is free."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from repositories.database import Database
from repositories.entities.availability import SlotDuration
from repositories.scheduling_db.tables import slot_durations

MOST_DURATIONS = 100

DURATIONS = select(slot_durations).order_by(slot_durations.c.minutes).limit(MOST_DURATIONS)


class SqlAvailability:
    def __init__(self, database: Database) -> None:
        self._database = database

    def slot_durations(self) -> Sequence[SlotDuration]:
        with self._database.reading() as connection:
            return [
                SlotDuration(id=row.id, length=timedelta(minutes=row.minutes)) for row in connection.execute(DURATIONS)
            ]
