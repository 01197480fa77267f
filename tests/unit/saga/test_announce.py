"""Workers say when there is something to announce: after the commit, and only then."""

from dataclasses import replace
from datetime import timedelta

from repositories.entities.effects import ConfirmBooking, ReleaseTime
from repositories.entities.sagas import SagaState
from saga.announce import TellingJournal
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot


def told_by() -> tuple[scheduling.World, list[int], int]:
    world = scheduling.fake_world()
    world.add_slot(slot(7, STARTS, HOUR))
    told: list[int] = []
    inner = world.journal
    world.journal = TellingJournal(journal=inner, tell=lambda: told.append(len(inner.events)))
    return world, told, world.accept()


def test_a_saga_that_has_just_begun_tells_of_what_began_it() -> None:
    world, told, booking = told_by()
    state = world.claimed(booking)
    assert told == [1]
    world.save(replace(state, due_at=NOW, claims=0))
    assert world.claim(booking, now=NOW + timedelta(seconds=1)) is not None
    assert told == [1]


def test_only_a_commit_that_wrote_an_event_tells_and_after_it() -> None:
    world, told, booking = told_by()
    state: SagaState = world.save(world.claimed(booking), ReleaseTime(booking_id=booking))
    assert told == [1]
    world.save(state, ConfirmBooking(booking_id=booking, meeting_id="room"))
    assert told == [1, 2]
