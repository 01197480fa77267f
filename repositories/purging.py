"""Forgetting old rows of one database, some at a time: found and deleted in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Delete, Select, Table, bindparam, delete, func, select

from repositories.database import Database, in_chunks
from repositories.enums import Kept


class Rule(Protocol):
    def forget(self, connection: Connection, before: datetime, limit: int) -> int: ...

    def count(self, connection: Connection, before: datetime) -> int: ...


@dataclass(frozen=True)
class ByKey:
    """`find` selects the keys of what may go, by `before` and `most`; `drops` delete by `keys`, children first."""

    find: Select[Any]
    tally: Select[Any]
    drops: tuple[Delete, ...]

    def forget(self, connection: Connection, before: datetime, limit: int) -> int:
        keys = list(dict.fromkeys(connection.execute(self.find, {"before": before, "most": limit}).scalars()))
        self.drop(connection, keys)
        return len(keys)

    def drop(self, connection: Connection, keys: Sequence[Any]) -> None:
        for some in in_chunks(keys):
            for drop in self.drops:
                connection.execute(drop, {"keys": some})

    def count(self, connection: Connection, before: datetime) -> int:
        return int(connection.execute(self.tally, {"before": before}).scalar_one())


class ByAge:
    """Rows whose key is of several columns: all up to the instant at which the oldest `limit` of them end."""

    def __init__(self, table: Table, column: str) -> None:
        at = table.c[column]
        self.find = select(at).where(at < bindparam("before")).order_by(at).limit(bindparam("most"))
        self.tally = select(func.count()).select_from(table).where(at < bindparam("before"))
        self.drop = delete(table).where(at <= bindparam("upto"))

    def forget(self, connection: Connection, before: datetime, limit: int) -> int:
        found = list(connection.execute(self.find, {"before": before, "most": limit}).scalars())
        if not found:
            return 0
        return connection.execute(self.drop, {"upto": found[-1]}).rowcount

    def count(self, connection: Connection, before: datetime) -> int:
        return int(connection.execute(self.tally, {"before": before}).scalar_one())


class SqlForgets:
    def __init__(self, database: Database, rules: Mapping[Kept, Rule]) -> None:
        self._database = database
        self._rules = rules

    @property
    def kinds(self) -> tuple[Kept, ...]:
        return tuple(self._rules)

    def forget(self, kind: Kept, *, before: datetime, limit: int) -> int:
        return self._database.write(lambda connection: self._rules[kind].forget(connection, before, limit))

    def count(self, kind: Kept, *, before: datetime) -> int:
        with self._database.reading() as connection:
            return self._rules[kind].count(connection, before)
