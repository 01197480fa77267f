"""Watches a process of Tahoon from inside: every point at which it can die, and every nudge it sends.

The points are found, not listed: whatever commit changes a row, and whatever goes through HttpService.call.
"""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from integrations.http import HttpService
from repositories.psyter_db import tables as psyter
from tests.chaos.script import DIE, LOSE, SEND, STOP, TWICE, Script
from workers.nudges import CeleryNudge

OF_ALL = {"scheduling.service_breakers"}  # what all sagas share is no point of one: a fault is about it

Subject = Callable[[], str | None]  # whose saga this thread is working on


@dataclass
class Watch:
    """Notes each point that a watched saga passes, and does there what its plan says."""

    script: Script
    subject: Subject
    role: str  # api or worker
    changes: threading.local = field(default_factory=threading.local)

    def install(self) -> None:
        """For this process and its children, for good."""
        self._watch_commits()
        self._watch_calls()
        self._watch_nudges()

    def pass_by(self, what: str) -> None:
        saga_id = self.subject()
        plan = None if saga_id is None else self.script.plan_of(saga_id)
        if saga_id is None or plan is None:
            return
        point = f"{self.role} {what}"
        number = self.script.note(saga_id, "points", point)
        here = f"{os.getpid()} {point}"
        if plan.at.get(number) == DIE:
            self.script.note(saga_id, "deaths", here)
            die()
        elif plan.at.get(number) == STOP:
            self.script.note(saga_id, "stops", here)
            stop()
        if plan.meet == point and not self.script.notes(saga_id, "meetings"):
            self.script.note(saga_id, "meetings", here)
            stop()

    def around(self, what: str, work: Callable[[], Any]) -> Any:
        self.pass_by(f"before {what}")
        try:
            return work()
        finally:
            self.pass_by(f"after {what}")

    # --- commits ---------------------------------------------------------------------------

    def _watch_commits(self) -> None:
        event.listen(Engine, "begin", lambda _connection: self._changed().clear())
        event.listen(Engine, "after_cursor_execute", self._note_change)
        commit: Any = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            changed = self._changed()
            if not OF_ALL.issuperset(changed):  # a claim that came too late changes nothing, and is no point
                what = " ".join(["commit", *dict.fromkeys(changed)])
                self.around(what, lambda: commit(dialect, connection))
            else:
                commit(dialect, connection)

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    def _changed(self) -> list[str]:
        """The tables that this thread's transaction has changed."""
        found: list[str] = self.changes.__dict__.setdefault("tables", [])
        return found

    def _note_change(
        self, _connection: Any, cursor: Any, _sql: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        is_change = context.compiled is not None and (context.isinsert or context.isupdate or context.isdelete)
        if is_change and cursor.rowcount != 0:
            table = context.compiled.statement.table
            database = "psyter" if table.metadata is psyter.metadata else "scheduling"
            self._changed().append(f"{database}.{table.name}")

    # --- calls -----------------------------------------------------------------------------

    def _watch_calls(self) -> None:
        call = HttpService.call

        def watched(service: HttpService, name: str, *args: Any, **kwargs: Any) -> Any:
            return self.around(f"call {name}", lambda: call(service, name, *args, **kwargs))

        HttpService.call = watched  # type: ignore[method-assign, assignment]

    # --- nudges ----------------------------------------------------------------------------

    def _watch_nudges(self) -> None:
        ring = CeleryNudge.__call__

        def watched(nudge: CeleryNudge, saga_name: str, saga_id: str) -> bool:
            plan = self.script.plan_of(saga_id)
            fates = () if plan is None else plan.nudges.get(self.role, ())
            number = self.script.note(saga_id, f"{self.role}-nudges", self.role) if fates else 0
            fate = fates[number] if number < len(fates) else SEND
            if fate == LOSE:
                return True
            if fate == DIE:
                die()
            if fate == TWICE:
                ring(nudge, saga_name, saga_id)
            return ring(nudge, saga_name, saga_id)

        CeleryNudge.__call__ = watched  # type: ignore[method-assign, assignment]


def die() -> None:
    """At once: nothing of this process gets to clean up."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """Stand still until somebody says SIGCONT; sent to this very thread, which therefore goes no step further."""
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
