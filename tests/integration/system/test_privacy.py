"""Ids only: whatever passes through Redis or is written to a log names nobody, also when everything goes wrong."""

import base64
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import redis
import requests
from flask import Flask

from api.app import create_app
from api.contract import Contract
from demo.stack import Stack
from demo.town import Town
from tests.integration.system.conftest import CONFIRMED, FAILED, HASTE, System
from tests.integration.system.test_operators import flask

PERSON = {"name": "Zaynab Quux زينب", "dob": "1961-07-23", "referenceId": "REF-ZQ-77"}
NAMING = [*PERSON.values(), "Zaynab", "زينب", r"\u0632\u064a\u0646\u0628", "REF-ZQ"]
METRICS_TOKEN = "m" * 40
SHORT = "Zaynab-1961-07-23"
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


class Wire:
    """Every command that Redis gets, as it gets them."""

    def __init__(self, port: int) -> None:
        self.lines: list[str] = []
        self._client = redis.Redis(port=port)
        self._monitor = self._client.monitor()  # type: ignore[no-untyped-call]
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for heard in self._monitor.listen():
                self.lines.append(str(heard["command"]))
        except (redis.RedisError, OSError, ValueError):
            return

    def text(self) -> str:
        """All of it, with what Celery packs into base64 unpacked."""
        whole = "\n".join(self.lines)
        bodies = (base64.b64decode(found + "=" * (-len(found) % 4)) for found in BASE64.findall(whole))
        return whole + "\n".join(body.decode(errors="replace") for body in bodies)

    def close(self) -> None:
        self._client.connection_pool.disconnect()
        self._monitor.connection.disconnect()
        self._thread.join(5)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder: Path = tmp_path_factory.mktemp("privacy")
    watched = {"TAHOON_LOG_LEVEL": "DEBUG", "TAHOON_METRICS_TOKEN": METRICS_TOKEN}
    with Stack(folder, settings={**HASTE, **watched}) as stack:
        town = Town(stack.environment)
        whole = System(stack, town, town.settle_in(providers=4, days=3))
        try:
            stack.start_all()
            yield whole
        finally:
            whole.close()


def test_nothing_in_redis_or_in_a_log_names_anyone(system: System) -> None:
    wire = Wire(system.stack.ports["redis"])
    confirmed = system.booked(system.charity, {**system.next_body(), **PERSON})
    assert system.town.ended(system.charity, confirmed)["bookingStatus"] == CONFIRMED
    system.stack.fault(route="videosdk.create_room", kind="status", status=500, body={"message": "no room for Zaynab"})
    failed = system.booked(system.charity, {**system.next_body(), **PERSON})
    assert system.town.ended(system.charity, failed)["bookingStatus"] == FAILED
    system.charity.book({**system.next_body(), **PERSON, "genderType": "Zaynab"})  # refused at once
    system.charity.book({**system.next_body(), **PERSON, "dob": "1962-07-23"})  # contradicts the first
    system.town.when_quiet()
    heard = wire.text()
    wire.close()
    logs = {path.name: path.read_text(errors="replace") for path in system.stack.folder.glob("*.log")}
    assert "book_session" in heard
    assert "task-succeeded" in heard  # what Flower shows: args and results
    assert {"api.log", "worker.log"} <= set(logs)
    assert "saga_step" in logs["worker.log"]
    secrets = [system.data.charity.access_key, system.data.charity.shared_api_key]
    for place, text in {"redis": heard, **logs}.items():
        assert [word for word in [*NAMING, *secrets] if word in text] == [], place


# what tests/house/test_logs.py says of every line of code, as it happens
COMMANDS = {
    ("service", "pause", "fcm"): 0,
    ("push", "send", "HomeWorkAssigned", "--provider", "1"): 0,
    ("purge",): 0,
    ("users", "export", "--user", "1"): 0,
}


@pytest.mark.timeout(300)  # each command is a process
def test_what_operators_write_reaches_no_log_no_queue_and_no_metric(system: System) -> None:
    wire = Wire(system.stack.ports["redis"])
    told: dict[str, str] = {}
    for command, exit_code in COMMANDS.items():
        ran = flask(system, *command, "--by", PERSON["name"], "--why", SHORT)
        assert ran.returncode == exit_code, (command, ran.stderr)
        told[" ".join(command)] = ran.stderr
    assert '"event": "purged_by_hand"' in told["purge"]
    assert '"event": "user_exported"' in told["users export --user 1"]
    system.town.when_quiet()
    heard = wire.text()
    wire.close()
    logs = {path.name: path.read_text(errors="replace") for path in system.stack.folder.glob("*.log")}
    for place, text in {"redis": heard, **told, **logs}.items():
        assert [word for word in NAMING if word in text] == [], place


def planted_requests(app: Flask) -> Iterator[tuple[str, str, Mapping[str, str], Mapping[str, str], Any]]:
    """Every method of every route, with a person in its path, query, headers and in each field of its body."""
    for rule in app.url_map.iter_rules():
        promise = getattr(app.view_functions[rule.endpoint], "contract", None)
        body = promise.body if isinstance(promise, Contract) else None
        query = promise.query if isinstance(promise, Contract) else None
        fields = {field.data_key or name: PERSON["name"] for name, field in body().fields.items()} if body else {}
        asked = {field.data_key or name: PERSON["dob"] for name, field in query().fields.items()} if query else {}
        path = re.sub(r"<[^<>]+>", SHORT, rule.rule)
        headers = {
            "X-Request-Id": PERSON["dob"],
            "Idempotency-Key": SHORT,
            "User-Agent": SHORT,
            "Accept-Language": SHORT,
            "Referer": SHORT,
            "X-Forwarded-For": SHORT,
            "Prefer": f"wait=0; {SHORT}",
            "If-None-Match": SHORT,
            "Cookie": f"session={SHORT}",
            "videosdk-signature": SHORT,
        }
        for method in sorted((rule.methods or set()) | {"ZAYNAB"}):
            yield method, path, {**asked, **PERSON, "Zaynab": "1961-07-23"}, headers, {**fields, **PERSON}


def test_whatever_is_put_into_any_route_reaches_no_log_no_queue_and_no_metric(system: System) -> None:
    wire = Wire(system.stack.ports["redis"])
    token = str(system.charity.session.headers["Authorization"]).partition(" ")[2]
    asked = 0
    for method, path, query, headers, body in planted_requests(create_app(cast(Any, None))):
        for access in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {SHORT}"}, {}):
            requests.request(
                method, system.stack.api_url + path, params=query, headers={**headers, **access}, json=body, timeout=30
            )
            asked += 1
    assert asked > 300
    system.town.when_quiet()
    heard = wire.text()
    wire.close()
    bearer = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    metrics = requests.get(f"{system.stack.api_url}/metrics", headers=bearer, timeout=30)
    assert "tahoon_http_request_seconds" in metrics.text
    logs = {path.name: path.read_text(errors="replace") for path in system.stack.folder.glob("*.log")}
    assert '"event": "request"' in logs["api.log"]
    keys = [token, METRICS_TOKEN, system.data.charity.access_key, system.data.charity.shared_api_key]
    for place, text in {"redis": heard, "metrics": metrics.text, **logs}.items():
        assert [word for word in [*NAMING, "ZAYNAB", *keys] if word in text] == [], place
