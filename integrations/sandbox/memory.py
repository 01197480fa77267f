"""What the sandbox received: rooms, pushes and requests, bounded, until it is told to forget."""

import secrets
import string
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MOST_ROOMS = 100_000
MOST_PUSHES = 100_000
MOST_REQUESTS = 10_000
LETTERS = string.ascii_lowercase + string.digits


@dataclass
class Room:
    room_id: str
    custom_room_id: str
    created_at: str
    is_disabled: bool = False
    wish: dict[str, Any] = field(default_factory=dict)


@dataclass
class Memory:
    rooms: dict[str, Room] = field(default_factory=dict)  # by roomId
    by_custom_id: dict[str, Room] = field(default_factory=dict)
    recordings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by roomId
    pushes: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_PUSHES))
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))
    request_count: int = 0
    tokens: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def open_room(self, custom_room_id: str | None, wish: dict[str, Any]) -> Room:
        """The room of this customRoomId, made if new."""
        with self.lock:
            known = self.by_custom_id.get(custom_room_id or "")
            return known or self._new_room(custom_room_id, wish)

    def _new_room(self, custom_room_id: str | None, wish: dict[str, Any]) -> Room:
        while (room_id := _room_id()) in self.rooms:
            pass
        room = Room(room_id, custom_room_id or room_id, now(), wish=wish)
        if len(self.rooms) >= MOST_ROOMS:
            oldest = self.rooms.pop(next(iter(self.rooms)))
            self.by_custom_id.pop(oldest.custom_room_id, None)
        self.rooms[room.room_id] = self.by_custom_id[room.custom_room_id] = room
        return room

    def find_room(self, either_id: str) -> Room | None:
        with self.lock:
            return self.rooms.get(either_id) or self.by_custom_id.get(either_id)

    @contextmanager
    def noted(self, route: str, method: str, path: str) -> Iterator[None]:
        """A request from its beginning to its end."""
        request: dict[str, str | None] = {"route": route, "method": method, "path": path, "at": now(), "endedAt": None}
        with self.lock:
            self.request_count += 1
            self.requests.append(request)
        try:
            yield
        finally:
            request["endedAt"] = now()

    def note_push(self, message: dict[str, Any]) -> str:
        with self.lock:
            self.pushes.append(message)
        return secrets.token_hex(8)

    def forget(self) -> None:
        with self.lock:
            for kept in (self.rooms, self.by_custom_id, self.recordings, self.pushes, self.requests):
                kept.clear()
            self.request_count = 0


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _room_id() -> str:
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))
