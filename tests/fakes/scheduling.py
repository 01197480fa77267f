"""SchedulingDatabase in memory: what the real one promises, in a few dicts. Kept honest by tests/contract."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from repositories.entities.bookings import (
    Booking,
    BookingView,
    HistoryFilter,
    HistoryPlace,
    NewBooking,
    Slot,
    Withdrawal,
    Withdrawn,
)
from repositories.entities.effects import ConfirmBooking, Effect, EndBooking, GiveUpBooking, ReleaseTime, ReserveTime
from repositories.entities.idempotency import Change, IdempotencyKey, KeyUse
from repositories.entities.moves import EndMove, Move, MoveBooking, ReleaseOtherTime
from repositories.entities.pushes import BOTH_PLATFORMS, NewPush, PushRecord, RecordPush
from repositories.entities.sagas import Attempt, AuditEntry, DueSaga, SagaState
from repositories.enums import BookingStatus, PushState, Service
from repositories.idempotency import change_of
from repositories.ports.errors import (
    BookingWithdrawn,
    CancelledTooLate,
    KeyTaken,
    LeaseLost,
    MoveInFlight,
    NotConfirmed,
    SlotTaken,
)
from repositories.scheduling_db.bookings import view_of
from repositories.scheduling_db.cells import cells_of

KEPT = (
    "bookings",
    "cells",
    "sagas",
    "changed_at",
    "attempts",
    "lines",
    "audit",
    "events",
    "keys",
    "marks",
    "pushes",
    "reminders_at",
)


@dataclass
class FakeScheduling:
    slots: dict[int, Slot] = field(default_factory=dict)
    bookings: dict[int, Booking] = field(default_factory=dict)
    cells: dict[tuple[int, int], int] = field(default_factory=dict)  # (provider, cell) -> booking
    sagas: dict[str, SagaState] = field(default_factory=dict)
    changed_at: dict[str, datetime] = field(default_factory=dict)  # by saga
    audit: list[tuple[str, AuditEntry]] = field(default_factory=list)  # (saga, entry)
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)  # by booking
    lines: dict[str, list[Attempt]] = field(default_factory=dict)  # the same, by saga
    events: list[tuple[int, int, str]] = field(default_factory=list)  # (booking, sequence, kind)
    keys: dict[tuple[int, str], tuple[KeyUse, datetime]] = field(default_factory=dict)
    marks: dict[str, datetime] = field(default_factory=dict)
    groups: dict[str, list[int]] = field(default_factory=dict)
    pushes: dict[int, PushRecord] = field(default_factory=dict)
    reminders_at: dict[int, datetime | None] = field(default_factory=dict)  # by booking

    # --- what tests arrange ------------------------------------------------------------------

    def add_slot(
        self, *, id: int, care_provider_id: int, starts_at: datetime, ends_at: datetime, is_open: bool = True
    ) -> Slot:
        slot = Slot(id=id, care_provider_id=care_provider_id, starts_at=starts_at, ends_at=ends_at, is_open=is_open)
        self.slots[id] = slot
        return slot

    # --- Slots -------------------------------------------------------------------------------

    def find_slot(self, slot_id: int) -> Slot | None:
        return self.slots.get(slot_id)

    def is_time_free(self, slot: Slot, *, booking_id: int) -> bool:
        wanted = cells_of(slot.starts_at, slot.ends_at)
        return all(self.cells.get((slot.care_provider_id, cell), booking_id) == booking_id for cell in wanted)

    # --- Bookings ----------------------------------------------------------------------------

    def accept(
        self,
        booking: NewBooking,
        *,
        start: Callable[[int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> int:
        if idempotency is not None:
            self._use_key(idempotency, booking, len(self.bookings) + 1, now)
        return self._add(booking, start, now, nudged_until)

    def _add(
        self, booking: NewBooking, start: Callable[[int], SagaState], now: datetime, nudged_until: datetime
    ) -> int:
        booking_id = len(self.bookings) + 1
        if booking.group_id is not None:
            self.groups.setdefault(booking.group_id, []).append(booking_id)
        self.bookings[booking_id] = Booking(
            id=booking_id,
            organization_id=booking.organization_id,
            user_id=booking.user_id,
            care_provider_id=booking.care_provider_id,
            slot_id=booking.slot_id,
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            communication_type=booking.communication_type,
            status=BookingStatus.PENDING,
            meeting_id=None,
            reason=None,
            failed_step=None,
            created_at=now,
            updated_at=now,
        )
        saga = start(booking_id)
        self._add_saga(saga, now, nudged_until)
        self._tell(booking_id, "accepted")
        return booking_id

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
        booking = self.find_booking(withdrawal.booking_id, organization_id=withdrawal.organization_id)
        if booking is None:
            return None
        if booking.status is BookingStatus.CONFIRMED and booking.starts_at <= starts_after:
            raise CancelledTooLate
        if idempotency is not None:
            self._use_key(idempotency, booking, booking.id, now)
        written = {"withdrawn_at": now, "withdrawn_by": withdrawal.by, "withdrawal_reason": withdrawal.why}
        saga = next(saga for saga in self.sagas.values() if saga.booking_id == booking.id)
        if booking.status is BookingStatus.PENDING and booking.withdrawn_at is None:
            self._change(booking, now, "withdrawn", **written)
            self._tell_saga(saga, now)
            return Withdrawn(booking=self.bookings[booking.id], saga=DueSaga(id=saga.id, name=saga.name))
        if booking.status is not BookingStatus.CONFIRMED:
            return Withdrawn(booking=booking, saga=None)
        self._tell_saga(saga, now)
        self._change(booking, now, "cancelled", status=BookingStatus.CANCELLED, **written)
        self.reminders_at[booking.id] = None
        self._release(booking.id)
        following = follow_up(self.bookings[booking.id], saga.id)
        self._add_saga(following, now, nudged_until)
        return Withdrawn(booking=self.bookings[booking.id], saga=DueSaga(id=following.id, name=following.name))

    def _add_saga(self, saga: SagaState, now: datetime, nudged_until: datetime) -> None:
        self.sagas[saga.id] = saga
        self.changed_at[saga.id] = now
        self.marks[saga.id] = nudged_until

    def request_of(self, booking_id: int | None, by: datetime) -> str | None:
        begun = [one for one in self.sagas.values() if one.booking_id == booking_id and one.created_at <= by]
        return max(begun, key=lambda saga: saga.created_at).request_id if begun else None

    def _tell_saga(self, saga: SagaState, now: datetime) -> None:
        is_waiting = saga.claims == 0 and saga.due_at is not None and saga.due_at > now
        self.sagas[saga.id] = replace(saga, withdrawn_at=now, due_at=now if is_waiting else saga.due_at)
        if is_waiting:
            self.marks.pop(saga.id, None)

    def _use_key(
        self, idempotency: IdempotencyKey, booking: NewBooking | Booking, booking_id: int, now: datetime
    ) -> None:
        if self.find_key_use(booking.organization_id, idempotency.key, now=now) is not None:
            raise KeyTaken
        use = KeyUse(body_digest=idempotency.body_digest, ids=(booking_id, booking.user_id))
        self.keys[booking.organization_id, idempotency.key] = (use, now)

    def find_key_use(self, organization_id: int, key: str, *, now: datetime) -> KeyUse | None:
        use, used_at = self.keys.get((organization_id, key), (None, now))
        return use if use is not None and used_at > now - timedelta(hours=24) else None

    def find_booking(self, booking_id: int, *, organization_id: int) -> Booking | None:
        booking = self.bookings.get(booking_id)
        return booking if booking is not None and booking.organization_id == organization_id else None

    def find_view(self, booking_id: int, *, organization_id: int) -> BookingView | None:
        booking = self.find_booking(booking_id, organization_id=organization_id)
        if booking is None:
            return None
        sagas = [saga for saga in self.sagas.values() if saga.booking_id == booking_id]
        return view_of(booking, sagas, tuple(self.attempts.get(booking_id, ())))

    # --- Groups ------------------------------------------------------------------------------

    def accept_group(
        self,
        bookings: Sequence[NewBooking],
        *,
        start: Callable[[int, int], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        organization_id = bookings[0].organization_id
        earlier = self.find_group(idempotency, organization_id=organization_id, now=now)
        if earlier is not None:
            return earlier
        ids: list[int] = []
        for place, booking in enumerate(bookings):
            booking_id = self._add(booking, partial(start, place), now, nudged_until)
            ids += (booking_id, booking.user_id)
        if idempotency is not None:
            use = KeyUse(body_digest=idempotency.body_digest, ids=tuple(ids))
            self.keys[organization_id, idempotency.key] = (use, now)
        return Change(ids=tuple(ids))

    def find_group(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        return self.find_move(key, organization_id=organization_id, now=now)

    def live_bookings(self, group_id: str, *, organization_id: int) -> Sequence[int]:
        return [
            booking.id
            for booking in map(self.bookings.__getitem__, self.groups.get(group_id, []))
            if booking.organization_id == organization_id
            and (
                booking.status is BookingStatus.CONFIRMED
                or (booking.status is BookingStatus.PENDING and booking.withdrawn_at is None)
            )
        ]

    # --- Moves -------------------------------------------------------------------------------

    def start_move(
        self,
        move: Move,
        *,
        starts_after: datetime,
        start: Callable[[Booking], SagaState],
        idempotency: IdempotencyKey | None,
        now: datetime,
        nudged_until: datetime,
    ) -> Change:
        earlier = self.find_move(idempotency, organization_id=move.organization_id, now=now)
        if earlier is not None:
            return earlier
        booking = self.find_booking(move.booking_id, organization_id=move.organization_id)
        if booking is None or booking.status is not BookingStatus.CONFIRMED:
            raise NotConfirmed
        if booking.moving_saga_id is not None:
            raise MoveInFlight
        if booking.starts_at <= starts_after:
            raise CancelledTooLate
        if idempotency is not None:
            use = KeyUse(body_digest=idempotency.body_digest, ids=(move.booking_id,))
            self.keys[move.organization_id, idempotency.key] = (use, now)
        self.bookings[booking.id] = replace(booking, moving_saga_id=move.saga_id)
        self._add_saga(start(self.bookings[booking.id]), now, nudged_until)
        return Change(ids=(move.booking_id,))

    def find_move(self, key: IdempotencyKey | None, *, organization_id: int, now: datetime) -> Change | None:
        use = None if key is None else self.find_key_use(organization_id, key.key, now=now)
        return None if use is None or key is None else change_of(use, key)

    # --- BookingHistory ----------------------------------------------------------------------

    def list_bookings(self, wanted: HistoryFilter, *, after: HistoryPlace | None, limit: int) -> Sequence[Booking]:
        found = [
            booking
            for booking in self.bookings.values()
            if booking.organization_id == wanted.organization_id
            and wanted.user_id in (None, booking.user_id)
            and booking.status in wanted.statuses
            and wanted.starts_from <= booking.starts_at < wanted.starts_before
            and (after is None or (booking.starts_at, booking.id) < (after.starts_at, after.booking_id))
        ]
        return sorted(found, key=lambda booking: (booking.starts_at, booking.id), reverse=True)[:limit]

    # --- Journal -----------------------------------------------------------------------------

    def claim(self, saga_id: str, *, now: datetime, lease: timedelta, token: str) -> SagaState | None:
        saga = self.sagas.get(saga_id)
        if saga is None or saga.due_at is None or saga.due_at > now:
            return None
        self.sagas[saga_id] = replace(
            saga, due_at=now + lease, lease_token=token, claims=saga.claims + 1, version=saga.version + 1
        )
        self.marks.pop(saga_id, None)
        return self.sagas[saga_id]

    def save(
        self, state: SagaState, *, attempts: Sequence[Attempt], effects: Sequence[Effect] = (), now: datetime
    ) -> SagaState:
        kept = self.sagas[state.id]
        if state.lease_token is None or (kept.lease_token, kept.version) != (state.lease_token, state.version):
            raise LeaseLost
        with self.one_transaction():
            saved = self.write_saga(state, attempts, effects, now)
            self.sagas[state.id] = saved if state.due_at is not None else replace(saved, lease_token=None)
        return saved

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        before = {name: copy(getattr(self, name)) for name in KEPT}
        try:
            yield
        except Exception:
            for name, value in before.items():
                setattr(self, name, value)
            raise

    def write_saga(
        self, state: SagaState, attempts: Sequence[Attempt], effects: Sequence[Effect], now: datetime
    ) -> SagaState:
        kept = self.sagas[state.id]
        self.sagas[state.id] = replace(state, version=state.version + 1, withdrawn_at=kept.withdrawn_at)
        self.changed_at[state.id] = now
        self.marks.pop(state.id, None)
        for effect in effects:
            self._apply(effect, now)
        lines = [replace(line, duration=line.duration or timedelta()) for line in attempts]
        self.attempts[state.booking_id] = [*self.attempts.get(state.booking_id, []), *lines]
        self.lines[state.id] = [*self.lines.get(state.id, []), *lines]
        return self.sagas[state.id]

    def take_due(self, *, now: datetime, limit: int, marked_until: datetime) -> list[DueSaga]:
        due = [
            saga
            for saga in self.sagas.values()
            if saga.due_at is not None and saga.due_at <= now and self.marks.get(saga.id, now) <= now
        ]
        due.sort(key=lambda saga: saga.due_at or now)
        self.marks.update({saga.id: marked_until for saga in due[:limit]})
        return [DueSaga(id=saga.id, name=saga.name) for saga in due[:limit]]

    def line(self, service: Service, *, now: datetime) -> list[SagaState]:
        """Who waits for this service and is neither in a worker's hands nor on the way to one."""
        return [
            saga
            for saga in self._in_line(service)
            if saga.claims == 0 and saga.due_at is not None and self.marks.get(saga.id, now) <= now
        ]

    def _in_line(self, service: Service) -> list[SagaState]:
        return [saga for saga in self.sagas.values() if saga.in_line is not None and saga.in_line.service is service]

    def take_waiting(
        self, service: Service, *, limit: int, window: int, longest_first: bool, now: datetime, marked_until: datetime
    ) -> list[DueSaga]:
        on_their_way = [
            saga
            for saga in self._in_line(service)
            if saga.claims == 0 and saga.due_at is not None and saga.due_at <= now < self.marks.get(saga.id, now)
        ]
        waiting = self.line(service, now=now)
        waiting.sort(key=lambda saga: (saga.created_at, saga.id))
        if longest_first:
            waiting.sort(key=lambda saga: saga.in_line.since if saga.in_line else now)
        first = waiting[: max(min(limit, window - len(on_their_way)), 0)]
        for saga in first:
            self.sagas[saga.id] = replace(saga, due_at=now)
            self.marks[saga.id] = marked_until
        return [DueSaga(id=saga.id, name=saga.name) for saga in first]

    def is_reachable(self) -> bool:
        return True

    # --- effects -----------------------------------------------------------------------------

    def _apply(self, effect: Effect, now: datetime) -> None:
        match effect:
            case ReserveTime():
                self._reserve(effect)
            case ReleaseTime(booking_id=booking_id):
                self._release(booking_id)
            case ConfirmBooking():
                self._confirm(effect, now)
            case EndBooking():
                self._end(effect, now)
            case ReleaseOtherTime(booking_id=booking_id):
                self._release_other(booking_id)
            case MoveBooking():
                self._move(effect, now)
            case EndMove():
                self._end_move(effect)
            case RecordPush():
                self._record_push(effect, now)
            case GiveUpBooking(booking_id=booking_id, reason=reason, failed_step=failed_step):
                self._end(EndBooking(booking_id=booking_id, reason=reason, failed_step=failed_step), now)
                self._release_other(booking_id)
                self.bookings[booking_id] = replace(self.bookings[booking_id], moving_saga_id=None)

    def _record_push(self, effect: RecordPush, now: datetime) -> None:
        is_sent = effect.reason is None
        self.add_push(
            effect.push,
            now,
            state=PushState.SENT if is_sent else PushState.FAILED,
            reason=effect.reason,
            left_to=() if is_sent else BOTH_PLATFORMS,
            attempts=effect.attempts,
            sent_at=now if is_sent else None,
        )

    def add_push(self, push: NewPush, now: datetime, **values: Any) -> int | None:
        if any(record.push.key == push.key for record in self.pushes.values()):
            return None
        kept: dict[str, Any] = {
            "state": PushState.WAITING,
            "reason": None,
            "left_to": BOTH_PLATFORMS,
            "attempts": 0,
            "due_at": None,
            "sent_at": None,
            **values,
        }
        push_id = len(self.pushes) + 1
        self.pushes[push_id] = PushRecord(id=push_id, push=push, created_at=now, updated_at=now, **kept)
        return push_id

    def _release(self, booking_id: int) -> None:
        self.cells = {cell: holder for cell, holder in self.cells.items() if holder != booking_id}

    def _release_other(self, booking_id: int) -> None:
        booking = self.bookings[booking_id]
        own = cells_of(booking.starts_at, booking.ends_at) if booking.status is BookingStatus.CONFIRMED else []
        self.cells = {cell: holder for cell, holder in self.cells.items() if holder != booking_id or cell[1] in own}

    def _move(self, effect: MoveBooking, now: datetime) -> None:
        booking = self.bookings[effect.booking_id]
        if (booking.status, booking.moving_saga_id) != (BookingStatus.CONFIRMED, effect.saga_id):
            raise BookingWithdrawn
        times = {"slot_id": effect.slot_id, "starts_at": effect.starts_at, "ends_at": effect.ends_at}
        self._change(booking, now, "rescheduled", moving_saga_id=None, **times)
        self.reminders_at[booking.id] = now
        self._release_other(booking.id)

    def _end_move(self, effect: EndMove) -> None:
        booking = self.bookings[effect.booking_id]
        if booking.moving_saga_id == effect.saga_id:
            self.bookings[booking.id] = replace(booking, moving_saga_id=None)

    def _reserve(self, effect: ReserveTime) -> None:
        for cell in cells_of(effect.starts_at, effect.ends_at):
            holder = self.cells.setdefault((effect.care_provider_id, cell), effect.booking_id)
            if holder != effect.booking_id:
                raise SlotTaken

    def _confirm(self, effect: ConfirmBooking, now: datetime) -> None:
        booking = self.bookings[effect.booking_id]
        if (booking.status, booking.meeting_id) == (BookingStatus.CONFIRMED, effect.meeting_id):
            return
        if booking.status is not BookingStatus.PENDING or booking.withdrawn_at is not None:
            raise BookingWithdrawn
        self._change(booking, now, "confirmed", status=BookingStatus.CONFIRMED, meeting_id=effect.meeting_id)
        self.reminders_at[booking.id] = now

    def _end(self, effect: EndBooking, now: datetime) -> None:
        booking = self.bookings[effect.booking_id]
        if booking.status is not BookingStatus.PENDING:
            return
        status = BookingStatus.CANCELLED if booking.withdrawn_at is not None else BookingStatus.FAILED
        kind = status.name.lower()
        self._change(booking, now, kind, status=status, reason=effect.reason, failed_step=effect.failed_step)
        if status is BookingStatus.FAILED and effect.if_failed is not None:
            self.sagas[effect.if_failed.id] = effect.if_failed

    def _change(self, booking: Booking, now: datetime, kind: str, **values: Any) -> None:
        self.bookings[booking.id] = replace(booking, updated_at=now, **values)
        self._tell(booking.id, kind)

    def _tell(self, booking_id: int, kind: str) -> None:
        sequence = 1 + sum(event[0] == booking_id for event in self.events)
        self.events = [*self.events, (booking_id, sequence, kind)]
