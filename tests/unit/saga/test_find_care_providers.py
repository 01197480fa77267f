"""From which instant on a day counts, what belongs to it, and what a partner's wish means."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.entities.availability import OfferedSlot
from repositories.enums import GenderType
from saga.find_care_providers import Criteria, filter_of, first_day, midnight, starts_from
from tests.providers import CATALOGUE

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

# Zone, day, when it begins in UTC, and how many hours it has.
DAYS: list[tuple[tzinfo, date, str, int]] = [
    (UTC, date(2026, 3, 29), "2026-03-29T00:00", 24),
    (timezone(3 * HOUR), date(2026, 3, 29), "2026-03-28T21:00", 24),
    (timezone(5.5 * HOUR), date(2026, 3, 29), "2026-03-28T18:30", 24),
    (timezone(5.75 * HOUR), date(2026, 3, 29), "2026-03-28T18:15", 24),
    (timezone(-9.5 * HOUR), date(2026, 3, 29), "2026-03-29T09:30", 24),
    (timezone(14 * HOUR), date(2026, 3, 29), "2026-03-28T10:00", 24),
    (timezone(-12 * HOUR), date(2026, 3, 29), "2026-03-29T12:00", 24),
    (ZoneInfo("Asia/Riyadh"), date(2026, 3, 29), "2026-03-28T21:00", 24),
    (ZoneInfo("Asia/Kathmandu"), date(2026, 10, 25), "2026-10-24T18:15", 24),
    (ZoneInfo("Europe/London"), date(2026, 3, 28), "2026-03-28T00:00", 24),
    (ZoneInfo("Europe/London"), date(2026, 3, 29), "2026-03-29T00:00", 23),
    (ZoneInfo("Europe/London"), date(2026, 3, 30), "2026-03-29T23:00", 24),
    (ZoneInfo("Europe/London"), date(2026, 10, 25), "2026-10-24T23:00", 25),
    (ZoneInfo("Europe/London"), date(2026, 10, 26), "2026-10-26T00:00", 24),
    (ZoneInfo("America/St_Johns"), date(2026, 3, 8), "2026-03-08T03:30", 23),
    (ZoneInfo("America/St_Johns"), date(2026, 11, 1), "2026-11-01T02:30", 25),
    (ZoneInfo("America/St_Johns"), date(2026, 11, 2), "2026-11-02T03:30", 24),
    (ZoneInfo("Africa/Cairo"), date(2026, 4, 24), "2026-04-23T22:00", 23),  # its clocks are set forward at midnight
    (ZoneInfo("Africa/Cairo"), date(2026, 10, 30), "2026-10-29T22:00", 24),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slot(starts_at: datetime) -> OfferedSlot:
    return OfferedSlot(
        id=int(starts_at.timestamp()),
        care_provider_id=1,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        slot_duration_id=1,
    )


@pytest.mark.parametrize(("zone", "day", "begins", "hours"), DAYS, ids=lambda value: str(value))
def test_a_day_begins_at_midnight_in_the_partners_zone_and_is_as_long_as_its_clocks_say(
    zone: tzinfo, day: date, begins: str, hours: int
) -> None:
    assert midnight(day, zone) == at(begins)
    assert midnight(day + timedelta(days=1), zone) - midnight(day, zone) == hours * HOUR


@pytest.mark.parametrize(("zone", "day", "begins", "hours"), DAYS, ids=lambda value: str(value))
def test_the_first_day_has_its_slots_and_none_of_the_next(zone: tzinfo, day: date, begins: str, hours: int) -> None:
    slots = [slot(at(begins) + number * HOUR / 2) for number in range(60)]
    assert first_day(slots, zone) == tuple(slots[: 2 * hours])
    assert first_day(slots[4:], zone) == tuple(slots[4 : 2 * hours])


@pytest.mark.parametrize(
    ("day", "zone", "since"),
    [
        (None, UTC, NOW + INSTANT),
        (date(2026, 1, 4), UTC, NOW + INSTANT),
        (date(2026, 1, 5), UTC, NOW + INSTANT),
        (date(2026, 1, 6), UTC, at("2026-01-06T00:00")),
        (date(2026, 1, 6), timezone(14 * HOUR), NOW + INSTANT),
        (date(2026, 1, 6), timezone(11.75 * HOUR), at("2026-01-05T12:15")),
        (date(2026, 1, 5), timezone(-12 * HOUR), NOW + INSTANT),
    ],
    ids=str,
)
def test_nothing_is_offered_that_has_begun(day: date | None, zone: tzinfo, since: datetime) -> None:
    assert starts_from(day, zone, now=NOW) == since


@given(st.timezones(), st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_the_days_of_every_zone_follow_each_other_without_a_gap(zone: tzinfo, day: date) -> None:
    begins, ends = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    assert begins < ends or ends - begins == timedelta()  # a zone that crosses the date line skips a day
    if begins < ends:
        assert begins.astimezone(zone).date() >= day
        assert (ends - INSTANT).astimezone(zone).date() <= day


# --- what a wish means ---------------------------------------------------------------------


def test_who_asks_for_nothing_filters_nothing() -> None:
    assert filter_of(Criteria(), CATALOGUE) is None


def test_what_is_not_asked_for_is_spelled_out() -> None:
    wanted = filter_of(Criteria(min_rate_minor=0), CATALOGUE)
    assert wanted is not None
    assert wanted.genders == (GenderType.FEMALE, GenderType.MALE)
    assert (wanted.language_ids, wanted.specialty_ids) == ((0,), (0,))
    assert (wanted.experience_level_ids, wanted.provider_level_ids) == ((0, 1, 2, 3), (1, 2, 3))
    assert wanted.min_rate_minor == 0 < wanted.max_rate_minor


def test_what_is_asked_for_stands_alone() -> None:
    wanted = filter_of(
        Criteria(
            gender=GenderType.FEMALE,
            language_ids=(2, 1),
            specialty_ids=(5,),
            experience_level_id=2,
            provider_level_id=3,
            min_rate_minor=100,
            max_rate_minor=200,
        ),
        CATALOGUE,
    )
    assert wanted is not None
    assert (wanted.genders, wanted.language_ids, wanted.specialty_ids) == ((GenderType.FEMALE,), (2, 1), (5,))
    assert (wanted.experience_level_ids, wanted.provider_level_ids) == ((2,), (3,))
    assert (wanted.min_rate_minor, wanted.max_rate_minor) == (100, 200)
