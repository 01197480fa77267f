"""What reminding relies on of both databases: on the fakes, and on every engine alike."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from repositories.database import Database
from repositories.entities.effects import ConfirmBooking
from repositories.entities.moves import MoveBooking
from repositories.entities.pushes import PushFilter
from repositories.entities.reminders import BookingToRemind, Preference, PreferenceChange, Reminder, Someone
from repositories.enums import BookingStatus, Recipient, ReminderOutcome
from repositories.psyter_db.reminder_preferences import SqlReminderPreferences
from repositories.scheduling_db import tables
from repositories.scheduling_db.pushes import SqlPushes
from repositories.scheduling_db.reminders import SqlReminders
from tests.conftest import FreshDatabase
from tests.contract import test_scheduling as scheduling
from tests.contract.test_scheduling import HOUR, NOW, STARTS, slot
from tests.engines import ENGINES
from tests.fakes.pushes import FakePushes
from tests.fakes.reminders import FakeReminderPreferences, FakeReminders

KIND = 12
USER, PROVIDER = Someone(recipient=Recipient.USER, id=5), Someone(recipient=Recipient.CARE_PROVIDER, id=42)
LATER = NOW + HOUR


def reminder(recipient: Recipient, minutes: int = 60, **changes: Any) -> Reminder:
    given = {"outcome": ReminderOutcome.TOLD, "expires_at": STARTS, **changes}
    return Reminder(recipient=recipient, minutes=minutes, **given)


OF_USER, OF_PROVIDER = reminder(Recipient.USER), reminder(Recipient.CARE_PROVIDER)


@dataclass
class Desk:
    world: scheduling.World
    reminders: Any
    pushes: Any
    database: Database | None

    def due(self, now: datetime = NOW, limit: int = 9) -> list[BookingToRemind]:
        return list(self.reminders.due(now=now, limit=limit))

    def one_due(self, now: datetime = NOW) -> BookingToRemind:
        (due,) = self.due(now)
        return due

    def remind(self, booking: BookingToRemind, *of: Reminder, next_at: datetime | None = LATER) -> bool:
        done: bool = self.reminders.remind(booking, of, next_at=next_at, now=NOW)
        return done

    def kinds(self) -> list[str]:
        return [kind for _, _, kind in self.world.events()]

    def move(self, booking_id: int, starts_at: datetime) -> None:
        """As a move does, its saga apart."""
        if self.database is None:
            fake: Any = self.world.bookings
            fake.bookings[booking_id] = replace(fake.bookings[booking_id], moving_saga_id="m")
        else:
            start = update(tables.bookings).values(moving_saga_id="m")
            self.database.write(lambda connection: connection.execute(start))
        effect = MoveBooking(
            booking_id=booking_id, saga_id="m", slot_id=7, starts_at=starts_at, ends_at=starts_at + HOUR
        )
        self.world.save(self.world.claimed(booking_id, now=LATER), effect, now=LATER)


@pytest.fixture(params=["fake", *ENGINES])
def desk(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Desk:
    if request.param == "fake":
        world = scheduling.fake_world()
        whole = Desk(world, FakeReminders(world.bookings, KIND), FakePushes(world.bookings), None)
    else:
        database = fresh_database(request.param, "scheduling_db")
        world = scheduling.sql_world(database)
        whole = Desk(world, SqlReminders(database, kind=KIND), SqlPushes(database), database)
    whole.world.add_slot(slot(7, STARTS, HOUR))
    return whole


# --- which bookings ------------------------------------------------------------------------


def test_a_booking_is_looked_at_from_its_confirmation_on(desk: Desk) -> None:
    desk.world.accept()
    assert desk.due() == []
    booking_id = desk.world.confirmed()
    assert desk.one_due() == BookingToRemind(
        booking_id=booking_id, user_id=5, care_provider_id=42, starts_at=STARTS, since=NOW
    )
    assert desk.due(NOW - timedelta(microseconds=1)) == []


def test_a_cancelled_booking_is_looked_at_no_more(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    due = desk.one_due()
    desk.world.withdraw(booking_id)
    assert desk.due() == []
    assert not desk.remind(due, OF_USER, OF_PROVIDER)
    assert desk.reminders.list_reminders(booking_id) == []
    assert "reminder_due" not in desk.kinds()


def test_a_moved_booking_is_looked_at_anew_and_a_look_at_its_old_time_comes_too_late(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    due = desk.one_due()
    desk.move(booking_id, STARTS + 3 * HOUR)
    assert not desk.remind(due, OF_USER)
    desk.reminders.look_later([(due, None)])
    again = desk.one_due(LATER)
    assert (again.starts_at, again.since) == (STARTS + 3 * HOUR, LATER)


def test_nothing_is_looked_at_before_the_next_instant(desk: Desk) -> None:
    desk.world.confirmed()
    desk.reminders.look_later([(desk.one_due(), LATER)])
    assert desk.due(LATER - timedelta(microseconds=1)) == []
    assert desk.one_due(LATER).since == LATER
    desk.reminders.look_later([(desk.one_due(LATER), None)])
    assert desk.due(STARTS) == []


def test_the_most_urgent_come_first_page_by_page(desk: Desk) -> None:
    first, second = desk.world.confirmed(), confirmed_elsewhere(desk)
    desk.reminders.look_later([(desk.due()[0], LATER)])
    assert [one.booking_id for one in desk.due(LATER)] == [second, first]
    assert [one.booking_id for one in desk.due(LATER, limit=1)] == [second]


def confirmed_elsewhere(desk: Desk) -> int:
    """Another booking; its time is reserved by nobody, which is no matter here."""
    booking_id = desk.world.accept()
    effect = ConfirmBooking(booking_id=booking_id, meeting_id="other")
    desk.world.save(replace(desk.world.claimed(booking_id), due_at=NOW, claims=0), effect)
    return booking_id


# --- telling -------------------------------------------------------------------------------


def test_a_users_reminder_is_an_event_and_a_providers_a_push(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    assert desk.remind(desk.one_due(), OF_USER, replace(OF_PROVIDER, expires_at=LATER))
    assert desk.kinds() == ["accepted", "confirmed", "reminder_due"]
    (record,) = desk.pushes.list_pushes(PushFilter(), limit=9)
    assert (record.push.kind, record.push.care_provider_id, record.push.booking_id) == (KIND, 42, booking_id)
    assert (record.push.happens_at, record.push.wants_status) == (STARTS, BookingStatus.CONFIRMED)
    assert (record.push.event, record.push.expires_at) == ("reminder_sent", LATER)
    assert record.due_at == NOW
    assert desk.pushes.take_due(now=NOW, limit=9, marked_until=LATER) == [record.id]
    kept = desk.reminders.list_reminders(booking_id)
    assert [(one.recipient, one.minutes, one.outcome, one.at) for one in kept] == [
        (Recipient.CARE_PROVIDER, 60, ReminderOutcome.TOLD, NOW),
        (Recipient.USER, 60, ReminderOutcome.TOLD, NOW),
    ]


def test_of_two_who_look_at_once_only_one_tells(desk: Desk) -> None:
    desk.world.confirmed()
    due = desk.one_due()
    assert desk.remind(due, OF_USER, OF_PROVIDER)
    assert not desk.remind(due, OF_USER, OF_PROVIDER)
    assert desk.kinds().count("reminder_due") == 1


def test_a_reminder_is_told_once_however_often_it_is_due(desk: Desk) -> None:
    desk.world.confirmed()
    assert desk.remind(desk.one_due(), OF_USER, OF_PROVIDER)
    again = replace(OF_USER, minutes=30)
    assert desk.remind(desk.one_due(LATER), OF_USER, OF_PROVIDER, again)
    assert desk.kinds().count("reminder_due") == 2
    assert len(desk.pushes.list_pushes(PushFilter(), limit=9)) == 1


def test_what_is_skipped_is_on_record_and_told_to_nobody(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    skipped = [replace(one, outcome=ReminderOutcome.SKIPPED) for one in (OF_USER, OF_PROVIDER)]
    assert desk.remind(desk.one_due(), *skipped)
    assert "reminder_due" not in desk.kinds()
    assert desk.pushes.list_pushes(PushFilter(), limit=9) == []
    assert {one.outcome for one in desk.reminders.list_reminders(booking_id)} == {ReminderOutcome.SKIPPED}


def test_a_reminder_of_another_time_of_the_booking_is_another(desk: Desk) -> None:
    booking_id = desk.world.confirmed()
    assert desk.remind(desk.one_due(), OF_USER, OF_PROVIDER)
    desk.move(booking_id, STARTS + 3 * HOUR)
    assert desk.remind(desk.one_due(LATER), OF_USER, OF_PROVIDER)
    assert desk.kinds().count("reminder_due") == 2
    assert len(desk.pushes.list_pushes(PushFilter(), limit=9)) == 2


# --- preferences that change ---------------------------------------------------------------


def test_whoever_changes_a_preference_has_the_coming_sessions_looked_at_again(desk: Desk) -> None:
    desk.world.confirmed()
    desk.reminders.look_later([(desk.one_due(), LATER)])
    for someone in (USER, PROVIDER):
        now = NOW + timedelta(minutes=someone.id)
        assert desk.reminders.look_again(replace(someone, id=99), now=now) == 0
        assert desk.reminders.look_again(someone, now=now) == 1
        assert desk.one_due(now).since == now
        desk.reminders.look_later([(desk.one_due(now), LATER)])


def test_what_is_due_already_or_over_is_not_looked_at_from_later_on(desk: Desk) -> None:
    desk.world.confirmed()
    assert desk.reminders.look_again(USER, now=LATER) == 0
    assert desk.one_due(LATER).since == NOW
    desk.reminders.look_later([(desk.one_due(), None)])
    assert desk.reminders.look_again(USER, now=LATER) == 0


@pytest.fixture(params=["fake", *ENGINES])
def preferences(request: pytest.FixtureRequest, fresh_database: FreshDatabase) -> Any:
    if request.param == "fake":
        return FakeReminderPreferences()
    return SqlReminderPreferences(fresh_database(request.param, "psyter_db"))


def test_who_has_no_preference_has_the_defaults(preferences: Any) -> None:
    assert preferences.of({USER, PROVIDER}) == dict.fromkeys(
        (USER, PROVIDER), Preference(minutes=(1440, 60), is_default=True)
    )
    assert preferences.of(set()) == {}


def test_a_preference_is_kept_the_longest_first_and_can_be_changed(preferences: Any) -> None:
    preferences.set(USER, [15, 2880, 15], now=NOW)
    assert preferences.of({USER})[USER] == Preference(minutes=(2880, 15), is_default=False)
    preferences.set(USER, [], now=LATER)
    assert preferences.of({USER})[USER] == Preference(minutes=(), is_default=False)


def test_a_user_and_a_provider_of_one_number_are_two(preferences: Any) -> None:
    provider = replace(PROVIDER, id=USER.id)
    preferences.set(USER, [10], now=NOW)
    found = preferences.of({USER, provider})
    assert (found[USER].minutes, found[provider].minutes) == ((10,), (1440, 60))


def test_a_change_is_told_until_it_is_applied(preferences: Any) -> None:
    preferences.set(PROVIDER, [10], now=LATER)
    preferences.set(USER, [10], now=NOW)
    of_user, of_provider = (
        PreferenceChange(someone=USER, changed_at=NOW),
        PreferenceChange(someone=PROVIDER, changed_at=LATER),
    )
    assert list(preferences.changes(limit=9)) == [of_user, of_provider]
    assert list(preferences.changes(limit=1)) == [of_user]
    preferences.applied([of_user])
    assert list(preferences.changes(limit=9)) == [of_provider]


def test_a_change_since_the_last_is_not_taken_for_applied(preferences: Any) -> None:
    preferences.set(USER, [10], now=NOW)
    (first,) = preferences.changes(limit=9)
    preferences.set(USER, [20], now=LATER)
    preferences.applied([first])
    assert [change.changed_at for change in preferences.changes(limit=9)] == [LATER]
