"""Two API processes and one Redis: limits are kept together, and nobody waits for a Redis that is away."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from demo.data import CHARITY, ORDINARY, DemoData
from demo.stack import ROOT, Stack, wait_until
from demo.town import Town

LIMIT = 30
POLL = "/api/v1/sessionbooking/getbookingstatus/x"  # refused as no id, and counted all the same
PATIENT = 10.0  # seconds, on a machine that has other things to do


@pytest.fixture(scope="module")
def data() -> list[DemoData]:
    return []


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, data: list[DemoData]) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("limits"), settings={"TAHOON_RATE_LIMIT_POLLING": str(LIMIT)}) as stack:
        town = Town(stack.environment)
        data.append(town.settle_in())
        town.close()
        stack.start_redis()
        stack.start_api(workers=2, threads=8)
        yield stack


def asked(stack: Stack, token: str, times: int) -> tuple[Counter[int], float]:
    """So many requests over eight connections: how they were answered, and how long the slowest took."""
    headers = {"Authorization": token}

    def some(number: int) -> list[tuple[int, float]]:
        with requests.Session() as session:
            answers = [session.get(stack.api_url + POLL, headers=headers, timeout=60) for _ in range(number)]
        return [(answer.status_code, answer.elapsed.total_seconds()) for answer in answers]

    with ThreadPoolExecutor(8) as pool:
        found = [one for share in pool.map(some, [times // 8] * 8) for one in share]
    return Counter(status for status, _ in found), max(seconds for _, seconds in found)


def token_of(stack: Stack, data: list[DemoData], organization: int) -> str:
    known = data[0].charity if organization == CHARITY else data[0].ordinary
    with ExitStack() as closing:
        partner = stack.partner(known)
        closing.callback(partner.close)
        return str(partner.session.headers["Authorization"])


def test_several_processes_share_one_quota(stack: Stack, data: list[DemoData]) -> None:
    answers, _ = asked(stack, token_of(stack, data, CHARITY), 80)
    assert answers[400] in range(LIMIT, LIMIT + 5)  # a window may begin meanwhile, and a little fade
    assert answers[429] == 80 - answers[400]


def test_an_organization_gets_a_limit_of_its_own(stack: Stack, data: list[DemoData]) -> None:
    token = token_of(stack, data, ORDINARY)
    command = [sys.executable, "-m", "flask", "--app", "api", "limits", "set", str(ORDINARY), "polling", "100000"]
    subprocess.run(command, cwd=ROOT, env=stack.environment | {"PATH": ""}, check=True, timeout=60)

    def is_in_force() -> bool:
        answer = requests.get(stack.api_url + POLL, headers={"Authorization": token}, timeout=10)
        return "q=100000" in answer.headers["RateLimit-Policy"]

    wait_until(is_in_force, seconds=60, what="the new limit")
    wait_until(lambda: asked(stack, token, 80)[0] == {400: 80}, seconds=60, what="the new limit in both processes")


def test_while_redis_hangs_each_process_counts_and_nobody_waits(stack: Stack, data: list[DemoData]) -> None:
    token = token_of(stack, data, CHARITY)
    stack.pause("redis")
    started = time.monotonic()
    answers, slowest = asked(stack, token, 160)
    stack.resume("redis")
    assert slowest < PATIENT
    assert time.monotonic() - started < 3 * PATIENT
    assert set(answers) == {400, 429}
    assert answers[400] <= 2 * (LIMIT + 5)


def test_while_redis_is_gone_calls_are_answered(stack: Stack, data: list[DemoData]) -> None:
    stack.kill("redis")
    token = token_of(stack, data, ORDINARY)
    answers, slowest = asked(stack, token, 80)
    assert (answers, slowest < PATIENT) == ({400: 80}, True)
