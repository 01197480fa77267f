"""A pytest plugin: every statement that the tests execute, looked at as SQL Server would get it.

`pytest -p tests.tsql_recorder` writes what it found to the file that TSQL_REPORT names.
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.elements import ClauseElement

from tests.statements import statements
from tests.tsql import faults_of

NAMES = {id(statement): name for name, statement in statements()}
executed: dict[str, int] = defaultdict(int)
faults: dict[str, set[str]] = defaultdict(set)


@event.listens_for(Engine, "before_execute")
def look(
    _connection: Connection,
    statement: ClauseElement,
    several: Sequence[Mapping[str, Any]],
    one: Mapping[str, Any],
    _options: Any,
) -> None:
    if isinstance(statement, ExecutableDDLElement):  # of a migration: those are looked at as a script
        return
    name = NAMES.get(id(statement), "built at run time")
    executed[name] += 1
    if found := faults_of(statement, several or ([one] if one else [])):
        faults[f"{name}: {statement}"[:300]].update(found)


def pytest_sessionfinish() -> None:
    report = {"executed": executed, "faults": {name: sorted(found) for name, found in faults.items()}}
    Path(os.environ["TSQL_REPORT"]).write_text(json.dumps(report))
