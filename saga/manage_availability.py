"""Open, block and remove hours and slots of care providers that the organization manages.

Refusals:  CareProviderNotFound | NoSuchTime | NotOnTheGrid | InThePast | TooFarAhead | Overlapping   name a field
           those of repositories.ports.offers
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from repositories.entities.idempotency import Change, IdempotencyKey
from repositories.entities.offers import Chosen, Offer, OfferState, Period
from repositories.ports.offers import ManagedProviders, Offers
from saga.find_care_providers import CareProviderNotFound
from saga.slot_choice import Refusal

GRID = 5  # minutes: the cells in which time is reserved
FARTHEST = timedelta(days=366)
DAY = timedelta(days=1)


class NoSuchTime(Refusal):
    """There is no such time on that day in this time zone."""


class NotOnTheGrid(Refusal):
    """Must begin and end at a multiple of five minutes."""


class InThePast(Refusal):
    """This has already begun."""


class TooFarAhead(Refusal):
    """This is more than a year ahead."""


class Overlapping(Refusal):
    """This overlaps another of this list."""


@dataclass(frozen=True, kw_only=True)
class LocalPeriod:
    """Wall-clock times of a day; an end that is not later than the start is on the next day."""

    day: date
    starts: time
    ends: time


@dataclass(frozen=True, kw_only=True)
class OpenRequest:
    organization_id: int
    care_provider_id: int
    zone: tzinfo
    hours: tuple[LocalPeriod, ...]
    slots: tuple[LocalPeriod, ...]
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class ChoiceRequest:
    organization_id: int
    chosen: Chosen
    idempotency: IdempotencyKey | None


@dataclass(frozen=True, kw_only=True)
class Managed:
    """What came of a request: how its slots and hours stand now, and the slots that are gone."""

    state: OfferState
    removed_slot_ids: tuple[int, ...]
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class ManageAvailability:
    managed: ManagedProviders
    offers: Offers
    clock: Callable[[], datetime]

    def open(self, request: OpenRequest) -> Managed:
        now = self.clock()
        self._check_managed(request.care_provider_id, request.organization_id)
        change = self.offers.find_change(request.idempotency, organization_id=request.organization_id, now=now)
        if change is None:
            offer = Offer(
                care_provider_id=request.care_provider_id,
                hours=periods(request.hours, request.zone, field="hoursList", now=now),
                slots=periods(request.slots, request.zone, field="slotsList", now=now),
            )
            change = self.offers.open(offer, key=request.idempotency, organization_id=request.organization_id, now=now)
        slot_ids, hours_ids = change.ids[: len(request.slots)], change.ids[len(request.slots) :]
        return self._now(request.care_provider_id, change, slot_ids, hours_ids)

    def block(self, request: ChoiceRequest) -> Managed:
        return self._change(request, self.offers.block)

    def remove(self, request: ChoiceRequest) -> Managed:
        return self._change(request, self.offers.remove)

    def _change(self, request: ChoiceRequest, change_offers: Callable[..., Change]) -> Managed:
        chosen = request.chosen
        self._check_managed(chosen.care_provider_id, request.organization_id)
        change = change_offers(
            chosen, key=request.idempotency, organization_id=request.organization_id, now=self.clock()
        )
        return self._now(chosen.care_provider_id, change, change.ids, chosen.hours_ids)

    def _check_managed(self, care_provider_id: int, organization_id: int) -> None:
        if not self.managed.is_managed(care_provider_id, organization_id=organization_id):
            raise CareProviderNotFound("careProviderId")

    def _now(self, care_provider_id: int, change: Change, slot_ids: Sequence[int], hours_ids: Sequence[int]) -> Managed:
        state = self.offers.state(care_provider_id, slot_ids=slot_ids, hours_ids=hours_ids)
        there = {slot.id for slot in state.slots}
        return Managed(
            state=state,
            removed_slot_ids=tuple(one for one in slot_ids if one not in there),
            is_replay=change.is_replay,
        )


def periods(wanted: Sequence[LocalPeriod], zone: tzinfo, *, field: str, now: datetime) -> tuple[Period, ...]:
    """The periods in UTC. Raises the refusals above, naming the place in the list."""
    found: list[Period] = []
    for place, local in enumerate(wanted):
        name = f"{field}.{place}"
        ends_on = local.day if local.ends > local.starts else local.day + DAY
        period = Period(
            starts_at=instant_of(local.day, local.starts, zone, field=name),
            ends_at=instant_of(ends_on, local.ends, zone, field=name),
        )
        check_period(period, field=name, now=now)
        if any(period.overlaps(other) for other in found):
            raise Overlapping(name)
        found.append(period)
    return tuple(found)


def instant_of(day: date, clock: time, zone: tzinfo, *, field: str) -> datetime:
    """Of a time that comes twice, the first. Raises NoSuchTime."""
    local = datetime.combine(day, clock, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise NoSuchTime(field)
    return instant


def check_period(period: Period, *, field: str, now: datetime) -> None:
    for instant in (period.starts_at, period.ends_at):
        if instant.minute % GRID or instant.second or instant.microsecond:
            raise NotOnTheGrid(field)
    if period.starts_at <= now:
        raise InThePast(field)
    if period.starts_at > now + FARTHEST:
        raise TooFarAhead(field)
