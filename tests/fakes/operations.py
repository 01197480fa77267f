"""What operators and reconciliation read and write, over the fakes of both databases. Kept honest by tests/contract."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from repositories.entities.board import SagaLine
from repositories.entities.bookings import Booking
from repositories.entities.effects import Effect
from repositories.entities.facts import BookingFact, OrderFact, Span
from repositories.entities.orders import Order
from repositories.entities.sagas import Attempt, AuditEntry, SagaFilter, SagaRecord, SagaState
from repositories.enums import BookingStatus, LedgerKind, SagaStatus
from repositories.ports.errors import SagaMoved
from repositories.scheduling_db.cells import cells_of
from tests.fakes.psyter import FakePsyter
from tests.fakes.scheduling import FakeScheduling

OPEN = {SagaStatus.RUNNING, SagaStatus.UNDOING, SagaStatus.STUCK}
LIVE = {BookingStatus.PENDING, BookingStatus.CONFIRMED}


@dataclass
class FakeSagaRecords:
    scheduling: FakeScheduling

    def find_record(self, saga_id: str) -> SagaRecord | None:
        state = self.scheduling.sagas.get(saga_id)
        if state is None:
            return None
        return SagaRecord(
            state=state,
            updated_at=self.scheduling.changed_at[saga_id],
            timeline=tuple(self.scheduling.lines.get(saga_id, ())),
            audit=tuple(entry for of_saga, entry in self.scheduling.audit if of_saga == saga_id),
        )

    def find_sagas_of(self, booking_id: int) -> Sequence[SagaState]:
        sagas = self.scheduling.sagas.values()
        return sorted((s for s in sagas if s.booking_id == booking_id), key=lambda s: (s.created_at, s.id))

    def list_sagas(self, wanted: SagaFilter, *, limit: int) -> Sequence[SagaState]:
        found = [state for state in self.scheduling.sagas.values() if self._is_wanted(state, wanted)]
        return sorted(found, key=lambda state: (self.scheduling.changed_at[state.id], state.id))[:limit]

    def _is_wanted(self, state: SagaState, wanted: SagaFilter) -> bool:
        organization_id = self.scheduling.bookings[state.booking_id].organization_id
        return (
            state.status in wanted.statuses
            and wanted.name in {None, state.name}
            and wanted.step in {None, state.step}
            and wanted.reason in {None, state.reason}
            and wanted.organization_id in {None, organization_id}
            and (wanted.unchanged_since is None or self.scheduling.changed_at[state.id] <= wanted.unchanged_since)
            and (wanted.begun_since is None or state.created_at >= wanted.begun_since)
            and (wanted.begun_before is None or state.created_at < wanted.begun_before)
        )

    def page_of_sagas(
        self, wanted: SagaFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[SagaLine]:
        found = [
            SagaLine(state=state, updated_at=self.scheduling.changed_at[state.id])
            for state in self.scheduling.sagas.values()
            if self._is_wanted(state, wanted)
        ]
        found.sort(key=lambda line: (line.updated_at, line.state.id), reverse=True)
        return [line for line in found if after is None or (line.updated_at, line.state.id) < after][:limit]

    def intervene(
        self,
        state: SagaState,
        entry: AuditEntry,
        *,
        attempts: Sequence[Attempt] = (),
        effects: Sequence[Effect] = (),
    ) -> SagaState:
        kept = self.scheduling.sagas[state.id]
        is_held = kept.claims > 0 and kept.due_at is not None and kept.due_at > entry.at
        if kept.version != state.version or is_held:
            raise SagaMoved
        with self.scheduling.one_transaction():
            saved = self.scheduling.write_saga(state, attempts, effects, entry.at)
            self.scheduling.sagas[state.id] = replace(saved, lease_token=None)
            self.scheduling.audit.append((state.id, entry))
        return self.scheduling.sagas[state.id]


@dataclass
class FakeSchedulingFacts:
    scheduling: FakeScheduling

    def settled_bookings(self, span: Span, *, after: BookingFact | None, limit: int) -> Sequence[BookingFact]:
        settled = [fact for fact in self._facts() if fact.is_settled and span.covers(fact.last_saga_at)]
        settled.sort(key=_end_of)
        return [fact for fact in settled if after is None or _end_of(fact) > _end_of(after)][:limit]

    def bookings_of(self, booking_ids: Sequence[int]) -> Sequence[BookingFact]:
        return [fact for fact in self._facts() if fact.id in set(booking_ids)]

    def held_by_no_live_booking(self, *, now: datetime, after: int | None, limit: int) -> Sequence[int]:
        bookings = self.scheduling.bookings
        to_come = {holder for (_, cell), holder in self.scheduling.cells.items() if cell >= now.timestamp()}
        loose = {holder for holder in to_come if holder not in bookings or bookings[holder].status not in LIVE}
        return _page(loose, after, limit)

    def release_if_not_live(self, booking_id: int) -> bool:
        booking = self.scheduling.bookings.get(booking_id)
        if booking_id not in self.scheduling.cells.values() or (booking is not None and booking.status in LIVE):
            return False
        cells = self.scheduling.cells
        self.scheduling.cells = {cell: holder for cell, holder in cells.items() if holder != booking_id}
        return True

    def pending_without_saga(self, *, before: datetime, after: int | None, limit: int) -> Sequence[int]:
        forgotten = [
            booking.id
            for booking in self.scheduling.bookings.values()
            if booking.status is BookingStatus.PENDING
            and booking.updated_at < before
            and not any(state.status in OPEN for state in self._sagas_of(booking))
        ]
        return _page(forgotten, after, limit)

    def stuck_sagas(self, *, after: SagaState | None, limit: int) -> Sequence[SagaState]:
        stuck = [state for state in self.scheduling.sagas.values() if state.status is SagaStatus.STUCK]
        stuck.sort(key=lambda state: state.id)
        return [state for state in stuck if after is None or state.id > after.id][:limit]

    def overdue_sagas(self, *, before: datetime, after: SagaState | None, limit: int) -> Sequence[SagaState]:
        due = [s for s in self.scheduling.sagas.values() if s.due_at is not None and s.due_at < before]
        due.sort(key=lambda state: (state.due_at or before, state.id))
        start = 0 if after is None else 1 + [state.id for state in due].index(after.id)
        return due[start : start + limit]

    def _sagas_of(self, booking: Booking) -> list[SagaState]:
        return [state for state in self.scheduling.sagas.values() if state.booking_id == booking.id]

    def _facts(self) -> list[BookingFact]:
        return [self._fact_of(booking) for booking in self.scheduling.bookings.values()]

    def _fact_of(self, booking: Booking) -> BookingFact:
        sagas = self._sagas_of(booking)
        changed_at = self.scheduling.changed_at
        first = min(sagas, key=lambda state: (state.created_at, state.id), default=None)
        last = max(sagas, key=lambda state: (changed_at[state.id], state.id), default=None)
        cells = {cell for cell, holder in self.scheduling.cells.items() if holder == booking.id}
        wanted = {(booking.care_provider_id, cell) for cell in cells_of(booking.starts_at, booking.ends_at)}
        attempts = self.scheduling.attempts.get(booking.id, [])
        return BookingFact(
            id=booking.id,
            status=booking.status,
            meeting_id=booking.meeting_id,
            starts_at=booking.starts_at,
            is_settled=booking.status is not BookingStatus.PENDING and not any(s.status in OPEN for s in sagas),
            is_moving=booking.moving_saga_id is not None,
            booked_by=None if first is None else first.id,
            booked_by_ended=None if first is None else first.status,
            last_saga=None if last is None else last.id,
            last_saga_at=None if last is None else changed_at[last.id],
            cells=len(cells),
            has_its_time=cells == wanted,
            may_have_room=any(line.step == "create_meeting" for line in attempts),
        )


@dataclass
class FakePsyterFacts:
    psyter: FakePsyter

    def orders_of(self, booking_ids: Sequence[int]) -> Sequence[OrderFact]:
        return [self._fact_of(order) for order in self.psyter.orders.values() if order.booking_id in set(booking_ids)]

    def changed_orders(self, span: Span, *, after: OrderFact | None, limit: int) -> Sequence[OrderFact]:
        changed = [fact for fact in map(self._fact_of, self.psyter.orders.values()) if span.covers(fact.updated_at)]
        changed.sort(key=_change_of)
        return [fact for fact in changed if after is None or _change_of(fact) > _change_of(after)][:limit]

    def balances_against_ledger(self, *, after: int | None, limit: int) -> Sequence[int]:
        signs = {LedgerKind.DEBIT: -1, LedgerKind.RESTORE: 1}
        expected = dict(self.psyter.deposits)
        for entry in self.psyter.ledger:
            expected[entry.organization_id] += signs[entry.kind] * entry.amount_minor
        wrong = [number for number, balance in self.psyter.balances.items() if balance != expected[number]]
        return _page(wrong, after, limit)

    def _fact_of(self, order: Order) -> OrderFact:
        entered = {
            kind: sum(
                entry.amount_minor
                for entry in self.psyter.ledger
                if (entry.booking_id, entry.kind) == (order.booking_id, kind)
            )
            for kind in LedgerKind
        }
        return OrderFact(
            id=order.id,
            booking_id=order.booking_id,
            status=order.status,
            amount_minor=order.amount_minor,
            is_charged_to_balance=order.is_charged_to_balance,
            updated_at=self.psyter.changed_at[order.booking_id],
            debited_minor=entered[LedgerKind.DEBIT],
            restored_minor=entered[LedgerKind.RESTORE],
        )


def _page(ids: Iterable[int], after: int | None, limit: int) -> list[int]:
    return sorted(one for one in ids if after is None or one > after)[:limit]


def _end_of(fact: BookingFact) -> tuple[datetime, str]:
    assert fact.last_saga_at is not None
    assert fact.last_saga is not None
    return fact.last_saga_at, fact.last_saga


def _change_of(fact: OrderFact) -> tuple[datetime, int]:
    return fact.updated_at, fact.id
