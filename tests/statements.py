"""The statements of the repositories: the constants of their modules, and what is built for a page of a list.

A function that builds one when it is needed stands in BUILT, with calls that go each of its ways.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import Executable

from repositories import psyter_db, scheduling_db
from repositories.entities.audit import DeedFilter
from repositories.entities.pushes import PushFilter
from repositories.entities.sagas import SagaFilter
from repositories.enums import BookingStatus, Reason, SagaStatus
from repositories.idempotency import KeyRows
from repositories.psyter_db import audit_log
from repositories.purging import ByAge
from repositories.scheduling_db import board, pushes, saga_records
from repositories.scheduling_db.history import page_statement
from repositories.scheduling_db.vital_signs import BACKLOGS, DEEDS


def statements() -> list[tuple[str, ClauseElement]]:
    """By the name of module and constant."""
    found: list[tuple[str, ClauseElement]] = []
    for name in module_names():
        constants = vars(importlib.import_module(name))
        for rows in [value for value in constants.values() if isinstance(value, KeyRows | ByAge)]:
            constants = constants | vars(rows)
        found += [
            (f"{name.removeprefix('repositories.')}.{constant}", value)
            for constant, value in constants.items()
            if isinstance(value, Executable) and isinstance(value, ClauseElement)
        ]
    return found + backlogs() + [one for pages in BUILT.values() for one in pages()]


def module_names() -> Iterator[str]:
    yield from ("repositories.deed_rows", "repositories.audit_outbox")  # of either database
    for package in (psyter_db, scheduling_db):
        for module in pkgutil.iter_modules(package.__path__):
            if module.name not in {"migrations", "tables"}:
                yield f"{package.__name__}.{module.name}"


def backlogs() -> list[tuple[str, ClauseElement]]:
    return [
        (f"scheduling_db.vital_signs.{name}-{which}", statement)
        for name, both in {**BACKLOGS, "of-either": DEEDS}.items()
        for which, statement in zip(("number", "since"), both, strict=True)
    ]


def audit_pages() -> list[tuple[str, ClauseElement]]:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    every = DeedFilter(organization_id=1)
    filters = {"every": every, "some": replace(every, action="booking.accept", since=at, until=at)}
    return [
        (f"psyter_db.audit_log.{name}-{before is not None}", audit_log.listing(which, before=before, limit=21))
        for name, which in filters.items()
        for before in (None, (at, 5))
    ]


def history_pages() -> list[tuple[str, ClauseElement]]:
    return [
        (
            f"scheduling_db.history.page-{statuses}-{of_user}-{goes_on}",
            page_statement(statuses=statuses, of_user=of_user, goes_on=goes_on),
        )
        for statuses in range(1, len(BookingStatus) + 1)
        for of_user in (False, True)
        for goes_on in (False, True)
    ]


def saga_lists() -> list[tuple[str, ClauseElement]]:
    every = SagaFilter(statuses=frozenset(SagaStatus))
    at = datetime(2026, 1, 5, tzinfo=UTC)
    filters = {
        "every": every,
        "name": replace(every, name="book_session"),
        "step": replace(every, step="save_order"),
        "reason": replace(every, reason=Reason.INTERNAL_ERROR),
        "organization": replace(every, organization_id=1),
        "unchanged": replace(every, unchanged_since=at),
    }
    return [
        (f"scheduling_db.saga_records.{name}", saga_records.listing(which, limit=21)) for name, which in filters.items()
    ]


def saga_pages() -> list[tuple[str, ClauseElement]]:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    every = SagaFilter(statuses=frozenset({SagaStatus.STUCK}))
    some = replace(every, organization_id=1, name="x", step="x", reason=Reason.INTERNAL_ERROR, begun_since=at)
    some = replace(some, begun_before=at, unchanged_since=at)
    return [
        (
            f"scheduling_db.saga_records.page-{name}-{after is not None}",
            saga_records.page_of(which, after=after, limit=9),
        )
        for name, which in (("every", every), ("some", some))
        for after in (None, (at, "x"))
    ]


def board_minutes() -> list[tuple[str, ClauseElement]]:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return [("scheduling_db.board.minutes", board.ended_by_minute([at, at + timedelta(minutes=1)]))]


def push_lists() -> list[tuple[str, ClauseElement]]:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    filters = {
        "every": PushFilter(),
        "some": PushFilter(kind=1, care_provider_id=42, booking_id=7, reason="x", since=at),
    }
    return [(f"scheduling_db.pushes.{name}", pushes.listing(which, limit=21)) for name, which in filters.items()]


BUILT = {
    "scheduling_db.history.page_statement": history_pages,
    "psyter_db.audit_log.listing": audit_pages,
    "scheduling_db.saga_records.listing": saga_lists,
    "scheduling_db.saga_records.page_of": saga_pages,
    "scheduling_db.board.ended_by_minute": board_minutes,
    "scheduling_db.pushes.listing": push_lists,
}
