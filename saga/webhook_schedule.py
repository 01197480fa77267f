"""What follows from an attempt to deliver a webhook. Pure: no clock, no chance, no database.

    2xx             delivered; the endpoint is well
    410             the endpoint is disabled at once; the delivery waits until it is enabled
    anything else   tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, then given up: three days
    for days        the endpoint is disabled: it failed, and nothing was delivered in between

An endpoint that fails several times in a row rests a while after each failure, so that what waits for it does not fail
too, one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integrations.webhooks.ports import Answer
from repositories.entities.webhooks import Delivery, Endpoint, Outcome
from repositories.enums import DeliveryState, DisabledBecause, EndpointState

GONE = 410
SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # as the Standard Webhooks specification has it
WAITS = tuple(timedelta(seconds=one) for one in SECONDS)
MOST_ATTEMPTS = len(WAITS) + 1
JITTER = 0.2  # of a wait
LONGEST_RETRY_AFTER = timedelta(hours=1)
RESTS_AFTER = 3  # failures in a row
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Moment:
    now: datetime
    chance: float  # from 0 to 1
    pace: float = 1.0  # multiplies every wait
    disable_after: timedelta


def outcome_of(answer: Answer, endpoint: Endpoint, delivery: Delivery, moment: Moment) -> Outcome:
    if answer.error is None:
        return Outcome(delivery=_delivered(delivery, answer, moment), endpoint=_well(endpoint, moment))
    return Outcome(delivery=_failed(delivery, answer, moment), endpoint=_ill(endpoint, answer, moment))


def _delivered(delivery: Delivery, answer: Answer, moment: Moment) -> Delivery:
    return replace(
        delivery,
        state=DeliveryState.DELIVERED,
        due_at=None,
        last_error=None,
        last_status=answer.http_status,
        ended_at=moment.now,
    )


def _failed(delivery: Delivery, answer: Answer, moment: Moment) -> Delivery:
    failed = replace(delivery, last_error=answer.error, last_status=answer.http_status)
    if delivery.attempts >= MOST_ATTEMPTS and answer.http_status != GONE:
        return replace(failed, state=DeliveryState.GIVEN_UP, due_at=None, ended_at=moment.now)
    wait = jittered(WAITS[min(delivery.attempts, len(WAITS)) - 1], moment)
    return replace(failed, due_at=moment.now + max(wait, _asked_for(answer)))


def _well(endpoint: Endpoint, moment: Moment) -> Endpoint:
    return replace(endpoint, failures=0, failing_since=None, rests_until=None, delivered_at=moment.now)


def _ill(endpoint: Endpoint, answer: Answer, moment: Moment) -> Endpoint:
    since = endpoint.failing_since or moment.now
    ill = replace(
        endpoint,
        failures=endpoint.failures + 1,
        failing_since=since,
        last_error=answer.error,
        last_status=answer.http_status,
        rests_until=_rests_until(endpoint.failures + 1, answer, moment),
    )
    if endpoint.state is not EndpointState.ACTIVE:
        return ill
    if answer.http_status == GONE:
        return _disabled(ill, DisabledBecause.GONE, moment)
    return _disabled(ill, DisabledBecause.FAILING, moment) if moment.now - since >= moment.disable_after else ill


def _disabled(endpoint: Endpoint, because: DisabledBecause, moment: Moment) -> Endpoint:
    return replace(endpoint, state=EndpointState.DISABLED, disabled_because=because, disabled_at=moment.now)


def _rests_until(failures: int, answer: Answer, moment: Moment) -> datetime | None:
    rest = _asked_for(answer)
    if failures >= RESTS_AFTER:
        doubled = SHORTEST_REST * 2 ** min(failures - RESTS_AFTER, 10)
        rest = max(rest, jittered(min(doubled, LONGEST_REST), moment))
    return moment.now + rest if rest else None


def _asked_for(answer: Answer) -> timedelta:
    return min(answer.retry_after or timedelta(), LONGEST_RETRY_AFTER)


def jittered(wait: timedelta, moment: Moment) -> timedelta:
    """Up to a tenth shorter or longer."""
    return wait * moment.pace * (1 + JITTER * (moment.chance - 0.5))
