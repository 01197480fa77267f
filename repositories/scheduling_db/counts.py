"""How many, and since when: counts that end early, so that a long backlog costs no more to look at than a short one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, literal_column, select

from repositories.entities.vital_signs import COUNTED, Backlog


def counted(
    table: FromClause, *which: ColumnElement[bool], by: ColumnElement[Any] | None = None, most: int = COUNTED
) -> Select[int]:
    """How many rows, counted no further than `most`. `by`: the column of the index to go by, where SQLite would choose
    a longer one that has all columns."""
    some = select(literal_column("1").label("one")).select_from(table).where(*which).order_by(by).limit(most).subquery()
    return select(func.count()).select_from(some)


def oldest(column: ColumnElement[Any], by: ColumnElement[Any], *which: ColumnElement[bool]) -> Select[Any]:
    return select(column).where(*which).order_by(by).limit(1)


def number_of(connection: Connection, statement: Select[int], values: Mapping[str, Any]) -> int:
    return int(connection.execute(statement, values).scalar_one())


def backlog_of(connection: Connection, number: Select[int], since: Select[Any], values: Mapping[str, Any]) -> Backlog:
    return Backlog(number=number_of(connection, number, values), since=connection.execute(since, values).scalar())
