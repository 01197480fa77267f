"""Faults on demand: for the next N calls of a route, or at a rate, until told to mend."""

import socket
import threading
import time
from dataclasses import dataclass, field
from random import random
from typing import Any

from flask import Flask, Response, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

ROUTES = (
    "videosdk.create_room",
    "videosdk.get_room",
    "videosdk.validate_room",
    "videosdk.deactivate_room",
    "videosdk.recordings",
    "videosdk.public_key",
    "fcm.send",
    "google.token",
)
KINDS = ("status", "delay", "hang", "drop_after_effect", "malformed", "close_before")
HANG_SECONDS = 60


class FaultSchema(Schema):
    route = fields.String(required=True, validate=validate.OneOf([*ROUTES, "videosdk.*", "fcm.*", "google.*", "*"]))
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.Integer(load_default=None, validate=validate.Range(100, 599))
    headers = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    body = fields.Raw(load_default=None)
    delayMs = fields.Integer(load_default=HANG_SECONDS * 1000, validate=validate.Range(0, HANG_SECONDS * 1000))  # noqa: N815
    afterEffect = fields.Boolean(load_default=False)  # noqa: N815
    times = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))
    rate = fields.Float(load_default=1.0, validate=validate.Range(0, 1))
    about = fields.String(load_default="")  # only calls that mention this: in the path, the body, or their room's ids

    @validates_schema(skip_on_field_errors=True)
    def a_status_fault_has_a_status(self, fault: dict[str, Any], **_: Any) -> None:
        if fault["kind"] == "status" and fault["status"] is None:
            raise ValidationError("Missing data for required field.", "status")


@dataclass
class Faults:
    planned: list[dict[str, Any]] = field(default_factory=list)
    delay_seconds: float = 0.0  # of every provider route
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, route: str, mentions: str) -> dict[str, Any] | None:
        """The fault for this call, if one is planned; uses up one of its times."""
        with self.lock:
            for fault in self.planned:
                is_meant = _covers(fault["route"], route) and fault["about"] in mentions
                if is_meant and random() < fault["rate"]:  # noqa: S311
                    self._use_up(fault)
                    return fault
        return None

    def _use_up(self, fault: dict[str, Any]) -> None:
        if fault["times"] is not None:
            fault["times"] -= 1
            if fault["times"] == 0:
                self.planned.remove(fault)


def _covers(pattern: str, route: str) -> bool:
    return pattern in {"*", route} or (pattern.endswith(".*") and route.startswith(pattern[:-1]))


def respond(fault: dict[str, Any], answer: Any) -> Any:
    """What is sent instead of the view's answer; `answer` is called to have the effect."""
    seconds = fault["delayMs"] / 1000
    match fault["kind"]:
        case "status":
            body = fault["body"] if fault["body"] is not None else {"message": "sandbox fault"}
            return jsonify(body), fault["status"], fault["headers"]
        case "malformed":
            answer()
            return Response(fault["body"] or "<html>not json", mimetype="text/html")
        case "drop_after_effect":
            answer()
            return hang_up()
        case "close_before":
            return hang_up()
    if fault["afterEffect"]:
        done = answer()
        time.sleep(seconds)
        return done
    time.sleep(seconds)
    return answer()


def hang_up() -> Response:
    """Close the caller's connection without an answer."""
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def add_fault_routes(app: Flask, faults: Faults) -> None:
    schema = FaultSchema()

    @app.post("/sandbox/faults")
    def plan() -> Any:
        try:
            fault = schema.load(request.get_json())
        except ValidationError as error:
            return jsonify(errors=error.messages), 400
        with faults.lock:
            faults.planned.append(fault)
        return jsonify(fault), 201

    @app.get("/sandbox/faults")
    def show() -> Any:
        return jsonify(faults=faults.planned)

    @app.delete("/sandbox/faults")
    def mend() -> Any:
        """Forget every fault, or those about one thing only."""
        about = request.args.get("about", "")
        with faults.lock:
            faults.planned[:] = [fault for fault in faults.planned if about and fault["about"] != about]
        return "", 204

    @app.put("/sandbox/delay")
    def delay() -> Any:
        milliseconds = request.get_json().get("delayMs")
        if not isinstance(milliseconds, int) or not 0 <= milliseconds <= HANG_SECONDS * 1000:
            return jsonify(errors={"delayMs": ["Must be 0 to 60000."]}), 400
        faults.delay_seconds = milliseconds / 1000
        return "", 204
