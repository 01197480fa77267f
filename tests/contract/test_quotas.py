"""Counting requests: in this process, and in a real Redis, alike."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from demo import commands
from demo.ports import any_free_port
from demo.stack import wait_until
from integrations.quotas import OwnQuotas, Quota, Quotas, SharedQuotas, open_quotas
from integrations.redis_connections import RedisConnections, connect_to

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = any_free_port()
    folder: Path = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(commands.redis(port, folder)) as server, closing(redis.Redis(port=port)) as client:

        def is_up() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        wait_until(is_up, seconds=30, what="redis")
        yield port
        server.terminate()


def connections_to(port: int) -> RedisConnections:
    return connect_to(f"redis://127.0.0.1:{port}/0", patience=timedelta(seconds=30))


@pytest.fixture(params=["own", "shared"])
def quotas(request: pytest.FixtureRequest) -> Iterator[Quotas]:
    if request.param == "own":
        yield OwnQuotas()
        return
    with closing(connections_to(request.getfixturevalue("redis_port"))) as connections:
        yield SharedQuotas(connections)


@pytest.fixture
def key() -> str:
    return uuid4().hex


def test_a_quota_is_used_up_one_by_one(quotas: Quotas, key: str) -> None:
    quota = Quota(requests=5, window=HOUR)
    taken = [quotas.take(key, quota) for _ in range(7)]
    assert [one.is_allowed for one in taken] == [True] * 5 + [False] * 2
    assert [one.left for one in taken] == [4, 3, 2, 1, 0, 0, 0]
    assert all(0 < one.resets_in <= 2 * 3600 for one in taken)


def test_each_key_has_a_quota_of_its_own(quotas: Quotas, key: str) -> None:
    quota = Quota(requests=1, window=HOUR)
    assert quotas.take(key, quota).is_allowed
    assert quotas.take(f"{key}-other", quota).is_allowed
    assert not quotas.take(key, quota).is_allowed


def test_a_quota_fills_up_again(quotas: Quotas, key: str) -> None:
    quota = Quota(requests=2, window=timedelta(seconds=0.4))
    wait_until(lambda: not quotas.take(key, quota).is_allowed, seconds=20, what="used up")
    wait_until(lambda: quotas.take(key, quota).is_allowed, seconds=20, what="one is free again")


def test_a_quota_that_was_made_smaller_holds_at_once(quotas: Quotas, key: str) -> None:
    for _ in range(5):
        quotas.take(key, Quota(requests=5, window=HOUR))
    refused = quotas.take(key, Quota(requests=3, window=HOUR))
    assert (refused.is_allowed, refused.left) == (False, 0)


def test_many_at_once_get_no_more_than_there_is(quotas: Quotas, key: str) -> None:
    quota = Quota(requests=50, window=HOUR)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: quotas.take(key, quota).is_allowed, range(200)))
    assert Counter(answers) == {True: 50, False: 150}


def test_redis_forgets_a_key_that_is_no_longer_used(redis_port: int, key: str) -> None:
    with closing(connections_to(redis_port)) as connections, closing(redis.Redis(port=redis_port)) as client:
        SharedQuotas(connections).take(key, Quota(requests=5, window=timedelta(seconds=0.2)))
        assert 0 < client.pttl(key) <= 400


def test_with_another_broker_each_process_counts_by_itself() -> None:
    assert isinstance(open_quotas(f"amqp://127.0.0.1:{any_free_port()}//"), OwnQuotas)
