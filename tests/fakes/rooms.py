"""VideoSDK's rooms in memory. Kept honest by tests/contract."""

from dataclasses import dataclass, field

from integrations.ports import ProviderUnavailable, Room
from tests.fakes.failures import Failures


@dataclass
class FakeRoom:
    meeting_id: str
    is_open: bool = True


@dataclass
class FakeRooms(Failures):
    rooms: dict[str, FakeRoom] = field(default_factory=dict)  # by key
    never_opens: str | None = None  # the key of a room that this VideoSDK cannot bear

    def open_room(self, key: str) -> Room:
        with self.planned("open_room"):
            if key == self.never_opens:
                raise ProviderUnavailable("500", may_have_happened=True)
            room = self.rooms.setdefault(key, FakeRoom(meeting_id=f"room-{len(self.rooms) + 1:04}-test"))
            return Room(meeting_id=room.meeting_id)

    def find_open_room(self, key: str) -> str | None:
        with self.planned("find_open_room"):
            ids = {room.meeting_id: room for room in self.rooms.values()} | self.rooms
            return ids[key].meeting_id if key in ids and ids[key].is_open else None

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        with self.planned("close_room_if_open"):
            for room_key, room in self.rooms.items():
                if room_key == key or room.meeting_id == meeting_id:
                    room.is_open = False
