"""schemathesis holds the running API against its own document, as two organizations."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.partner import Partner
from demo.stack import Stack
from demo.town import Town
from tests.integration.system.conftest import HASTE, System

EXAMPLES = "12"
SEED = "20261125"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    with Stack(folder, settings=HASTE) as stack:
        town = Town(stack.environment)
        whole = System(stack, town, town.settle_in(providers=4, days=3))
        try:
            stack.start_all()
            stack.wait_for_worker()
            yield whole
        finally:
            whole.close()


def known_ids(system: System) -> dict[str, str]:
    """Ids that exist, by the wire name under which they are asked for."""
    body = system.next_body()
    booked = system.charity.book(body, headers={"Prefer": "wait=20"}).json()["data"]
    endpoint = system.charity.command(
        "webhooks/endpoints", {"url": f"{system.stack.sandbox_url}/webhooks/live"}
    ).json()["data"]
    path = f"{system.stack.api_url}/api/v1/webhooks/endpoints/{endpoint['endpointId']}/test"
    tried = system.charity.session.post(path, timeout=30).json()["data"]
    return {
        "endpointId": endpoint["endpointId"],
        "deliveryId": tried["deliveryId"],
        "bookingId": booked["bookingId"],
        "userId": booked["userId"],
        "careProviderId": body["careProviderId"],
        "applicationMultiSlotId": body["applicationMultiSlotId"],
    }


# What a schema cannot say makes these refuse well-formed requests: 400 a contradiction, 422 a key of another body.
JUDGED = """
[[operations]]
include-operation-id = "{operation}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 422, 429]
"""


def run(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *arguments],
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks",
            "KNOWN_IDS": json.dumps(known_ids(system)),
            "SHARED_API_KEY": system.data.charity.shared_api_key,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(600)
def test_every_route_keeps_what_the_document_promises(system: System, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text("".join(JUDGED.format(operation=said["operationId"]) for said in judged(system)))
    ended = run(
        system,
        *("--config-file", str(config), "run", f"{system.stack.api_url}/openapi.json"),
        *("--header", f"Authorization: {bearer(system.charity)}", "--checks", "all"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED),
        *("--request-timeout", "30", "--continue-on-failure", "--no-color"),
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]


@pytest.mark.timeout(300)
def test_no_organization_reads_anothers_objects(system: System, tmp_path: Path) -> None:
    identities = tmp_path / "identities.yaml"
    identities.write_text(
        "auth:\n"
        + "".join(
            f"  - name: {name}\n    fixedHeaders:\n      - name: Authorization\n        value: {bearer(partner)}\n"
            for name, partner in (("charity", system.charity), ("ordinary", system.ordinary))
        )
    )
    ended = run(
        system,
        *("run", f"{system.stack.api_url}/openapi.json", "--auth-wfc", str(identities), "--include-method", "GET"),
        *("--checks", "object_level_authorization,not_a_server_error", "--max-examples", EXAMPLES, "--seed", SEED),
        *("--request-timeout", "30", "--no-color"),
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]


def test_anothers_id_is_a_missing_one_on_every_route(system: System) -> None:
    known = known_ids(system)
    seen = 0
    for path, methods in document(system)["paths"].items():
        for method, said in methods.items():
            if "{" not in path or method != "get" or "security" not in said:
                continue
            url = system.stack.api_url + re.sub(r"{(\w+)}", lambda found: known[found[1]], path)
            own, others = (partner.session.get(url, timeout=30) for partner in (system.charity, system.ordinary))
            assert own.status_code in {200, 403}, (path, own.text)
            assert others.status_code == (403 if own.status_code == 403 else 404), path
            seen += 1
    assert seen >= 3


def judged(system: System) -> list[dict[str, Any]]:
    operations = [said for methods in document(system)["paths"].values() for said in methods.values()]
    return [said for said in operations if "requestBody" in said or is_asked(said, "query") or has_key(said)]


def has_key(said: dict[str, Any]) -> bool:
    """The example of an idempotency key is the same on every route, and a key is good for one."""
    return any(parameter.get("name") == "Idempotency-Key" for parameter in said["parameters"])


def is_asked(said: dict[str, Any], where: str) -> bool:
    return any(parameter["in"] == where for parameter in said["parameters"])


def document(system: System) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{system.stack.api_url}/openapi.json", timeout=30).json()
    return found


def bearer(partner: Partner) -> str:
    return str(partner.session.headers["Authorization"])
