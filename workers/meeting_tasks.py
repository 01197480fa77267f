"""The doorbells of the video service's webhooks: work through one, and nudge those whose nudge was lost."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.meeting_reports import DATABASE_UNAVAILABLE, TASK, NoteReport, SweepReports

log = structlog.get_logger()


def register_meetings(app: Celery, note_report: Callable[[], NoteReport], sweep: Callable[[], SweepReports]) -> None:
    def note(report_id: str) -> str:
        with structlog.contextvars.bound_contextvars(report_id=report_id):
            return note_report()(int(report_id))

    def run_sweep() -> str:
        try:
            return f"nudged {sweep()()}"
        except StoreUnavailable:
            log.warning("meeting_reports_database_unavailable")
            return DATABASE_UNAVAILABLE

    app.task(name=TASK)(note)
    app.task(name="sweep_meetings")(run_sweep)
