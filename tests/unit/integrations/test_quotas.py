"""The sliding window, and what happens while Redis is away."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.quotas import MOST_KEYS, OwnQuotas, PatientQuotas, Quota, Taken
from integrations.redis_connections import RedisAway

QUOTA = Quota(requests=10, window=timedelta(seconds=60))
START = 1_000 * 60.0  # the start of a window


@dataclass
class Watch:
    now: float = START

    def __call__(self) -> float:
        return self.now


def used_up(watch: Watch, quota: Quota = QUOTA) -> OwnQuotas:
    quotas = OwnQuotas(clock=watch)
    for _ in range(quota.requests):
        assert quotas.take("k", quota).is_allowed
    return quotas


@pytest.mark.parametrize(("seconds", "free"), [(0, 0), (59, 0), (60, 0), (66, 1), (90, 5), (119, 9), (120, 10)])
def test_what_was_taken_fades_over_the_next_window(seconds: float, free: int) -> None:
    watch = Watch()
    quotas = used_up(watch)
    watch.now += seconds
    assert [quotas.take("k", QUOTA).is_allowed for _ in range(free + 1)] == [True] * free + [False]


def test_after_a_quiet_window_the_quota_is_whole() -> None:
    watch = Watch()
    quotas = used_up(watch)
    watch.now += 5 * 60
    assert quotas.take("k", QUOTA).left == 9


def test_who_goes_on_asking_is_not_kept_waiting_longer() -> None:
    watch = Watch()
    quotas = used_up(watch)
    for _ in range(1_000):
        quotas.take("k", QUOTA)
    watch.now += 66
    assert quotas.take("k", QUOTA).is_allowed


@given(
    requests=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 40), min_size=1, max_size=60),
)
def test_whoever_waits_as_long_as_told_is_let_in_and_never_more_than_the_quota_within_a_window(
    requests: int, pauses: list[float]
) -> None:
    watch, quota = Watch(), Quota(requests=requests, window=timedelta(seconds=60))
    quotas, allowed = OwnQuotas(clock=watch), []
    for pause in pauses:
        taken = quotas.take("k", quota)
        if not taken.is_allowed:
            watch.now += taken.resets_in
            assert quotas.take("k", quota).is_allowed
        allowed.append(watch.now)
        watch.now += pause
    for number in {int(at // 60) for at in allowed}:
        assert sum(int(at // 60) == number for at in allowed) <= requests


def test_a_process_counts_a_bounded_number_of_keys() -> None:
    quotas = OwnQuotas(clock=Watch())
    for number in range(MOST_KEYS + 100):
        quotas.take(str(number), QUOTA)
    assert quotas.take("0", QUOTA).left == 9
    assert len(quotas._kept) <= MOST_KEYS


# --- while Redis is away -------------------------------------------------------------------


@dataclass
class Shared:
    error: RedisAway | None = None
    asked: int = 0

    def take(self, _key: str, _quota: Quota) -> Taken:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Taken(is_allowed=True, left=7, resets_in=1)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def shared() -> Shared:
    return Shared()


@pytest.fixture
def patient(shared: Shared, watch: Watch) -> PatientQuotas:
    return PatientQuotas(shared=shared, own=OwnQuotas(clock=watch), pause=timedelta(seconds=5), monotonic=watch)


def test_redis_counts_while_it_answers(patient: PatientQuotas) -> None:
    assert patient.take("k", QUOTA).left == 7


def test_the_process_counts_by_itself_while_redis_does_not(patient: PatientQuotas, shared: Shared) -> None:
    shared.error = RedisAway()
    taken = [patient.take("k", QUOTA) for _ in range(11)]
    assert [one.is_allowed for one in taken] == [True] * 10 + [False]


def test_a_redis_that_fails_is_asked_once_in_a_pause(patient: PatientQuotas, shared: Shared, watch: Watch) -> None:
    shared.error = RedisAway()
    for _ in range(20):
        patient.take("k", QUOTA)
    assert shared.asked == 1
    watch.now += 5
    for _ in range(20):
        patient.take("k", QUOTA)
    assert shared.asked == 2


def test_while_one_request_asks_again_the_others_do_not_wait_for_it(
    patient: PatientQuotas, shared: Shared, watch: Watch
) -> None:
    shared.error = RedisAway()
    patient.take("k", QUOTA)
    watch.now += 5
    inside: list[int] = []

    def hangs(_key: str, _quota: Quota) -> Taken:
        inside.append(patient.take("other", QUOTA).left)
        raise RedisAway

    shared.take = hangs  # type: ignore[method-assign]
    patient.take("k", QUOTA)
    assert inside == [9]


def test_redis_counts_again_when_it_is_back(patient: PatientQuotas, shared: Shared, watch: Watch) -> None:
    shared.error = RedisAway()
    patient.take("k", QUOTA)
    shared.error = None
    watch.now += 5
    assert [patient.take("k", QUOTA).left for _ in range(3)] == [7] * 3
