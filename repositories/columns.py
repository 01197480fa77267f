"""Types and names of columns, and indexes, that are alike on every engine."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, DateTime, Dialect, Index, Integer, TypeDecorator, Unicode
from sqlalchemy.dialects.mssql import DATETIME2, NVARCHAR

NAMING = {  # names that do not depend on the engine, so that migrations can name what they change
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

LETTER_BY_LETTER = "Latin1_General_100_BIN2"

BigId = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER PRIMARY KEY counts up by itself in SQLite


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant, stored naive with microseconds on every engine."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mssql":
            return dialect.type_descriptor(DATETIME2(6))  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def text(length: int) -> Unicode:
    """Text that can hold Arabic on every engine (NVARCHAR on SQL Server)."""
    return Unicode(length)


def exact(length: int) -> Unicode:
    """Text that is compared letter by letter on every engine: to SQL Server a capital is else the same letter."""
    return text(length).with_variant(NVARCHAR(length, collation=LETTER_BY_LETTER), "mssql")


def filtered_index(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> Index:
    """An index of those rows that are `where`, which must name no parameter."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where, mssql_where=where)
