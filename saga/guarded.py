"""The ports of outside services, each call of them under guard."""

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.ports import BOTH, Platform, Push, PushSender, Recording, Room, VideoMeetings, VideoRooms
from repositories.enums import Service
from saga.protection import Guard


@dataclass(frozen=True)
class GuardedRooms:
    rooms: VideoRooms
    guard: Guard

    def open_room(self, key: str) -> Room:
        return self.guard.call(Service.VIDEOSDK, lambda: self.rooms.open_room(key))

    def close_room_if_open(self, key: str, *, meeting_id: str | None) -> None:
        self.guard.call(Service.VIDEOSDK, lambda: self.rooms.close_room_if_open(key, meeting_id=meeting_id))

    def find_open_room(self, key: str) -> str | None:
        return self.guard.read(Service.VIDEOSDK, lambda: self.rooms.find_open_room(key))


@dataclass(frozen=True)
class GuardedMeetings:
    meetings: VideoMeetings
    guard: Guard

    def is_open(self, meeting_id: str) -> bool:
        return self.guard.read(Service.VIDEOSDK, lambda: self.meetings.is_open(meeting_id))

    def recordings(self, meeting_id: str) -> tuple[Recording, ...]:
        return self.guard.read(Service.VIDEOSDK, lambda: self.meetings.recordings(meeting_id))


@dataclass(frozen=True)
class GuardedPush:
    push: PushSender
    guard: Guard

    def send(self, push: Push, *, key: str, platforms: Sequence[Platform] = BOTH) -> None:
        self.guard.call(Service.FCM, lambda: self.push.send(push, key=key, platforms=platforms))
