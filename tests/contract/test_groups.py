"""What bookings that are made all or none rely on of SchedulingDatabase: on the fake, and on every engine alike."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from repositories.database import Database
from repositories.entities.bookings import NewBooking
from repositories.entities.effects import ConfirmBooking, EndBooking
from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.sagas import SagaState
from repositories.enums import BookingPlatform, BookingStatus, CommunicationType, Reason
from repositories.ports.errors import KeyReused
from repositories.scheduling_db.groups import SqlGroups
from saga import withdraw_group
from saga.accept_booking import first_state
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, SAGAS, STARTS, slot
from tests.engines import ENGINES

GROUP = "g" * 32


@dataclass
class Grouped:
    world: scheduling.World
    groups: Any

    def accept(self, number: int = 3, *, key: IdempotencyKey | None = None, group: str = GROUP) -> Change:
        bookings = [self._booking(place, group) for place in range(number)]

        def start(place: int, booking_id: int) -> SagaState:
            state = first_state(f"{next(SAGAS):032}", booking_id, bookings[place], now=NOW, deadline_at=NOW + HOUR)
            self.world.saga_of[booking_id] = state.id
            return state

        change: Change = self.groups.accept_group(
            bookings, start=start, idempotency=key, now=NOW, nudged_until=NOW + timedelta(seconds=5)
        )
        return change

    def _booking(self, place: int, group: str) -> NewBooking:
        return NewBooking(
            organization_id=1,
            user_id=50 + place,
            care_provider_id=42,
            slot_id=7,
            starts_at=STARTS,
            ends_at=STARTS + HOUR,
            communication_type=CommunicationType.VIDEO,
            platform=BookingPlatform.API,
            is_from_mobile=False,
            group_id=group,
        )

    def live(self, *, organization_id: int = 1) -> list[int]:
        return list(self.groups.live_bookings(GROUP, organization_id=organization_id))


@pytest.fixture(params=["fake", *ENGINES])
def grouped(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Grouped:
    whole = fake() if request.param == "fake" else sql(fresh_database(request.param, "scheduling_db"))
    whole.world.add_slot(slot(7, STARTS, HOUR))
    return whole


def fake() -> Grouped:
    world = scheduling.fake_world()
    return Grouped(world, world.bookings)


def sql(database: Database) -> Grouped:
    return Grouped(scheduling.sql_world(database), SqlGroups(database))


def test_all_are_written_together_each_with_its_saga_and_event(grouped: Grouped) -> None:
    change = grouped.accept()
    assert change.ids[1::2] == (50, 51, 52)
    assert not change.is_replay
    ids = list(change.ids[::2])
    assert [grouped.world.booking(id).status for id in ids] == [BookingStatus.PENDING] * 3
    assert [grouped.world.claimed(id).input["group"] for id in ids] == [GROUP] * 3
    assert grouped.world.events() == [(id, 1, "accepted") for id in ids]


def test_a_key_is_of_the_whole_group(grouped: Grouped) -> None:
    key = IdempotencyKey(key="k", body_digest="d" * 64)
    first = grouped.accept(key=key)
    again = grouped.accept(key=key)
    assert (again.ids, again.is_replay) == (first.ids, True)
    assert grouped.groups.find_group(key, organization_id=1, now=NOW).ids == first.ids
    assert grouped.groups.find_group(None, organization_id=1, now=NOW) is None
    with pytest.raises(KeyReused):
        grouped.accept(key=replace(key, body_digest="e" * 64))


def test_live_are_those_confirmed_or_pending(grouped: Grouped) -> None:
    first, second, third = grouped.accept().ids[::2]
    grouped.accept(1, group="h" * 32)
    assert grouped.live() == [first, second, third]
    assert grouped.live(organization_id=2) == []
    grouped.world.withdraw(first)
    state = grouped.world.claimed(second)
    grouped.world.save(state, ConfirmBooking(booking_id=second, meeting_id="room"))
    failed = grouped.world.claimed(third)
    grouped.world.save(failed, EndBooking(booking_id=third, reason=Reason.NOT_ALLOWED, failed_step="check_slot"))
    assert grouped.live() == [second]


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_failure_begins_the_withdrawal_of_the_others_and_a_cancellation_does_not(
    grouped: Grouped, is_withdrawn: bool
) -> None:
    booking_id = grouped.accept().ids[0]
    if is_withdrawn:
        grouped.world.withdraw(booking_id)
    state = grouped.world.claimed(booking_id)
    follow_up = withdraw_group.first_state(state, now=NOW)
    end = EndBooking(booking_id=booking_id, reason=Reason.NOT_ALLOWED, failed_step="check_slot", if_failed=follow_up)
    grouped.world.save(state, end)
    begun = grouped.world.journal.claim(follow_up.id, now=NOW, lease=HOUR, token="t")
    assert (begun is None) == is_withdrawn
    if begun is not None:
        assert (begun.name, begun.step, begun.input["group"]) == ("withdraw_group", "withdraw_others", GROUP)
