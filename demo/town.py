"""A filled stack and what can be booked in it: shared by system tests and benchmarks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from api.security.id_cipher import IdCipher, IdKind
from api.security.sealing import Sealer
from config import Settings, read_settings
from demo.data import DemoData, fill
from demo.partner import Partner
from demo.stack import wait_until
from integrations.sandbox.videosdk import API_KEY, SECRET_KEY
from repositories.database import Database, open_database
from repositories.enums import BookingStatus
from repositories.migrations import upgrade
from repositories.psyter_db import tables as psyter
from repositories.scheduling_db import tables as scheduling
from repositories.scheduling_db.calendars import hold_calendar, update_calendar


@dataclass
class Town:
    """Two partners, care providers and their slots, in the databases that the settings name."""

    environment: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.environment)

    @cached_property
    def psyter(self) -> Database:
        return open_database(self.settings.psyter_db_url)

    @cached_property
    def scheduling(self) -> Database:
        return open_database(self.settings.scheduling_db_url)

    @cached_property
    def cipher(self) -> IdCipher:
        return IdCipher(self.settings.id_key)

    def settle_in(self, *, providers: int = 4, days: int = 3) -> DemoData:
        """Migrate and fill both databases."""
        upgrade(self.settings.psyter_db_url, tree="psyter_db")
        upgrade(self.settings.scheduling_db_url, tree="scheduling_db")
        return fill(
            self.psyter,
            self.scheduling,
            seed=7,
            providers=providers,
            days=days,
            today=datetime.now(UTC).date(),
            seal=Sealer(self.settings.seal_key).seal,
            videosdk={"VIDEOSDK_API_KEY": API_KEY, "VIDEOSDK_SECRET_KEY": SECRET_KEY},
        )

    def close(self) -> None:
        for database in (self.psyter, self.scheduling):
            database.close()

    # --- booking ---------------------------------------------------------------------------

    def free_slots(self) -> Iterator[Row[Any]]:
        """Open slots from tomorrow on that no other slot of the same time stands beside, soonest first."""
        slots = scheduling.slots
        query = (
            select(slots)
            .where(slots.c.is_open, slots.c.starts_at > datetime.now(UTC) + timedelta(hours=2))
            .order_by(slots.c.starts_at, slots.c.id)
        )
        with self.scheduling.reading() as connection:
            found = connection.execute(query).all()
        yield from found

    def body(self, slot: Row[Any], reference: str) -> dict[str, Any]:
        """A guest's booking of this slot, in UTC."""
        return {
            "careProviderId": self.cipher.encrypt(IdKind.CARE_PROVIDER, slot.care_provider_id),
            "applicationMultiSlotId": self.cipher.encrypt(IdKind.APPLICATION_MULTI_SLOT, slot.id),
            "slotDate": f"{slot.starts_at:%Y-%m-%d}",
            "slotStartTime": f"{slot.starts_at:%H:%M:%S}",
            "slotEndTime": f"{slot.ends_at:%H:%M:%S}",
            "catCommunicationTypeId": 1,
            "isBookingFromMobile": False,
            "bookingPlatformId": 3,
            "referenceId": reference,
            "name": "Sara Ahmed سارة",
            "dob": "1990-05-15",
            "genderType": 0,
        }

    def ended(self, partner: Partner, booking_id: str, *, seconds: float = 60) -> dict[str, Any]:
        """The status of a booking, once it is no longer pending."""

        def unless_pending() -> dict[str, Any] | None:
            status: dict[str, Any] = partner.status(booking_id, headers={"Prefer": "wait=5"}).json()
            return status if status["bookingStatus"] != BookingStatus.PENDING else None

        return wait_until(unless_pending, seconds=seconds, what=f"the end of booking {booking_id}")

    def when_quiet(self, *, seconds: float = 60) -> None:
        """Wait until no saga is due any more."""
        wait_until(
            lambda: self.count(scheduling.sagas, scheduling.sagas.c.due_at.is_not(None)) == 0,
            seconds=seconds,
            what="every saga ended",
        )

    # --- what is so ------------------------------------------------------------------------

    def count(self, table: Any, *conditions: Any) -> int:
        database = self.psyter if table.metadata is psyter.metadata else self.scheduling
        with database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    def balance(self) -> int:
        """The charity's."""
        with self.psyter.reading() as connection:
            return int(connection.execute(select(psyter.organization_balances.c.balance_minor)).scalar_one())

    def set_balance(self, minor: int) -> None:
        """As a deposit or a withdrawal of the charity does."""
        kept = psyter.organization_balances.c
        change = update(psyter.organization_balances).values(
            balance_minor=minor, deposited_minor=kept.deposited_minor + minor - kept.balance_minor
        )
        self.psyter.write(lambda connection: connection.execute(change))

    def set_every_price(self, hourly_minor: int) -> None:
        change = update(psyter.care_providers).values(hourly_rate_minor=hourly_minor)
        self.psyter.write(lambda connection: connection.execute(change))

    def close_slot(self, slot_id: int) -> None:
        """As a provider does who is ill that day."""
        slots = scheduling.slots

        def work(connection: Connection) -> None:
            connection.execute(update(slots).where(slots.c.id == slot_id).values(is_open=False))
            slot = connection.execute(select(slots).where(slots.c.id == slot_id)).one()
            hold_calendar(connection, slot.care_provider_id)
            update_calendar(connection, slot.care_provider_id, slot.starts_cell, slot.ends_cell)

        self.scheduling.write(work)

    def booking_id(self, public_id: str) -> int:
        return self.cipher.decrypt(IdKind.BOOKING, public_id)
