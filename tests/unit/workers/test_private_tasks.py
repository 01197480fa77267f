"""What becomes of a bug in a task: its type and its place are told, its text is not."""

import io
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import structlog

import logs
from workers.celery_app import create_worker_app

DAY = timedelta(days=1)


class Bug(Exception):
    """Something nobody thought of."""


def fails(name: str) -> str:
    raise Bug(f"{name} Quux has no room")


def works(saga_id: str) -> str:
    return f"done {saga_id}"


@cache
def task() -> Any:
    app = create_worker_app(
        "redis://127.0.0.1:1/0",
        threads=1,
        sweep_every=DAY,
        reconcile_every=DAY,
        copy_facts_every=DAY,
        reminders_every=DAY,
        seal_audit_every=DAY,
        purge_every=DAY,
    )
    return app.task(name="fails")(fails)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Our log, as a process writes it."""
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    before = structlog.get_config()
    logs.start_logging("DEBUG")
    yield lines
    structlog.configure(**before)


def test_a_bug_is_told_by_its_type_and_place_only(log: io.StringIO) -> None:
    ended = task().apply(args=("Zaynab",))
    assert (ended.status, str(ended.result)) == ("FAILURE", "Bug")
    assert "Zaynab" not in ended.traceback
    assert "Zaynab" not in log.getvalue()
    assert "test_private_tasks.Bug" in log.getvalue()
    assert "in fails" in log.getvalue()


def test_a_task_that_does_what_it_should_answers() -> None:
    assert task().app.task(name="works")(works).apply(args=("7",)).result == "done 7"
