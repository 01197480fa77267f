"""VideoSDK v2's rooms and recordings, as far as Tahoon uses them."""

import os
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import jwt
from flask import Flask, jsonify, request

from integrations.sandbox.memory import Memory, Room

API_KEY = "sandbox-videosdk-key"
SECRET_KEY = "sandbox-videosdk-secret-00000000000000"  # noqa: S105

Route = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]


def add_videosdk_routes(app: Flask, memory: Memory, route: Route) -> None:
    api_key = os.environ.get("SANDBOX_VIDEOSDK_API_KEY", API_KEY)
    secret_key = os.environ.get("SANDBOX_VIDEOSDK_SECRET_KEY", SECRET_KEY)

    def with_token(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(**parts: Any) -> Any:
            refusal = _token_refusal(request.headers.get("Authorization", ""), api_key, secret_key)
            return view(**parts) if refusal is None else (jsonify(message=refusal), 401)

        return checked

    @app.post("/v2/rooms")
    @route("videosdk.create_room")
    @with_token
    def create_room() -> Any:
        wish = request.get_json(silent=True)
        if not isinstance(wish, dict):
            return jsonify(message="Invalid body"), 400
        custom_room_id = wish.get("customRoomId")
        if custom_room_id is not None and (not isinstance(custom_room_id, str) or not custom_room_id.strip()):
            return jsonify(message="Invalid customRoomId"), 400
        return jsonify(_shown(memory.open_room(custom_room_id, wish)))

    @app.get("/v2/rooms/<either_id>")
    @route("videosdk.get_room")
    @with_token
    def get_room(either_id: str) -> Any:
        room = memory.find_room(either_id)
        return jsonify(_shown(room)) if room else (jsonify(message="Room not found"), 404)

    @app.get("/v2/rooms/validate/<room_id>")
    @route("videosdk.validate_room")
    @with_token
    def validate_room(room_id: str) -> Any:
        room = memory.rooms.get(room_id)
        return jsonify(_shown(room)) if room else (jsonify(error="Invalid roomId"), 402)

    @app.post("/v2/rooms/deactivate")
    @route("videosdk.deactivate_room")
    @with_token
    def deactivate_room() -> Any:
        body = request.get_json(silent=True)
        room_id = body.get("roomId") if isinstance(body, dict) else None
        if not isinstance(room_id, str):
            return jsonify(message="roomId is required"), 400
        room = memory.rooms.get(room_id)
        if room is None:  # a customRoomId is not taken here
            return jsonify(error="Invalid roomId"), 402
        room.is_disabled = True
        return jsonify(meetingId=room.room_id, userMeetingId=room.custom_room_id, disabled=True, id=room.room_id)

    @app.get("/v2/recordings")
    @route("videosdk.recordings")
    @with_token
    def recordings() -> Any:
        found = memory.recordings.get(request.args.get("roomId", ""), [])
        page = max(1, request.args.get("page", 1, int))
        per_page = min(100, max(1, request.args.get("perPage", 20, int)))
        info = {
            "currentPage": page,
            "perPage": per_page,
            "lastPage": max(1, -(-len(found) // per_page)),
            "total": len(found),
        }
        return jsonify(pageInfo=info, data=found[(page - 1) * per_page : page * per_page])

    @app.post("/sandbox/recordings")
    def add_recording() -> Any:
        recording = request.get_json()
        memory.recordings.setdefault(recording["roomId"], []).append(recording)
        return jsonify(recording), 201


def _token_refusal(token: str, api_key: str, secret_key: str) -> str | None:
    """Why this raw JWT (no `Bearer`) is refused, or None."""
    try:
        claims = _claims_of(token, secret_key)
    except jwt.PyJWTError:
        return "Token is invalid or expired"
    if time.time() >= claims["exp"]:
        return "Token is invalid or expired"
    if claims.get("apikey") != api_key or claims.get("version") != 2 or "crawler" not in claims.get("roles", []):
        return "Token has wrong claims"
    return None if "allow_join" in claims.get("permissions", []) else "Token lacks permissions"


@lru_cache(100)
def _claims_of(token: str, secret_key: str) -> dict[str, Any]:
    """What a token says that has not expired yet; read once: the sandbox shares its machine with whoever calls it."""
    return jwt.decode(token, secret_key, algorithms=["HS256"], options={"require": ["exp", "iat"]})


def _shown(room: Room) -> dict[str, Any]:
    return {
        "roomId": room.room_id,
        "customRoomId": room.custom_room_id,
        "userId": "sandbox-user",
        "disabled": room.is_disabled,
        "createdAt": room.created_at,
        "updatedAt": room.created_at,
        "id": room.room_id,
        "links": {"get_room": f"/v2/rooms/{room.room_id}", "get_session": "/v2/sessions/"},
    }
