"""FCM HTTP v1's send, with its checks."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify, request

from integrations.sandbox.memory import Memory

TOPIC = re.compile(r"[a-zA-Z0-9\-_.~%]+")
MAX_BYTES = 2048
TARGETS = ("topic", "token", "condition")

Route = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]


def add_fcm_routes(app: Flask, memory: Memory, route: Route) -> None:
    @app.post("/v1/projects/<project>/messages:send")
    @route("fcm.send")
    def send(project: str) -> Any:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in memory.tokens:
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        body = request.get_json(silent=True)
        message = body.get("message") if isinstance(body, dict) else None
        fault = _fault_of(message)
        if fault is not None or not isinstance(message, dict):
            return _error(400, "INVALID_ARGUMENT", fault or "message is required")
        number = memory.note_push({"project": project, **message})
        return jsonify(name=f"projects/{project}/messages/{number}")


def _fault_of(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "message is required"
    targets = [name for name in TARGETS if message.get(name)]
    if len(targets) != 1:
        return "exactly one of topic, token, condition"
    if "topic" in targets and not TOPIC.fullmatch(message["topic"]):
        return "Invalid topic name"
    data = message.get("data", {})
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        return "data must be strings"
    return "Message is too big" if _size(message) > MAX_BYTES else None


def _size(message: dict[str, Any]) -> int:
    texts = [*message.get("data", {}).items(), *message.get("notification", {}).items()]
    return sum(len(name.encode()) + len(str(value).encode()) for name, value in texts)


def _error(code: int, status: str, text: str) -> Any:
    return jsonify(error={"code": code, "message": text, "status": status}), code
