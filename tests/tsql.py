"""What SQL Server would refuse, or take for something else, in statements that were never sent to one.

Each trap is a name and a test of the compiled text; tests/house/test_tsql.py shows every one of them a bad example.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    Unicode,
    UniqueConstraint,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.compiler import Compiled, SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import NullType, TypeEngine

from repositories.dialects import as_of_2017
from repositories.held import PAST_LOCKED_ROWS

DIALECT = mssql.dialect()  # type: ignore[no-untyped-call]
as_of_2017(DIALECT)
MOST_PARAMETERS = 2000  # SQL Server's limit is 2100, and it uses some itself
CLUSTERED_KEY, INDEX_KEY = 900, 1700  # bytes


def _pattern(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda sql: compiled.search(sql) is not None


def _offset_without_order(sql: str) -> bool:
    return any("ORDER BY" not in before.upper() for before in re.split(r"\bOFFSET\b", sql, flags=re.I)[:-1])


TRAPS: Mapping[str, Callable[[str], bool]] = {
    "IS 1": _pattern(r"\bIS (NOT )?[01]\b"),
    "LIMIT": _pattern(r"\bLIMIT\b"),
    "NULLS LAST": _pattern(r"\bNULLS (FIRST|LAST)\b"),
    "EXISTS as a value": _pattern(r"\bSELECT\s+(TOP\s+\S+\s+)?(NOT\s+)?\(?\s*EXISTS\b"),
    "true or false": _pattern(r"\b(true|false)\b"),
    "OFFSET without ORDER BY": _offset_without_order,
    "DATETIME": _pattern(r"\bDATETIME\b"),
    "TIMESTAMP": _pattern(r"\bTIMESTAMP\b"),
    "TEXT": _pattern(r"\bN?TEXT\b"),
    "OR in a filtered index": _pattern(r"\bCREATE\s+(UNIQUE\s+)?INDEX\b[^;]*\bWHERE\b[^;]*\bOR\b"),
    "lock hint": _pattern(r"\bWITH\s*\(\s*(NOLOCK|UPDLOCK|HOLDLOCK|ROWLOCK|XLOCK|TABLOCKX?|READPAST|SERIALIZABLE)\b"),
    "not of 2017, or not of every server": _pattern(
        r"\b(MERGE|WAITFOR|CREATE\s+OR\s+ALTER|TRIGGER|GREATEST|LEAST|DATETRUNC|STRING_SPLIT|IS\s+(NOT\s+)?DISTINCT)\b"
    ),
}


def traps_in(sql: str) -> list[str]:
    return [name for name, is_in in TRAPS.items() if is_in(_without_texts(sql))]


def _without_texts(sql: str) -> str:
    return re.sub(r"N?'(?:[^']|'')*'|\[[^\]]*\]|--[^\n]*", "''", sql)


# --- statements ----------------------------------------------------------------------------


def faults_of(statement: ClauseElement, parameters: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """What is wrong with a statement, and with the values that it was executed with."""
    names = sorted(parameters[0]) if parameters else None
    try:
        compiled = _compiled(statement, None if names is None else tuple(names))
    except CompileError as error:
        return [f"does not compile: {error}"]
    assert isinstance(compiled, SQLCompiler)
    if getattr(statement, "_for_update_arg", None) is not None and PAST_LOCKED_ROWS not in str(compiled):
        return ["FOR UPDATE is left out, silently"]
    faults = traps_in(str(compiled))
    for values in parameters:
        faults += _faults_of_values(compiled, values)
    return faults


@lru_cache(maxsize=500)
def _compiled(statement: ClauseElement, names: tuple[str, ...] | None) -> Compiled:
    return statement.compile(dialect=DIALECT, column_keys=names)


def _faults_of_values(compiled: SQLCompiler, values: Mapping[str, Any]) -> Iterator[str]:
    bound = compiled.construct_params(dict(values))
    if sum(len(value) if isinstance(value, list | tuple) else 1 for value in bound.values()) > MOST_PARAMETERS:
        yield "too many parameters"
    for name, value in bound.items():
        kind = _plain(compiled.binds[name].type)
        if isinstance(value, str) and not value.isascii() and not isinstance(kind, Unicode):
            yield f"{name}: not Latin, but sent as VARCHAR"
        if isinstance(value, str | date | datetime) and isinstance(kind, NullType):
            yield f"{name}: of no type, so neither its letters nor its zone are sure"


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type as SQL Server gets it."""
    found = kind._variant_mapping.get("mssql", kind)
    return found.impl_instance if isinstance(found, TypeDecorator) else found


# --- tables --------------------------------------------------------------------------------


def faults_of_tables(metadata: MetaData) -> list[str]:
    return [fault for table in metadata.sorted_tables for fault in _faults_of_keys(table)]


def _faults_of_keys(table: Table) -> Iterator[str]:
    for name, columns, most in _keys(table):
        sizes = [_bytes(column) for column in columns]
        if None in sizes:
            yield f"{name}: a text without a length as a key"
        elif sum(size or 0 for size in sizes) > most:
            yield f"{name}: longer than {most} bytes"


def _keys(table: Table) -> Iterator[tuple[str, list[Column[Any]], int]]:
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            is_primary = isinstance(constraint, PrimaryKeyConstraint)
            yield (
                f"{table.name}.{constraint.name}",
                list(constraint.columns),
                CLUSTERED_KEY if is_primary else INDEX_KEY,
            )
    for index in table.indexes:
        yield f"{table.name}.{index.name}", list(index.columns), INDEX_KEY


def _bytes(column: Column[Any]) -> int | None:
    """None if it has no end."""
    match _plain(column.type):
        case Unicode(length=length):
            return None if length is None else 2 * length
        case String(length=length):
            return length
        case Boolean():
            return 1
        case SmallInteger():
            return 2
        case BigInteger() | DateTime():
            return 8
        case Integer() | Date():
            return 4
        case other:
            raise NotImplementedError(f"how long is {other!r}?")
