"""VideoSDK and FCM, and how a process asks them: through a breaker, and so many calls at one time."""

from collections.abc import Mapping
from dataclasses import dataclass

import bootstrap
from api.routes import meeting_reports
from api.security.id_cipher import IdCipher, IdKind
from bootstrap.databases import Databases
from bootstrap.watching import watch_of
from config import Settings
from integrations.fcm.client import FcmPushSender
from integrations.places import LocalPlaces, Places, shared_places
from integrations.videosdk.calls import VideoSdkCalls
from integrations.videosdk.client import VideoSdkRooms
from integrations.videosdk.meetings import VideoSdkMeetings
from integrations.videosdk.settings import VideoSdkSettings, settings_from_group
from integrations.videosdk.webhooks import PinnedKey, VideoSdkKey, VideoSdkReports
from repositories.database import Database
from repositories.enums import Service, SettingGroup
from repositories.psyter_db.app_settings import SqlAppSettings
from repositories.scheduling_db.journal import SqlJournal
from repositories.scheduling_db.services import SqlServices
from saga.breaker import BreakerSettings
from saga.guarded import GuardedMeetings, GuardedPush, GuardedRooms
from saga.line import Line
from saga.lookout import Lookout
from saga.protection import Guard, Protection
from saga.sweep import Nudge


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How a process asks outside services, and what it knows of them."""

    guard: Protection
    lookout: Lookout
    places: Places


def outside_services(settings: Settings, scheduling: Database, *, places: Places | None = None) -> Outside:
    """`places`: those that workers share; without, this process has its own."""
    services = SqlServices(scheduling)
    lookout = Lookout(services, clock=bootstrap.utc_now)
    places = places or LocalPlaces(bounds(settings))
    guard = Protection(
        services=services,
        lookout=lookout,
        places=places,
        settings=BreakerSettings(failures=settings.breaker_failures, open_for=settings.breaker_open_for),
        longest_call=settings.lease,
        clock=bootstrap.utc_now,
        new_token=bootstrap.new_token,
    )
    return Outside(guard=guard, lookout=lookout, places=places)


def build_line(scheduling: Database, outside: Outside, nudge: Nudge) -> Line:
    return Line(
        journal=SqlJournal(scheduling),
        lookout=outside.lookout,
        places=outside.places,
        nudge=nudge,
        clock=bootstrap.utc_now,
    )


def worker_places(settings: Settings) -> Places:
    return shared_places(settings.redis_url, bounds=bounds(settings), longest_call=settings.lease)


def bounds(settings: Settings) -> Mapping[str, int]:
    return {Service.VIDEOSDK: settings.videosdk_places, Service.FCM: settings.fcm_places}


def build_rooms(settings: Settings, databases: Databases, guard: Guard) -> GuardedRooms:
    calls = videosdk_calls(settings, databases, connections=settings.worker_threads)
    base = settings.public_url
    rooms = VideoSdkRooms(calls, webhook_url=None if base is None else f"{base.rstrip('/')}{meeting_reports.PATH}")
    return GuardedRooms(rooms, guard)


def build_meetings(settings: Settings, databases: Databases, guard: Guard) -> GuardedMeetings:
    meetings = VideoSdkMeetings(videosdk_calls(settings, databases, connections=settings.api_threads))
    return GuardedMeetings(meetings, guard)


def build_reports(settings: Settings, databases: Databases) -> VideoSdkReports:
    if settings.videosdk_public_key is not None:
        return VideoSdkReports(PinnedKey(settings.videosdk_public_key))
    return VideoSdkReports(VideoSdkKey(videosdk_calls(settings, databases, connections=1), clock=bootstrap.utc_now))


def videosdk_calls(settings: Settings, databases: Databases, *, connections: int) -> VideoSdkCalls:
    app_settings = SqlAppSettings(databases.psyter)

    def videosdk_settings() -> VideoSdkSettings:
        return settings_from_group(app_settings.group(SettingGroup.VIDEO_SDK), endpoint=settings.videosdk_api_endpoint)

    return VideoSdkCalls(
        settings=videosdk_settings,
        timeout=settings.videosdk_timeout,
        clock=bootstrap.utc_now,
        connections=connections,
        watch=watch_of(settings),
    )


def build_push(settings: Settings, guard: Guard) -> GuardedPush:
    cipher = IdCipher(settings.id_key)
    sender = FcmPushSender(
        endpoint=settings.fcm_endpoint,
        service_account_file=settings.fcm_service_account_file,
        timeout=settings.fcm_timeout,
        public_booking_id=lambda booking_id: cipher.encrypt(IdKind.BOOKING, booking_id),
        clock=bootstrap.utc_now,
        connections=settings.worker_threads,
        watch=watch_of(settings),
    )
    return GuardedPush(sender, guard)
