"""Rows that nobody else holds: a sweep takes these, so that one stopped process delays its own saga and no other."""

from typing import Any, TypeVar

from sqlalchemy import Select, Table

S = TypeVar("S", bound=Select[Any])

# Locked rows are left out, and none is locked: with UPDLOCK that would be every row that is due, for SQL Server numbers
# them all to find the first. READPAST is refused where READ_COMMITTED_SNAPSHOT is on, as it is here, unless
# READCOMMITTEDLOCK stands beside it (https://learn.microsoft.com/sql/t-sql/queries/hints-transact-sql-table).
PAST_LOCKED_ROWS = "WITH (READCOMMITTEDLOCK, READPAST)"


def not_held(statement: S, table: Table) -> S:
    """The same rows of `table`, without those that another transaction has locked. PostgreSQL locks them for us.

    SQLite has one writer: there, nobody else holds any.
    """
    return statement.with_for_update(skip_locked=True).with_hint(table, PAST_LOCKED_ROWS, "mssql")
