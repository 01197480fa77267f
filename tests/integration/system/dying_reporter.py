"""A worker that dies once, between keeping the facts of a webhook and finishing it."""

import os
import signal
from pathlib import Path
from typing import Any

from bootstrap import build_worker_app
from repositories.scheduling_db.meeting_reports import SqlMeetingReports

note = SqlMeetingReports.note


def note_and_die(self: SqlMeetingReports, *given: Any, **named: Any) -> Any:
    note(self, *given, **named)
    Path(os.environ["DEATHS"]).write_text("died")
    os.kill(os.getpid(), signal.SIGKILL)


SqlMeetingReports.note = note_and_die  # type: ignore[method-assign]
app = build_worker_app()
