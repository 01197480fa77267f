"""A slot as a partner names it: by id, with its date and times in the partner's own time zone.

Refusals:  SlotNotFound | SlotInPast | SlotContradicted   name a field
"""

from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from repositories.entities.bookings import Slot
from repositories.entities.effects import ReserveTime
from repositories.entities.sagas import SagaState
from repositories.ports.bookings import Slots
from repositories.ports.errors import SlotTaken


class Refusal(Exception):
    """A request that cannot be accepted."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class SlotNotFound(Refusal):
    """The care provider has no such slot."""


class SlotInPast(Refusal):
    """This slot has already begun."""


class SlotContradicted(Refusal):
    """This is not the date or time of the slot."""


class SlotClosed(Exception):
    """The care provider does not offer this slot any more."""


SLOT_REFUSALS = (SlotClosed, SlotTaken)


@dataclass(frozen=True, kw_only=True)
class SlotChoice:
    """Dates and times are wall-clock in `zone`."""

    care_provider_id: int
    slot_id: int
    local_date: date
    local_start: time
    local_end: time
    zone: tzinfo


def chosen_slot(slots: Slots, choice: SlotChoice, *, now: datetime) -> Slot:
    """The slot that was chosen. Raises the refusals above."""
    slot = slots.find_slot(choice.slot_id)
    if slot is None or slot.care_provider_id != choice.care_provider_id:
        raise SlotNotFound("applicationMultiSlotId")
    starts, ends = slot.starts_at.astimezone(choice.zone), slot.ends_at.astimezone(choice.zone)
    if starts.date() != choice.local_date:
        raise SlotContradicted("slotDate")
    if starts.time() != choice.local_start:
        raise SlotContradicted("slotStartTime")
    if ends.time() != choice.local_end:
        raise SlotContradicted("slotEndTime")
    if slot.starts_at <= now:
        raise SlotInPast("slotDate")
    return slot


def check_slot(slots: Slots, state: SagaState) -> None:
    """What a saga's first step asks of the slot in its input. Raises SlotClosed, SlotTaken."""
    slot = slots.find_slot(state.input["slot_id"])
    if slot is None or not _is_as_chosen(slot, state):
        raise SlotClosed
    if not slots.is_time_free(slot, booking_id=state.booking_id):
        raise SlotTaken


def time_wanted(state: SagaState) -> ReserveTime:
    """What a saga does to get the time in its input."""
    return ReserveTime(
        booking_id=state.booking_id,
        care_provider_id=state.input["care_provider_id"],
        starts_at=instant(state, "starts_at"),
        ends_at=instant(state, "ends_at"),
    )


def instant(state: SagaState, name: str) -> datetime:
    return datetime.fromisoformat(state.input[name])


def _is_as_chosen(slot: Slot, state: SagaState) -> bool:
    chosen = (state.input["care_provider_id"], instant(state, "starts_at"), instant(state, "ends_at"))
    return slot.is_open and (slot.care_provider_id, slot.starts_at, slot.ends_at) == chosen
