"""The sandbox: `gunicorn 'integrations.sandbox.app:create_sandbox()' --workers 1 --threads 64`."""

import os
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, jsonify, request

from integrations.sandbox.faults import Faults, add_fault_routes, respond
from integrations.sandbox.fcm import add_fcm_routes
from integrations.sandbox.google_token import add_token_route
from integrations.sandbox.memory import Memory
from integrations.sandbox.videosdk import add_videosdk_routes
from integrations.sandbox.videosdk_webhooks import add_webhook_routes
from integrations.sandbox.webhooks import add_receivers


def create_sandbox() -> Flask:
    """One process only: it keeps what it received in memory."""
    app = Flask("sandbox")
    memory = Memory()
    faults = Faults(delay_seconds=int(os.environ.get("SANDBOX_DELAY_MS", "0")) / 1000)

    def provider_route(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A route of a provider: noted, delayed, and faulty on demand."""

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def around(**parts: Any) -> Any:
                with memory.noted(name, request.method, request.path):
                    if faults.delay_seconds:
                        time.sleep(faults.delay_seconds)
                    fault = faults.take(name, mentions(memory)) if faults.planned else None
                    return view(**parts) if fault is None else respond(fault, lambda: view(**parts))

            return around

        return decorate

    add_videosdk_routes(app, memory, provider_route)
    add_webhook_routes(app, memory, provider_route)
    add_fcm_routes(app, memory, provider_route)
    add_token_route(app, memory, provider_route)
    add_receivers(app)
    add_fault_routes(app, faults)
    _add_memory_routes(app, memory)
    return app


def mentions(memory: Memory) -> str:
    """What this request names: its path and body, and the customRoomId of the room that it means."""
    body = request.get_json(silent=True)
    room = memory.find_room(str(body.get("roomId"))) if isinstance(body, dict) else None
    return f"{request.path} {body} {room.custom_room_id if room else ''}"


def _add_memory_routes(app: Flask, memory: Memory) -> None:
    @app.get("/healthz")
    def healthz() -> Any:
        return jsonify(status="up")

    @app.get("/sandbox/rooms")
    def rooms() -> Any:
        with memory.lock:
            return jsonify(
                rooms=[
                    {
                        "roomId": room.room_id,
                        "customRoomId": room.custom_room_id,
                        "disabled": room.is_disabled,
                        "createdAt": room.created_at,
                        "wish": room.wish,
                    }
                    for room in memory.rooms.values()
                ]
            )

    @app.get("/sandbox/pushes")
    def pushes() -> Any:
        with memory.lock:
            return jsonify(pushes=list(memory.pushes))

    @app.get("/sandbox/requests")
    def requests() -> Any:
        with memory.lock:
            return jsonify(requests=list(memory.requests), count=memory.request_count)

    @app.get("/sandbox/requests/count")
    def count() -> Any:
        return jsonify(count=memory.request_count)

    @app.delete("/sandbox/memory")
    def forget() -> Any:
        memory.forget()
        return "", 204
