"""What follows from an attempt to deliver, as a pure function."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.webhooks.ports import Answer
from repositories.entities.webhooks import Delivery, Endpoint, Outcome
from repositories.enums import DeliveryState, DisabledBecause, EndpointState
from saga.webhook_schedule import (
    LONGEST_REST,
    LONGEST_RETRY_AFTER,
    MOST_ATTEMPTS,
    RESTS_AFTER,
    SHORTEST_REST,
    WAITS,
    Moment,
    outcome_of,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAYS = timedelta(days=5)
MOMENT = Moment(now=NOW, chance=0.5, disable_after=DAYS)
FINE = Answer(http_status=204)
FAILURES = [
    Answer(http_status=500, error="http_500"),
    Answer(http_status=302, error="http_302"),
    Answer(http_status=404, error="http_404"),
    Answer(error="timeout"),
    Answer(error="address_refused"),
]
ENDPOINT = Endpoint(
    id=1,
    organization_id=1,
    url="https://partner.example",
    description=None,
    kinds=(),
    state=EndpointState.ACTIVE,
    sealed_secret="s",
    created_at=NOW,
)


def delivery(attempts: int = 1) -> Delivery:
    return Delivery(
        id=1,
        endpoint_id=1,
        event=None,
        state=DeliveryState.PENDING,
        attempts=attempts,
        due_at=NOW,
        created_at=NOW,
    )


def after(answer: Answer, *, attempts: int = 1, endpoint: Endpoint = ENDPOINT, moment: Moment = MOMENT) -> Outcome:
    return outcome_of(answer, endpoint, delivery(attempts), moment)


def wait_after(attempts: int, **changes: float) -> timedelta:
    due = after(FAILURES[0], attempts=attempts, moment=replace(MOMENT, **changes)).delivery.due_at  # type: ignore[arg-type]
    assert due is not None
    return due - NOW


def test_an_answer_of_2xx_ends_it_and_clears_the_endpoint() -> None:
    ill = replace(ENDPOINT, failures=7, failing_since=NOW - DAYS, rests_until=NOW, last_error="timeout")
    outcome = after(FINE, endpoint=ill)
    assert (outcome.delivery.state, outcome.delivery.due_at, outcome.delivery.ended_at) == ("delivered", None, NOW)
    well = outcome.endpoint
    assert (well.failures, well.failing_since, well.rests_until, well.delivered_at) == (0, None, None, NOW)
    assert well.state is EndpointState.ACTIVE


def test_the_waits_are_those_of_the_specification_and_take_about_three_days() -> None:
    waits = [wait_after(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert [wait / timedelta(seconds=1) for wait in waits] == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=3, hours=6)


@given(st.floats(0, 1), st.integers(1, MOST_ATTEMPTS - 1))
def test_a_wait_is_a_tenth_shorter_or_longer_at_most(chance: float, attempts: int) -> None:
    wait = wait_after(attempts, chance=chance)
    assert WAITS[attempts - 1] * 0.899 <= wait <= WAITS[attempts - 1] * 1.101


def test_a_pace_multiplies_every_wait() -> None:
    assert wait_after(3, pace=0.01) == WAITS[2] * 0.01


@pytest.mark.parametrize("answer", FAILURES, ids=lambda answer: answer.error)
def test_every_failure_is_tried_again_and_given_up_at_last(answer: Answer) -> None:
    again, last = after(answer, attempts=MOST_ATTEMPTS - 1).delivery, after(answer, attempts=MOST_ATTEMPTS).delivery
    assert (again.state, again.last_error, again.last_status) == ("pending", answer.error, answer.http_status)
    assert (last.state, last.due_at, last.ended_at) == ("given_up", None, NOW)


def test_whoever_asks_for_a_wait_gets_it_within_reason() -> None:
    asked = replace(FAILURES[0], retry_after=timedelta(minutes=7))
    outcome = after(asked)
    assert outcome.delivery.due_at == outcome.endpoint.rests_until == NOW + timedelta(minutes=7)
    greedy = after(replace(asked, retry_after=timedelta(days=9)))
    assert greedy.delivery.due_at == greedy.endpoint.rests_until == NOW + LONGEST_RETRY_AFTER
    short = after(replace(asked, retry_after=timedelta(seconds=1)), attempts=2)
    assert short.delivery.due_at == NOW + WAITS[1]


def test_an_endpoint_rests_ever_longer_while_it_fails() -> None:
    rests = []
    for failures in range(12):
        until = after(FAILURES[0], endpoint=replace(ENDPOINT, failures=failures)).endpoint.rests_until
        rests.append(None if until is None else until - NOW)
    assert rests[: RESTS_AFTER - 1] == [None, None]
    assert rests[RESTS_AFTER - 1 : RESTS_AFTER + 2] == [SHORTEST_REST, 2 * SHORTEST_REST, 4 * SHORTEST_REST]
    assert rests[-1] == LONGEST_REST


def test_gone_disables_at_once_and_what_was_to_be_delivered_waits() -> None:
    outcome = after(Answer(http_status=410, error="http_410"), attempts=MOST_ATTEMPTS)
    assert outcome.endpoint.state is EndpointState.DISABLED
    assert (outcome.endpoint.disabled_because, outcome.endpoint.disabled_at) == (DisabledBecause.GONE, NOW)
    assert outcome.delivery.state is DeliveryState.PENDING


def test_days_of_failing_disable_and_not_a_moment_less() -> None:
    since = replace(ENDPOINT, failures=9, failing_since=NOW - DAYS)
    assert after(FAILURES[3], endpoint=since).endpoint.disabled_because is DisabledBecause.FAILING
    almost = replace(since, failing_since=NOW - DAYS + timedelta(seconds=1))
    assert after(FAILURES[3], endpoint=almost).endpoint.state is EndpointState.ACTIVE
    assert after(FAILURES[3]).endpoint.failing_since == NOW


@pytest.mark.parametrize("state", [EndpointState.PAUSED, EndpointState.DELETED, EndpointState.DISABLED])
def test_an_endpoint_that_is_not_active_stays_as_its_owner_left_it(state: EndpointState) -> None:
    left = replace(ENDPOINT, state=state, failing_since=NOW - DAYS)
    for answer in (Answer(http_status=410, error="http_410"), FAILURES[0], FINE):
        assert after(answer, endpoint=left).endpoint.state is state
