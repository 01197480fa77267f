"""A receiver of webhooks, as a partner would write one: it verifies signatures, remembers what came, and misbehaves on
demand. Each name is an endpoint of its own: /webhooks/<name>, told what to do at /sandbox/webhooks/<name>."""

import base64
import hmac
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate

from integrations.sandbox.faults import hang_up
from integrations.sandbox.memory import now

TOLERANCE = 300  # seconds that a timestamp may be off
MOST_RECEIVED = 100_000
HUGE = 50 * 1024 * 1024  # bytes of an answer
KINDS = ("status", "delay", "hang", "drop", "redirect", "huge", "drip")
HANG_SECONDS = 60


class PlanSchema(Schema):
    """What becomes of the next calls."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.Integer(load_default=500, validate=validate.Range(100, 599))
    headers = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    location = fields.String(load_default="/webhooks/elsewhere")
    delayMs = fields.Integer(load_default=1000, validate=validate.Range(0, HANG_SECONDS * 1000))  # noqa: N815
    times = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))


class KnownSchema(Schema):
    """The secrets that this endpoint knows; while there are none, it takes everything."""

    secrets = fields.List(fields.String(), required=True)


@dataclass
class Receiver:
    secrets: list[str] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_plan(self) -> dict[str, Any] | None:
        with self.lock:
            if not self.plans:
                return None
            plan = self.plans[0]
            if plan["times"] is not None:
                plan["times"] -= 1
                if plan["times"] == 0:
                    self.plans.pop(0)
            return plan

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self.lock:
                self.at_once -= 1

    def note(self, entry: dict[str, Any]) -> None:
        with self.lock:
            if len(self.received) < MOST_RECEIVED:
                self.received.append(entry)


def verified_by(secrets: list[str], body: bytes) -> list[int]:
    """Which of the secrets signed this request, by their place. Written anew after the specification, so that a fault
    of the sender's is not repeated here."""
    message_id, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
        return []
    given = [one.partition(",")[2] for one in request.headers.get("webhook-signature", "").split(" ")]
    content = message_id.encode() + b"." + stamp.encode() + b"." + body
    found = []
    for place, secret in enumerate(secrets):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()
        if any(hmac.compare_digest(expected, one) for one in given):
            found.append(place)
    return found


def add_receivers(app: Flask) -> None:
    receivers: defaultdict[str, Receiver] = defaultdict(Receiver)

    @app.route("/webhooks/<name>", methods=["GET", "POST"])
    def receive_webhook(name: str) -> Any:
        receiver = receivers[name]
        with receiver.busy():
            body = request.get_data()
            signed_by = verified_by(receiver.secrets, body)
            plan = receiver.take_plan()
            is_fine = plan is None or plan["kind"] == "delay"
            answer: Any = ("", 204)
            if receiver.secrets and not signed_by:
                answer, is_fine = (jsonify(error="no valid signature"), 401), False
            receiver.note(
                {
                    "method": request.method,
                    "headers": {key.lower(): value for key, value in request.headers.items()},
                    "body": body.decode(errors="replace"),
                    "signedBy": signed_by,
                    "accepted": is_fine,
                    "at": now(),
                }
            )
            return answer if plan is None else misbehave(plan, answer)

    @app.post("/sandbox/webhooks/<name>")
    def plan_webhook(name: str) -> Any:
        try:
            receivers[name].plans.append(PlanSchema().load(request.get_json()))
        except ValidationError as error:
            return jsonify(errors=error.messages), 400
        return "", 204

    @app.put("/sandbox/webhooks/<name>")
    def know_secrets(name: str) -> Any:
        try:
            receivers[name].secrets = KnownSchema().load(request.get_json())["secrets"]
        except ValidationError as error:
            return jsonify(errors=error.messages), 400
        return "", 204

    @app.get("/sandbox/webhooks/<name>")
    def show_webhooks(name: str) -> Any:
        receiver = receivers[name]
        with receiver.lock:
            return jsonify(received=list(receiver.received), mostAtOnce=receiver.most_at_once)

    @app.delete("/sandbox/webhooks/<name>")
    def mend_webhook(name: str) -> Any:
        """Behave again; what came is remembered, unless `?forget=1`."""
        receivers[name].plans.clear()
        if request.args.get("forget"):
            receivers[name].received.clear()
        return "", 204


def misbehave(plan: dict[str, Any], answer: Any) -> Any:
    match plan["kind"]:
        case "status":
            return jsonify(message="sandbox"), plan["status"], plan["headers"]
        case "redirect":
            return "", 302, {"Location": plan["location"]}
        case "drop":
            return hang_up()
        case "huge":
            return Response((b"x" * 65_536 for _ in range(HUGE // 65_536)), mimetype="text/plain")
        case "drip":
            return Response(drops(plan["delayMs"] / 1000), mimetype="text/plain")
        case "hang":
            time.sleep(HANG_SECONDS)
            return answer
    time.sleep(plan["delayMs"] / 1000)
    return answer


def drops(seconds: float) -> Iterator[bytes]:
    """One letter at a time."""
    ends = time.monotonic() + HANG_SECONDS
    while time.monotonic() < ends:
        yield b"x"
        time.sleep(seconds)
