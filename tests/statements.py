"""The statements of the repositories: the constants of their modules, and what is built for a page of history."""

import importlib
import pkgutil

from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import Executable

from repositories import psyter_db, scheduling_db
from repositories.enums import BookingStatus
from repositories.idempotency import KeyRows
from repositories.scheduling_db.history import page_statement


def statements() -> list[tuple[str, ClauseElement]]:
    """By the name of module and constant."""
    found: list[tuple[str, ClauseElement]] = []
    for package in (psyter_db, scheduling_db):
        for module in pkgutil.iter_modules(package.__path__):
            if module.name in {"migrations", "tables"}:
                continue
            name = f"{package.__name__}.{module.name}"
            constants = vars(importlib.import_module(name))
            for rows in [value for value in constants.values() if isinstance(value, KeyRows)]:
                constants = constants | vars(rows)
            found += [
                (f"{name.removeprefix('repositories.')}.{constant}", value)
                for constant, value in constants.items()
                if isinstance(value, Executable) and isinstance(value, ClauseElement)
            ]
    return found + history_pages()


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
