"""The statements that the repositories keep as constants of their modules."""

import importlib
import pkgutil

from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import Executable

from repositories import psyter_db, scheduling_db
from repositories.idempotency import KeyRows


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
    return found
