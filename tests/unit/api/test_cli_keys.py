"""What operators do with access keys and with the seal key."""

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from api.security.opaque import digest_of
from api.security.sealing import SealBroken, Sealer
from api.services import Operations
from tests.unit.api.world import ACCESS_KEY, KEY, OURS, SEALER, SHARED_API_KEY, TOKEN, World

NEXT_KEY = "n" * 32


class OperatorsWorld(World):
    def operations(self) -> Operations:
        nobody = cast(Any, None)
        return Operations(
            records=nobody,
            operator=nobody,
            reconcile=nobody,
            access_keys=self.access,
            seals=self.access,
            calendars=nobody,
            managed_providers=nobody,
            copy_facts=nobody,
            outside=nobody,
            reports=nobody,
            pushes=nobody,
            reminders=nobody,
            providers=nobody,
            purge=nobody,
        )

    def run(self, *arguments: str) -> Any:
        return self.app.test_cli_runner().invoke(args=arguments)

    def add(self, *options: str) -> str:
        """A new access key of ours, as it was shown."""
        ran = self.run("access-key", "add", "--organization", str(OURS), "--label", "Clinic app", *options)
        assert ran.exit_code == 0, ran.output
        return str(ran.stdout.strip())

    def opens(self, access_key: str) -> bool:
        answer = self.client.post(TOKEN, json={"grant_type": "password", "access_key": access_key})
        assert answer.status_code == 200 or answer.json["error"] == "invalid_grant"
        return bool(answer.status_code == 200)


@pytest.fixture
def world() -> OperatorsWorld:
    return OperatorsWorld()


def test_an_added_key_works_and_is_shown_once(world: OperatorsWorld) -> None:
    key = world.add("--role", "FullAccess", "--grant", "recordings:read")
    answer = world.client.post(TOKEN, json={"grant_type": "password", "access_key": key})
    assert answer.status_code == 200
    assert {"recordings:read", "bookings:write"} <= set(answer.json["scope"].split())
    listed = world.run("access-key", "list", "--organization", str(OURS)).stdout
    assert key not in listed
    assert digest_of(key) not in listed
    assert "Clinic app" in listed


def test_a_key_may_expire(world: OperatorsWorld) -> None:
    key = world.add("--role", "ReadOnly", "--days", "1")
    assert world.opens(key)
    world.now += timedelta(days=1)
    assert not world.opens(key)
    assert "expired" in world.run("access-key", "list", "--organization", str(OURS)).stdout


def test_a_revoked_key_is_listed_with_who_and_why(world: OperatorsWorld) -> None:
    revoke = ("access-key", "revoke", "--organization", str(OURS), "1", "--by", "noor")
    assert world.run(*revoke).exit_code == 2  # without a reason
    assert world.opens(ACCESS_KEY)
    assert world.run(*revoke, "--why", "leaked سر").exit_code == 0
    assert not world.opens(ACCESS_KEY)
    (line,) = world.run("access-key", "list", "--organization", str(OURS), "--json").stdout.splitlines()
    facts = json.loads(line)
    assert (facts["state"], facts["revoked by"], facts["why"]) == ("revoked", "noor", "leaked سر")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("revoke", "--organization", "2", "--why", "x", "1"), "no such access key"),
        (("add", "--organization", "99", "--label", "x", "--role", "ReadOnly"), "no such organization"),
    ],
    ids=["a key of others", "an organization that is not there"],
)
def test_what_cannot_be_done_is_said_in_a_line(world: OperatorsWorld, arguments: tuple[str, ...], said: str) -> None:
    ran = world.run("access-key", *arguments)
    assert ran.exit_code == 1
    assert said in ran.stderr
    assert world.opens(ACCESS_KEY)


@pytest.mark.parametrize("label", ["", " ", "x" * 101])
def test_a_label_says_something_and_fits(world: OperatorsWorld, label: str) -> None:
    ran = world.run("access-key", "add", "--organization", "1", "--role", "ReadOnly", "--label", label)
    assert ran.exit_code == 2
    assert len(world.access.list_keys(OURS, limit=10)) == 1


def test_after_resealing_the_old_seal_key_is_needed_no_more(world: OperatorsWorld) -> None:
    world.sealer = Sealer(NEXT_KEY, KEY)
    ran = world.run("reseal")
    assert (ran.exit_code, ran.stdout) == (0, "2 of 2 sealed anew\n")
    for organization in world.access.organizations.values():
        assert Sealer(NEXT_KEY).unseal(organization.sealed_shared_api_key) == SHARED_API_KEY
        with pytest.raises(SealBroken):
            SEALER.unseal(organization.sealed_shared_api_key)


def test_a_seal_that_none_of_our_keys_opens_is_told_and_left(world: OperatorsWorld) -> None:
    (ours, _) = world.access.list_seals(after=0, limit=10)
    foreign = Sealer("x" * 32).seal("x")
    world.access.change_seal(ours, to=foreign)
    ran = world.run("reseal")
    assert ran.exit_code == 1
    assert "organization 1" in ran.stdout
    assert "1 of 2 sealed anew" in ran.stdout
    assert world.organization.sealed_shared_api_key == foreign


def test_webhook_secrets_are_sealed_anew_too_and_those_that_cannot_be_are_told(world: OperatorsWorld) -> None:
    answer = world.post("/api/v1/webhooks/endpoints", {"url": "https://partner.example/hook"}).json["data"]
    world.client.post(f"/api/v1/webhooks/endpoints/{answer['endpointId']}/rotatesecret", headers=world.bearer())

    def kept() -> tuple[str, str]:
        (endpoint,) = world.webhooks.list_endpoints(OURS)
        return endpoint.earlier_secret, endpoint.sealed_secret

    assert world.webhooks.seal_anew(Sealer("x" * 32).seal) == [(1, True)]
    before = kept()
    refused = world.run("reseal")
    assert refused.exit_code == 1
    assert "webhook endpoint 1: sealed under none of our keys" in refused.stdout
    assert kept() == before
    later = OperatorsWorld(webhooks=world.webhooks, sealer=Sealer(NEXT_KEY, "x" * 32, KEY))
    assert later.run("reseal").stdout == "3 of 3 sealed anew\n"
    for text, older in zip(kept(), before, strict=True):
        assert Sealer(NEXT_KEY).unseal(text) == Sealer("x" * 32).unseal(older)
