"""Find care providers who have something free, and show when one of them has: reads of both databases, put together.

Refusals:  UserNotFound | CareProviderNotFound   name a field
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from repositories.entities.availability import (
    ANY,
    OfferedSlot,
    OwnBooking,
    Place,
    ProviderFilter,
    SlotDuration,
    WorkingHours,
)
from repositories.entities.care_providers import Catalogue, ProviderSummary
from repositories.enums import GenderType
from repositories.ports.availability import Availability, ProviderSearch
from repositories.ports.care_providers import Profiles
from repositories.ports.users import Users
from saga.accept_booking import UserNotFound
from saga.slot_choice import Refusal

LONGEST_DAY = timedelta(hours=25)  # when clocks are set back
INSTANT = timedelta(microseconds=1)  # what begins now has begun
HIGHEST_RATE = 10**15
NO_LEVEL = 0


class CareProviderNotFound(Refusal):
    """There is no such care provider."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What a partner asks for; None and () mean that any will do. Rates are in hundredths of the currency unit."""

    gender: GenderType | None = None
    language_ids: tuple[int, ...] = ()
    specialty_ids: tuple[int, ...] = ()
    experience_level_id: int | None = None
    provider_level_id: int | None = None
    min_rate_minor: int | None = None
    max_rate_minor: int | None = None


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    organization_id: int
    user_id: int | None
    from_day: date | None  # in `zone`; None: from now on
    zone: tzinfo
    criteria: Criteria
    behind: Place | None
    page: int  # 1 is the first; with `behind` always 1
    page_size: int


@dataclass(frozen=True, kw_only=True)
class FoundProvider:
    """A care provider, and what is free on the first day on which anything is."""

    summary: ProviderSummary
    slots: tuple[OfferedSlot, ...]


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    providers: tuple[FoundProvider, ...]
    next_place: Place | None


@dataclass(frozen=True, kw_only=True)
class FindCareProviders:
    search: ProviderSearch
    availability: Availability
    profiles: Profiles
    users: Users
    clock: Callable[[], datetime]

    def __call__(self, request: SearchRequest) -> SearchResult:
        """Whoever has something free, the earliest first. Raises UserNotFound."""
        check_user(self.users, request.user_id, organization_id=request.organization_id)
        skipped = (request.page - 1) * request.page_size
        openings = self.search.find_openings(
            filter_of(request.criteria, self.profiles.catalogue()),
            since=starts_from(request.from_day, request.zone, now=self.clock()),
            behind=request.behind,
            limit=skipped + request.page_size,
        )
        shown = openings.found[skipped:]
        free = self.availability.free_slots_from([one.slot_id for one in shown], within=LONGEST_DAY)
        slots = by_provider(free)
        summaries = self.profiles.summaries([one.place.care_provider_id for one in shown])
        providers = (
            FoundProvider(summary=summaries[provider], slots=first_day(slots[provider], request.zone))
            for provider in (one.place.care_provider_id for one in shown)
            if provider in summaries and provider in slots  # or they have left, or were booked out, this very moment
        )
        return SearchResult(providers=tuple(providers), next_place=openings.next_place)


@dataclass(frozen=True, kw_only=True)
class ScheduleRequest:
    organization_id: int
    care_provider_id: int
    user_id: int | None
    from_day: date | None  # in `zone`; None: today
    days: int
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class Schedule:
    slots: Sequence[OfferedSlot]
    hours: Sequence[WorkingHours]
    bookings: Sequence[OwnBooking]
    durations: Sequence[SlotDuration]


@dataclass(frozen=True, kw_only=True)
class ShowSchedule:
    availability: Availability
    profiles: Profiles
    users: Users
    clock: Callable[[], datetime]

    def __call__(self, request: ScheduleRequest) -> Schedule:
        """What the provider offers on these days, and what this user has booked. Raises CareProviderNotFound,
        UserNotFound."""
        check_user(self.users, request.user_id, organization_id=request.organization_id)
        provider = request.care_provider_id
        if not self.profiles.summaries([provider]):
            raise CareProviderNotFound("careProviderId")
        first = request.from_day or self.clock().astimezone(request.zone).date()
        since, before = midnight(first, request.zone), midnight(first + timedelta(days=request.days), request.zone)
        still_to_come = max(since, self.clock() + INSTANT)
        return Schedule(
            slots=self.availability.free_slots_of(provider, since=still_to_come, before=before),
            hours=self.availability.hours_of(provider, since=since, before=before),
            bookings=self._own_bookings(request, since, before),
            durations=self.availability.slot_durations(),
        )

    def _own_bookings(self, request: ScheduleRequest, since: datetime, before: datetime) -> Sequence[OwnBooking]:
        if request.user_id is None:
            return ()
        return self.availability.bookings_of(
            request.care_provider_id,
            organization_id=request.organization_id,
            user_id=request.user_id,
            since=since,
            before=before,
        )


def check_user(users: Users, user_id: int | None, *, organization_id: int) -> None:
    """A guest is nobody yet. Raises UserNotFound."""
    if user_id is not None and users.find_user(user_id, organization_id=organization_id) is None:
        raise UserNotFound("userId")


def filter_of(criteria: Criteria, catalogue: Catalogue) -> ProviderFilter | None:
    """The criteria with every value that is not asked for spelled out; None if nothing is asked for."""
    if criteria == Criteria():
        return None
    every_experience = (NO_LEVEL, *(level.id for level in catalogue.experience_levels))
    every_level = tuple(level.id for level in catalogue.provider_levels)
    return ProviderFilter(
        genders=tuple(GenderType) if criteria.gender is None else (criteria.gender,),
        language_ids=criteria.language_ids or (ANY,),
        specialty_ids=criteria.specialty_ids or (ANY,),
        experience_level_ids=_one_or(criteria.experience_level_id, every_experience),
        provider_level_ids=_one_or(criteria.provider_level_id, every_level),
        min_rate_minor=0 if criteria.min_rate_minor is None else criteria.min_rate_minor,
        max_rate_minor=HIGHEST_RATE if criteria.max_rate_minor is None else criteria.max_rate_minor,
    )


def _one_or(chosen: int | None, every: tuple[int, ...]) -> tuple[int, ...]:
    return every if chosen is None else (chosen,)


def starts_from(day: date | None, zone: tzinfo, *, now: datetime) -> datetime:
    """The earliest start that is asked for: from the day's midnight in that zone, and not in the past."""
    soonest = now + INSTANT
    return soonest if day is None else max(midnight(day, zone), soonest)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins there; where clocks are set forward at midnight, it begins with the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def first_day(slots: Sequence[OfferedSlot], zone: tzinfo) -> tuple[OfferedSlot, ...]:
    """Those on the day of the first, in that zone."""
    day = slots[0].starts_at.astimezone(zone).date()
    return tuple(slot for slot in slots if slot.starts_at.astimezone(zone).date() == day)


def by_provider(slots: Iterable[OfferedSlot]) -> Mapping[int, list[OfferedSlot]]:
    grouped: dict[int, list[OfferedSlot]] = defaultdict(list)
    for slot in slots:
        grouped[slot.care_provider_id].append(slot)
    return grouped
