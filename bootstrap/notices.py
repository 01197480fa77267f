"""Who is told of a session: pushes, reminders, and what VideoSDK reports of a meeting."""

import bootstrap
from bootstrap.databases import Databases, open_databases, open_scheduling
from bootstrap.outside_services import build_push, outside_services, worker_places
from config import Settings
from integrations.ports import NotificationType
from repositories.psyter_db.care_providers import SqlCareProviders
from repositories.psyter_db.reminder_preferences import SqlReminderPreferences
from repositories.psyter_db.users import SqlUsers
from repositories.scheduling_db.meeting_reports import SqlMeetingReports
from repositories.scheduling_db.pushes import SqlPushes
from repositories.scheduling_db.reminders import SqlReminders
from saga.meeting_reports import NoteReport, SweepReports
from saga.notify import Notify
from saga.reminders import Remind
from saga.send_pushes import SendPush, SweepPushes
from saga.sweep import Nudge


def build_send_push(settings: Settings) -> SendPush:
    databases = open_databases(settings, threads=settings.worker_threads)
    outside = outside_services(settings, databases.scheduling, places=worker_places(settings))
    return SendPush(
        pushes=SqlPushes(databases.scheduling),
        providers=SqlCareProviders(databases.psyter),
        users=SqlUsers(databases.psyter),
        push=build_push(settings, outside.guard),
        clock=bootstrap.utc_now,
        jitter=bootstrap.random,
        new_token=bootstrap.new_token,
        lease=settings.lease,
        pace=settings.retry_pace,
    )


def build_sweep_pushes(settings: Settings, *, nudge: Nudge) -> SweepPushes:
    scheduling = open_scheduling(settings, threads=1)
    return SweepPushes(pushes=SqlPushes(scheduling), nudge=nudge, clock=bootstrap.utc_now)


def build_remind(settings: Settings) -> Remind:
    databases = open_databases(settings, threads=1)
    return Remind(
        preferences=reminder_preferences(settings, databases),
        reminders=SqlReminders(databases.scheduling, kind=int(NotificationType.REMINDER_NOTIFICATION)),
        clock=bootstrap.utc_now,
        latest=settings.reminder_latest,
    )


def reminder_preferences(settings: Settings, databases: Databases) -> SqlReminderPreferences:
    return SqlReminderPreferences(databases.psyter, default=settings.reminders)


def build_note_report(settings: Settings, *, nudge: Nudge) -> NoteReport:
    scheduling = open_scheduling(settings, threads=settings.worker_threads)
    notify = Notify(pushes=SqlPushes(scheduling), nudge=nudge, clock=bootstrap.utc_now)
    return NoteReport(
        inbox=SqlMeetingReports(scheduling),
        tell_provider=lambda booking_id, *, key: notify(booking_id, NotificationType.OTHER_PARTY_JOINED, key=key),
        clock=bootstrap.utc_now,
        new_token=bootstrap.new_token,
        lease=settings.lease,
    )


def build_sweep_reports(settings: Settings, *, nudge: Nudge) -> SweepReports:
    scheduling = open_scheduling(settings, threads=1)
    return SweepReports(inbox=SqlMeetingReports(scheduling), nudge=nudge, clock=bootstrap.utc_now)
