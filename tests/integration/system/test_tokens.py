"""Tokens over two real API processes, in the middle of a change of the signing key: each signs under another one."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import requests

from demo.data import CHARITY, DemoData
from demo.stack import ROOT, Stack, wait_until
from demo.town import Town
from repositories.enums import Reason

OLD_KEY, NEW_KEY = "old-signing-key-of-this-test-0000000", "new-signing-key-of-this-test-0000000"
GRACE = 10.0  # seconds; a busy machine must be able to refresh several times within it
TIMEOUT = 30


@dataclass
class Two:
    """Two API processes on the same databases, and a partner that talks to either."""

    stack: Stack
    data: DemoData

    @property
    def urls(self) -> tuple[str, str]:
        return self.stack.url("api"), self.stack.url("next")

    def post(self, url: str, way: str, **parameters: str) -> requests.Response:
        return requests.post(f"{url}/api/v1/auth/{way}", data=parameters, timeout=TIMEOUT)

    def sign_in(self, url: str, access_key: str | None = None) -> Mapping[str, Any]:
        key = access_key or self.data.charity.access_key
        answer = self.post(url, "token", grant_type="password", access_key=key)
        assert answer.status_code == 200, answer.text
        tokens: Mapping[str, Any] = answer.json()
        return tokens

    def seen_by_both(self, access_token: str) -> list[int]:
        """What each process answers to this token: 400 (there is no such booking id) or 401."""
        return [
            requests.get(
                f"{url}/api/v1/sessionbooking/getbookingstatus/x",
                headers={"Authorization": f"Bearer {access_token}"},
                timeout=TIMEOUT,
            ).status_code
            for url in self.urls
        ]

    def operator(self, *command: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "api", *command],
            cwd=ROOT,
            env={**self.stack.environment, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        return ran.stdout.strip()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    settings = {"TAHOON_JWT_KEY": OLD_KEY, "TAHOON_JWT_KEYS_ACCEPTED": NEW_KEY, "TAHOON_REFRESH_GRACE": str(GRACE)}
    with Stack(tmp_path_factory.mktemp("tokens"), settings=settings) as stack:
        town = Town(stack.environment)
        data = town.settle_in(providers=1, days=1)
        town.close()
        stack.start_api(workers=1)
        stack.environment |= {"TAHOON_JWT_KEY": NEW_KEY, "TAHOON_JWT_KEYS_ACCEPTED": OLD_KEY}
        stack.start_api("next", workers=1)
        yield Two(stack, data)


GOOD, REFUSED = [400, 400], [401, 401]


def test_what_one_process_signs_both_take(two: Two) -> None:
    for url in two.urls:
        assert two.seen_by_both(two.sign_in(url)["access_token"]) == GOOD


def test_what_is_revoked_in_one_is_refused_in_both_at_once(two: Two) -> None:
    for issuing in two.urls:
        for revoking in two.urls:
            for kind in ("access_token", "refresh_token"):
                tokens = two.sign_in(issuing)
                assert two.seen_by_both(tokens["access_token"]) == GOOD
                key = two.data.charity.access_key
                assert two.post(revoking, "revoke", token=tokens[kind], access_key=key).status_code == 200
                assert two.seen_by_both(tokens["access_token"]) == REFUSED
                refused = [two.post(url, "refresh", refresh_token=tokens["refresh_token"]) for url in two.urls]
                assert [answer.status_code for answer in refused] == [400, 400]


def at_the_same_moment(works: Sequence[Callable[[], requests.Response]]) -> list[requests.Response]:
    barrier = Barrier(len(works))

    def one(work: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait(TIMEOUT)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def test_whoever_refreshes_at_the_same_moment_gets_the_same_successor(two: Two) -> None:
    token = two.sign_in(two.urls[0])["refresh_token"]
    for _ in range(15):
        works = [partial(two.post, url, "refresh", refresh_token=token) for url in two.urls * 3]
        answers = at_the_same_moment(works)
        assert [answer.status_code for answer in answers] == [200] * len(works)
        (token,) = {answer.json()["refresh_token"] for answer in answers}
        assert two.seen_by_both(answers[-1].json()["access_token"]) == GOOD


def test_reuse_after_the_grace_ends_the_family_in_both(two: Two) -> None:
    first = two.sign_in(two.urls[0])
    second = two.post(two.urls[0], "refresh", refresh_token=first["refresh_token"]).json()

    def is_reuse() -> bool:
        answer = two.post(two.urls[1], "refresh", refresh_token=first["refresh_token"])
        return bool(answer.json().get("reason") == Reason.REFRESH_TOKEN_REUSED)

    wait_until(is_reuse, seconds=GRACE + 30, what="the end of the grace", every=0.2)
    for tokens in (first, second):
        assert two.seen_by_both(tokens["access_token"]) == REFUSED
    assert two.post(two.urls[0], "refresh", refresh_token=second["refresh_token"]).status_code == 400


def test_an_operator_adds_a_key_and_takes_it_back(two: Two) -> None:
    of = ("--organization", str(CHARITY))
    key = two.operator("access-key", "add", *of, "--label", "عيادة", "--role", "ReadOnly", "--grant", "recordings:read")
    tokens = two.sign_in(two.urls[0], key)
    assert "recordings:read" in tokens["scope"]
    assert two.seen_by_both(tokens["access_token"]) == GOOD
    newest = two.operator("access-key", "list", *of, "--limit", "1")
    assert "عيادة" in newest
    key_id = newest.splitlines()[1].split()[0]
    two.operator("access-key", "revoke", *of, "--why", "only a test", key_id)
    assert two.seen_by_both(tokens["access_token"]) == REFUSED
    assert two.post(two.urls[1], "token", grant_type="password", access_key=key).status_code == 400
    assert two.seen_by_both(two.sign_in(two.urls[1])["access_token"]) == GOOD


def test_the_granted_key_of_the_demo_has_the_scopes_that_no_role_brings(two: Two) -> None:
    key = two.data.charity.granted_key
    assert key is not None
    wish = {"grant_type": "client_credentials", "scope": "recordings:read availability:write"}
    answer = requests.post(f"{two.urls[0]}/api/v1/auth/token", data=wish, auth=("", key), timeout=TIMEOUT)
    assert set(answer.json()["scope"].split()) == {"recordings:read", "availability:write"}


def test_a_partner_refreshes_and_signs_out(two: Two) -> None:
    partner = two.stack.partner(two.data.ordinary)
    partner.refresh()
    assert partner.status("x").status_code == 400
    partner.sign_out()
    assert partner.status("x").status_code == 401
    partner.close()
