"""The product's own worker app, watched: `celery -A tests.chaos.worker worker`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from celery.signals import task_postrun

import bootstrap
import saga.sweep
from tests.chaos.hooks import Watch
from tests.chaos.script import Script

script = Script(Path(os.environ["CHAOS_FOLDER"]))


def subject() -> str | None:
    """The saga that this thread's task was rung for; None while it sweeps."""
    return structlog.contextvars.get_contextvars().get("saga_id")


def note_return(args: Any, retval: Any, **_: Any) -> None:
    if args and script.plan_of(args[0]) is not None:
        script.note(args[0], "returns", f"{os.getpid()} {retval}")


saga.sweep.MARK = timedelta(seconds=6)  # as all waits here, shorter
Watch(script, subject, "worker").install()
task_postrun.connect(note_return, weak=False)
vars(bootstrap)["random"] = lambda: 1.0  # a wait of nothing may spare a claim, and the points would not be the same
app = bootstrap.build_worker_app()
