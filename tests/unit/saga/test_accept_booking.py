"""What a partner can get wrong is refused before anything is written."""

from datetime import timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.enums import BookingStatus
from repositories.ports.errors import KeyReused, ReferenceContradicted
from saga.accept_booking import UserContradicted, UserNotFound
from saga.slot_choice import Refusal, SlotContradicted, SlotInPast, SlotNotFound
from tests.unit.saga.world import GUEST, ORDINARY, SLOT_STARTS, World, key, request


@pytest.fixture
def world() -> World:
    return World()


def test_an_accepted_booking_is_pending_due_at_once_and_nudged(world: World) -> None:
    accepted = world.book()
    assert world.booking(accepted.booking_id).status is BookingStatus.PENDING
    saga = next(iter(world.scheduling.sagas.values()))
    assert world.nudged == [saga.id]
    assert (saga.due_at, saga.deadline_at, saga.expires_at) == (
        world.now,
        world.now + timedelta(minutes=10),
        SLOT_STARTS,
    )


def test_the_deadline_is_never_after_the_start_of_the_session(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(minutes=1)
    world.book()
    assert next(iter(world.scheduling.sagas.values())).deadline_at == SLOT_STARTS


def test_the_journal_holds_ids_and_instants_only(world: World) -> None:
    world.book()
    saga = next(iter(world.scheduling.sagas.values()))
    assert GUEST.name not in repr(saga)
    assert GUEST.dob.isoformat() not in repr(saga)


def test_the_same_guest_twice_is_one_user(world: World) -> None:
    first, second = world.book(), world.book()
    assert first.user_id == second.user_id
    assert first.booking_id != second.booking_id


def test_the_same_reference_in_another_organization_is_another_user(world: World) -> None:
    assert world.book().user_id != world.book(ORDINARY).user_id


def test_a_registered_user_books(world: World) -> None:
    user_id = world.book().user_id
    assert world.book(guest=None, user_id=user_id).user_id == user_id
    assert world.book(guest=None, user_id=user_id, reference_id=None).user_id == user_id


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"guest": None, "user_id": 999}, UserNotFound, "userId"),
    ({"guest": None, "user_id": None}, UserNotFound, "userId"),
    ({"slot_id": 999}, SlotNotFound, "applicationMultiSlotId"),
    ({"care_provider_id": 43}, SlotNotFound, "applicationMultiSlotId"),
    ({"local_date": SLOT_STARTS.date() + timedelta(days=1)}, SlotContradicted, "slotDate"),
    ({"local_start": (SLOT_STARTS + timedelta(minutes=5)).time()}, SlotContradicted, "slotStartTime"),
    ({"local_end": (SLOT_STARTS + timedelta(minutes=30)).time()}, SlotContradicted, "slotEndTime"),
    ({"zone": timezone(timedelta(hours=3))}, SlotContradicted, "slotStartTime"),
]


@pytest.mark.parametrize(("changes", "error", "field"), REFUSED)
def test_a_wrong_request_names_its_field_and_writes_nothing(
    world: World, changes: dict[str, Any], error: type[Refusal], field: str
) -> None:
    with pytest.raises(error) as refused:
        world.book(**changes)
    assert refused.value.field == field
    assert not world.scheduling.bookings
    assert not world.scheduling.sagas
    assert not world.psyter.users
    assert not world.nudged


def test_another_organizations_user_is_answered_like_a_missing_one(world: World) -> None:
    foreign = world.book(ORDINARY).user_id
    with pytest.raises(UserNotFound):
        world.book(guest=None, user_id=foreign)


def test_a_reference_that_is_not_the_users_is_refused(world: World) -> None:
    user_id = world.book().user_id
    with pytest.raises(UserContradicted):
        world.book(guest=None, user_id=user_id, reference_id="OTHER")


def test_a_guest_with_other_details_under_the_same_reference_is_refused(world: World) -> None:
    world.book()
    other = type(GUEST)(
        reference_id=GUEST.reference_id, name=GUEST.name, dob=GUEST.dob + timedelta(1), gender=GUEST.gender
    )
    with pytest.raises(ReferenceContradicted):
        world.book(guest=other)


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_slot_that_has_begun_is_refused(world: World, seconds: int) -> None:
    world.now = SLOT_STARTS + timedelta(seconds=seconds)
    with pytest.raises(SlotInPast):
        world.book()


def test_a_slot_about_to_begin_is_accepted(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(seconds=1)
    world.book()


@given(
    st.one_of(
        st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
        st.sampled_from(["Asia/Kathmandu", "Asia/Riyadh", "Europe/London", "America/St_Johns"]).map(ZoneInfo),
    )
)
def test_a_slot_is_named_by_its_local_time_in_any_zone(zone: Any) -> None:
    world = World()
    local = SLOT_STARTS.astimezone(zone)
    end = (SLOT_STARTS + timedelta(hours=1)).astimezone(zone)
    accepted = world.book(zone=zone, local_date=local.date(), local_start=local.time(), local_end=end.time())
    assert world.booking(accepted.booking_id).starts_at == SLOT_STARTS


# --- idempotency ---------------------------------------------------------------------------


def test_the_same_key_and_body_is_answered_again_and_booked_once(world: World) -> None:
    first = world.book(idempotency=key("k"))
    again = world.book(idempotency=key("k"))
    assert (again.booking_id, again.user_id, again.is_replay) == (first.booking_id, first.user_id, True)
    assert len(world.scheduling.bookings) == 1
    assert len(world.nudged) == 1


def test_a_replay_is_answered_though_the_slot_has_begun_meanwhile(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(hours=1)
    first = world.book(idempotency=key("k"))
    world.now = SLOT_STARTS
    assert world.book(idempotency=key("k")).booking_id == first.booking_id


def test_the_same_key_with_another_body_is_refused(world: World) -> None:
    world.book(idempotency=key("k", "one"))
    with pytest.raises(KeyReused):
        world.book(idempotency=key("k", "two"))


def test_keys_of_two_organizations_do_not_meet(world: World) -> None:
    first = world.book(idempotency=key("k"))
    assert world.book(ORDINARY, idempotency=key("k")).booking_id != first.booking_id


def test_a_key_taken_while_we_were_writing_answers_with_the_winners_booking(world: World) -> None:
    winner = world.book(idempotency=key("k"))
    accept = world.accept
    use = world.scheduling.find_key_use(1, "k", now=world.now)
    seen = [None, use, use]
    world.scheduling.find_key_use = lambda *_, **__: seen.pop(0)  # type: ignore[method-assign]
    again = accept(request(idempotency=key("k")))
    assert (again.booking_id, again.is_replay) == (winner.booking_id, True)
    assert len(world.scheduling.bookings) == 1


def test_a_key_expires_after_a_day(world: World) -> None:
    world.now = SLOT_STARTS - timedelta(hours=24, seconds=1)
    first = world.book(idempotency=key("k"))
    world.now += timedelta(hours=24)
    assert world.book(idempotency=key("k")).booking_id != first.booking_id
