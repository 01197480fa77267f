"""Reminders: at their time, once, of the session as it is then; late ones within a limit. Only we move the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.fcm.notifications import notification_of
from integrations.ports import NotificationType, Platform, ProviderUnavailable, Push
from repositories.entities.reminders import BookingToRemind, Preference, Someone, push_key
from repositories.enums import PushState, Recipient, ReminderOutcome
from saga.reminders import SETTLED, Remind, due_reminders, next_look
from tests.fakes.reminders import FakeReminderPreferences, FakeReminders
from tests.unit.saga.test_send_pushes import Post
from tests.unit.saga.world import PROVIDER, SLOT_STARTS

LATEST = timedelta(minutes=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KIND = NotificationType.REMINDER_NOTIFICATION
USER, THE_PROVIDER = Someone(recipient=Recipient.USER, id=1), Someone(recipient=Recipient.CARE_PROVIDER, id=PROVIDER)


@dataclass
class Desk:
    post: Post = field(default_factory=Post)
    preferences: FakeReminderPreferences = field(default_factory=FakeReminderPreferences)

    def __post_init__(self) -> None:
        self.world = self.post.world
        self.reminders = FakeReminders(self.world.scheduling, int(KIND))
        self.booking_id = self.post.booking()
        assert self.world.booking(self.booking_id).user_id == USER.id

    def remind(self) -> int:
        """As one of several beats, at any time."""
        return Remind(preferences=self.preferences, reminders=self.reminders, clock=self.world.clock, latest=LATEST)()

    def at(self, before: timedelta, *, starts_at: datetime = SLOT_STARTS) -> None:
        """So long before the session; one looks, and what is due is sent."""
        self.world.now = starts_at - before
        self.remind()
        self.send()

    def send(self) -> None:
        self.post.sweep()
        self.post.work()

    def told_user(self) -> int:
        return [kind for _, _, kind in self.world.scheduling.events].count("reminder_due")

    def told_provider(self) -> int:
        return [push.kind for push in self.world.push.sent].count(KIND)

    def told(self) -> tuple[int, int]:
        return self.told_user(), self.told_provider()

    def outcomes(self) -> list[tuple[str, int, str]]:
        found = self.reminders.list_reminders(self.booking_id)
        return [(one.recipient.value, one.minutes, one.outcome.value) for one in found]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_both_are_reminded_a_day_and_an_hour_before_and_no_sooner(desk: Desk) -> None:
    for before, told in [
        (DAY, (1, 1)),  # booked exactly a day ahead
        (HOUR + timedelta(seconds=1), (1, 1)),
        (HOUR, (2, 2)),
        (timedelta(minutes=1), (2, 2)),
        (timedelta(), (2, 2)),
        (-DAY, (2, 2)),
    ]:
        desk.at(before)
        assert desk.told() == told, before
    platforms = desk.world.push.told[push_key(1, SLOT_STARTS, 60)]
    assert sorted(platforms) == sorted(Platform)


def test_the_provider_is_told_of_the_session_and_the_event_that_it_was_follows_the_sending(desk: Desk) -> None:
    desk.at(HOUR)
    push = desk.world.push.sent[-1]
    assert (push.kind, push.care_provider_id, push.happens_at) == (KIND, PROVIDER, SLOT_STARTS)
    assert push.meeting_id == desk.world.booking(desk.booking_id).meeting_id
    assert push.client_name is None
    kinds = [kind for _, _, kind in desk.world.scheduling.events]
    assert kinds == ["accepted", "confirmed", "reminder_due", "reminder_sent"]


def test_several_beats_remind_once(desk: Desk) -> None:
    desk.world.now = SLOT_STARTS - HOUR
    for _ in range(3):
        desk.remind()
        desk.send()
    assert desk.told() == (1, 1)


def test_two_who_read_the_same_before_either_writes_remind_once(desk: Desk) -> None:
    desk.world.now = SLOT_STARTS - HOUR
    (seen,) = desk.reminders.due(now=desk.world.now, limit=9)
    desk.remind()
    wanted = desk.preferences.of({USER, THE_PROVIDER})
    found = due_reminders(seen, wanted, now=desk.world.now, latest=LATEST)
    assert found
    assert not desk.reminders.remind(seen, found, next_at=None, now=desk.world.now)
    desk.send()
    assert desk.told() == (1, 1)


def test_a_cancelled_booking_reminds_nobody(desk: Desk) -> None:
    desk.world.cancel(desk.booking_id)
    desk.at(HOUR)
    assert desk.told() == (0, 0)
    assert desk.outcomes() == []


def test_a_booking_cancelled_after_its_reminder_was_planned_and_before_it_was_sent_is_not_told(desk: Desk) -> None:
    desk.world.now = SLOT_STARTS - HOUR
    desk.remind()
    desk.world.cancel(desk.booking_id)
    desk.send()
    assert desk.told_provider() == 0
    push = next(record for record in desk.post.pushes.records.values() if record.push.kind == KIND)
    assert (push.state, push.reason) == (PushState.FAILED, "Outdated")


def test_a_move_moves_the_reminders(desk: Desk) -> None:
    later = SLOT_STARTS + 5 * HOUR
    slot = desk.world.scheduling.add_slot(id=8, care_provider_id=PROVIDER, starts_at=later, ends_at=later + HOUR)
    desk.at(DAY - timedelta(minutes=1))
    desk.world.reschedule(desk.booking_id, slot)
    desk.world.settle()
    before = desk.told()
    desk.at(HOUR)
    assert desk.told() == before
    desk.at(HOUR, starts_at=later)
    assert desk.told() == (before[0] + 1, before[1] + 1)
    assert desk.world.push.sent[-1].happens_at == later


def test_a_move_between_planning_and_sending_sends_nothing_of_the_old_time(desk: Desk) -> None:
    later = SLOT_STARTS + 5 * HOUR
    slot = desk.world.scheduling.add_slot(id=8, care_provider_id=PROVIDER, starts_at=later, ends_at=later + HOUR)
    desk.world.now = SLOT_STARTS - HOUR
    desk.remind()
    desk.world.reschedule(desk.booking_id, slot)
    desk.world.settle()
    desk.send()
    assert desk.told_provider() == 0


def test_a_reminder_from_before_the_booking_is_none(desk: Desk) -> None:
    desk.at(DAY - timedelta(seconds=1))
    first = desk.told()
    later = Desk()
    later.world.now = SLOT_STARTS - timedelta(minutes=50)  # of another world: booked a day ahead
    later.world.scheduling.reminders_at[1] = later.world.now  # as if it were confirmed only now
    later.remind()
    later.send()
    assert later.told() == (0, 0)
    assert later.outcomes() == []
    assert first == (1, 1)


@pytest.mark.parametrize(
    ("late", "is_told"), [(timedelta(minutes=29), True), (LATEST, False), (timedelta(minutes=59), False), (DAY, False)]
)
def test_what_is_late_is_told_within_a_limit_else_written_down(desk: Desk, late: timedelta, is_told: bool) -> None:
    desk.at(23 * HOUR)
    before = desk.told()
    desk.at(HOUR - late)
    outcome = "told" if is_told else "skipped"
    assert desk.told() == (before[0] + is_told, before[1] + is_told)
    assert desk.outcomes()[-2:] == [("care_provider", 60, outcome), ("user", 60, outcome)]


def test_of_several_that_are_due_at_once_the_last_is_told(desk: Desk) -> None:
    desk.preferences.set(USER, [75, 60], now=desk.world.now)
    desk.at(timedelta(minutes=55))
    assert desk.told_user() == 1
    assert ("user", 75, "skipped") in desk.outcomes()
    assert ("user", 60, "told") in desk.outcomes()


def test_a_system_down_for_a_day_reminds_of_nothing_that_has_begun(desk: Desk) -> None:
    desk.at(-DAY)
    assert desk.told() == (0, 0)
    assert {outcome for _, _, outcome in desk.outcomes()} == {"skipped"}
    assert len(desk.outcomes()) == 4
    assert desk.world.scheduling.reminders_at[desk.booking_id] is None


def test_a_push_that_fcm_does_not_take_in_time_is_on_record_and_no_event_says_that_it_was_sent(desk: Desk) -> None:
    desk.world.push.is_down = ProviderUnavailable("503", may_have_happened=False)
    desk.world.now = SLOT_STARTS - HOUR
    desk.remind()
    desk.post.settle()
    push = next(record for record in desk.post.pushes.records.values() if record.push.kind == KIND)
    assert (push.state, push.reason) == (PushState.FAILED, "ProviderUnavailable")
    assert "reminder_sent" not in {kind for _, _, kind in desk.world.scheduling.events}
    assert push.push.expires_at == SLOT_STARTS - HOUR + LATEST


# --- preferences ---------------------------------------------------------------------------


def test_each_is_reminded_as_they_chose(desk: Desk) -> None:
    desk.preferences.set(USER, [], now=desk.world.now)
    desk.preferences.set(THE_PROVIDER, [15], now=desk.world.now)
    for before, told in [(HOUR, (0, 0)), (timedelta(minutes=15), (0, 1))]:
        desk.at(before)
        assert desk.told() == told


def test_a_choice_made_later_holds_for_sessions_that_are_booked_already(desk: Desk) -> None:
    desk.at(23 * HOUR)
    before = desk.told()
    desk.preferences.set(USER, [120], now=desk.world.now)
    desk.at(22 * HOUR)
    desk.at(2 * HOUR)
    desk.at(HOUR)
    assert desk.told() == (before[0] + 1, before[1] + 1)
    assert ("user", 120, "told") in desk.outcomes()
    assert ("user", 60, "told") not in desk.outcomes()


def test_a_change_is_applied_until_no_look_from_before_it_can_be_under_way(desk: Desk) -> None:
    desk.remind()
    desk.world.now += HOUR
    (seen,) = [desk.reminders._to_remind(1, desk.world.scheduling.reminders_at[1])]  # type: ignore[arg-type]
    desk.preferences.set(USER, [120], now=desk.world.now)
    desk.remind()
    desk.world.scheduling.reminders_at[1] = SLOT_STARTS - HOUR  # a look that had read the old choice writes last
    assert list(desk.preferences.unapplied) == [USER]
    desk.world.now += SETTLED
    desk.remind()
    assert desk.world.scheduling.reminders_at[1] == SLOT_STARTS - timedelta(minutes=120)
    assert desk.preferences.unapplied == {}
    assert seen.booking_id == 1


# --- instants ------------------------------------------------------------------------------

ZONES = sorted(available_timezones())


def to_remind(starts_at: datetime, since: datetime) -> BookingToRemind:
    return BookingToRemind(booking_id=1, user_id=1, care_provider_id=PROVIDER, starts_at=starts_at, since=since)


def both(*minutes: int) -> Mapping[Someone, Preference]:
    return dict.fromkeys((USER, THE_PROVIDER), Preference(minutes=minutes, is_default=False))


@pytest.mark.parametrize(
    ("zone", "local", "due"),
    [
        ("Europe/London", "2026-03-29T10:00", "2026-03-28T09:00"),  # the night has an hour less
        ("Europe/London", "2026-10-25T10:00", "2026-10-24T11:00"),  # and an hour more
        ("Asia/Kathmandu", "2026-03-29T10:00", "2026-03-28T10:00"),
        ("Australia/Lord_Howe", "2026-04-05T10:00", "2026-04-04T10:30"),  # half an hour
    ],
)
def test_a_day_before_is_24_hours_that_pass(zone: str, local: str, due: str) -> None:
    starts_at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    booking = to_remind(starts_at, starts_at - 3 * DAY)
    at = next_look(booking, both(1440), now=booking.since)
    assert at is not None
    assert at == starts_at - DAY
    assert f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}" == due


INSTANTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
LEADS = st.lists(st.integers(5, 20_160), max_size=5, unique=True)


@given(starts_at=INSTANTS, leads=LEADS, steps=st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_whenever_one_looks_each_reminder_comes_once_and_none_too_early(
    starts_at: datetime, leads: list[int], steps: list[int]
) -> None:
    now = since = starts_at - timedelta(minutes=25_000)
    seen: list[tuple[Recipient, int]] = []
    for step in [*steps, 100_000, 1]:
        booking = to_remind(starts_at, since)
        for reminder in due_reminders(booking, both(*leads), now=now, latest=LATEST):
            seen.append((reminder.recipient, reminder.minutes))
            assert reminder.due_at(starts_at) <= now
            if reminder.outcome is ReminderOutcome.TOLD:
                assert now < min(reminder.due_at(starts_at) + LATEST, starts_at)
                assert reminder.expires_at <= starts_at
        following = next_look(booking, both(*leads), now=now)
        if following is None:
            break
        assert following > now
        since, now = following, max(following, now + timedelta(minutes=step))
    assert len(set(seen)) == len(seen)
    assert next_look(to_remind(starts_at, since), both(*leads), now=now) is None  # it is over
    assert {minutes for _, minutes in seen} == set(leads)


@given(zone=st.sampled_from(ZONES), starts_at=INSTANTS)
def test_a_reminder_says_the_time_as_clocks_show_it_there(zone: str, starts_at: datetime) -> None:
    push = Push(kind=KIND, care_provider_id=1, time_zone=zone, booking_id=1, meeting_id="m", happens_at=starts_at)
    data = notification_of(push, public_id="p").data
    local = starts_at.astimezone(ZoneInfo(zone))
    for body in (data["bodyEn"], data["bodyAr"]):
        assert f"{local:%Y-%m-%d %H:%M}" in body
    assert datetime.fromisoformat(data["bookingDateTimeLocal"] + data["gmtOffset"]) == starts_at
    assert replace(push, time_zone="UTC") != push or zone == "UTC"
