"""What the business asks of the databases. One public method is one transaction in one database.

Errors:  StoreUnavailable (we do not know: locked, deadlock, link lost)
         SlotTaken | BookingWithdrawn | CancelledTooLate | BalanceOut | OrderVoided | ReferenceContradicted | KeyTaken
             (a "no")
         LeaseLost | SagaMoved (someone else holds the saga)
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from repositories.entities import (
    AccessKeyHolder,
    Attempt,
    AuditEntry,
    BalanceFact,
    Booking,
    BookingFact,
    BookingView,
    CareProvider,
    DueSaga,
    Effect,
    Guest,
    IdempotencyKey,
    KeyUse,
    NewBooking,
    Order,
    OrderFact,
    Organization,
    SagaRecord,
    SagaState,
    Slot,
    User,
    Withdrawal,
    Withdrawn,
)
from repositories.enums import SagaStatus, SettingGroup


class StoreUnavailable(Exception):
    """A database did not answer, or asked to try again; whether a commit happened is not known."""


class SlotTaken(Exception):
    """Someone else holds or booked this time."""


class BookingWithdrawn(Exception):
    """The booking was withdrawn, or has ended, before it could be confirmed."""


class BalanceOut(Exception):
    """The charity organization's balance does not cover this session."""


class CancelledTooLate(Exception):
    """The session begins too soon, or has begun: it cannot be cancelled any more."""


class OrderVoided(Exception):
    """The order of this booking was voided; it cannot be saved again."""


class ReferenceContradicted(Exception):
    """This referenceId is registered with other details."""


class KeyTaken(Exception):
    """This idempotency key is already in use."""


class SagaMoved(Exception):
    """The saga is in the hands of a worker, or has changed since it was read. Look again."""


class LeaseLost(Exception):
    """Another worker holds this saga now."""


# --- SchedulingDatabase -----------------------------------------------------------------


class Slots(Protocol):
    def find_slot(self, slot_id: int) -> Slot | None: ...

    def is_time_free(self, slot: Slot, *, booking_id: int) -> bool:
        """Whether no other booking holds a cell of this slot."""
        ...


class Bookings(Protocol):
    def accept(
        self,
        booking: NewBooking,
        *,
        start: Callable[[int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> int:
        """Write booking, journal row, event and key in one transaction; `start` makes the journal row of the
        new booking id, which is returned. The sweep leaves the saga alone until `nudged_until`. Raises KeyTaken.
        A key older than 24 hours counts as absent."""
        ...

    def withdraw(
        self,
        withdrawal: Withdrawal,
        *,
        starts_after: datetime,
        follow_up: Callable[[Booking, str], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Withdrawn | None:
        """Cancel a booking in one transaction; None if the organization has no such booking.

        Pending: its saga will find it withdrawn and undo; the UPDATE decides the race with confirm_booking.
        Confirmed, and starting after `starts_after`: Cancelled at once, its time released, and `follow_up` makes the
        journal row that does the rest, given the booking and the id of the saga that booked it.
        Ended: nothing changes. Raises CancelledTooLate, KeyTaken; then nothing is written."""
        ...

    def find_key_use(self, organization_id: int, key: str, *, now: datetime) -> KeyUse | None: ...

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None: ...

    def find_view(self, booking_id: int, *, organization_id: int) -> BookingView | None: ...


class Journal(Protocol):
    def claim(self, saga_id: str, *, now: datetime, lease: timedelta, token: str) -> SagaState | None:
        """Take the saga if it is due: due_at = now + lease, claims + 1, no mark of the sweep. None if it is not due."""
        ...

    def save(
        self,
        state: SagaState,
        *,
        attempts: Sequence[Attempt],
        effects: Sequence[Effect] = (),
        now: datetime,
    ) -> SagaState:
        """Write state, attempts and effects (in order) in one transaction, under the state's lease token and version;
        returns the state with its next version. `state.due_at` is written as it is. Clears the sweep's mark.
        Raises LeaseLost, the effects' own errors; then nothing is written."""
        ...

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[DueSaga]:
        """The due sagas that are not marked, oldest first, now marked until `marked_until`."""
        ...

    def is_reachable(self) -> bool: ...


class SagaRecords(Protocol):
    """The journal as operators use it."""

    def find_record(self, saga_id: str) -> SagaRecord | None: ...

    def find_sagas_of(self, booking_id: int) -> Sequence[SagaState]: ...

    def list_sagas(
        self, *, status: SagaStatus | None, name: str | None, unchanged_since: datetime | None, limit: int
    ) -> Sequence[SagaState]:
        """The oldest first."""
        ...

    def intervene(
        self,
        state: SagaState,
        entry: AuditEntry,
        *,
        attempts: Sequence[Attempt] = (),
        effects: Sequence[Effect] = (),
    ) -> SagaState:
        """Write state, audit entry, attempts and effects in one transaction, and fence off whoever held the saga.
        Raises SagaMoved; then nothing is written."""
        ...


class SchedulingFacts(Protocol):
    """What reconciliation reads of SchedulingDatabase."""

    def ended_bookings(self, *, since: datetime, before: datetime, limit: int) -> Sequence[BookingFact]:
        """Confirmed, failed and cancelled bookings last changed in [since, before) whose sagas have all ended."""
        ...

    def cells_of_no_live_booking(self) -> Mapping[int, int]:
        """Booking -> how many cells it holds without being pending or confirmed."""
        ...

    def release_if_not_live(self, booking_id: int) -> None: ...

    def pending_without_saga(self, *, before: datetime) -> Sequence[int]:
        """Bookings pending since then that no saga will end."""
        ...

    def stuck_sagas(self) -> Sequence[SagaState]: ...

    def overdue_sagas(self, *, before: datetime) -> Sequence[SagaState]: ...


class PsyterFacts(Protocol):
    """What reconciliation reads of PsyterDatabase."""

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]: ...

    def balances(self) -> Sequence[BalanceFact]: ...


# --- PsyterDatabase ---------------------------------------------------------------------


class Organizations(Protocol):
    def find_by_access_key(self, key_digest: str) -> AccessKeyHolder | None:
        """The holder of an active access key of an active organization; `key_digest` is SHA-256, hex."""
        ...

    def find_organization(self, organization_id: int) -> Organization | None:
        """An active organization."""
        ...

    def is_reachable(self) -> bool: ...


class Users(Protocol):
    def find_user(self, user_id: int, *, organization_id: int) -> User | None: ...

    def register(self, guest: Guest, *, organization_id: int, now: datetime) -> User:
        """The user with this referenceId, made if new; the same guest twice is one. Raises ReferenceContradicted."""
        ...


class CareProviders(Protocol):
    def get_care_provider(self, care_provider_id: int) -> CareProvider: ...


class Orders(Protocol):
    def save_order(
        self,
        *,
        booking_id: int,
        organization_id: int,
        user_id: int,
        care_provider_id: int,
        duration: timedelta,
        now: datetime,
    ) -> Order:
        """The one order of this booking, made if new; a charity's is debited from its balance in the same
        transaction. Raises BalanceOut, OrderVoided."""
        ...

    def void_order_if_present(self, booking_id: int, *, now: datetime) -> None:
        """Void the order and restore the balance. With no order, leave a void one: a save that comes late finds it."""
        ...


class AppSettings(Protocol):
    def group(self, group: SettingGroup) -> Mapping[str, str]: ...
