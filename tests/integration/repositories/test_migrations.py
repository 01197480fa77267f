"""The migrations make exactly what the tables say, and every statement compiles for all three engines."""

import importlib
import pkgutil

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement, Executable

from repositories import psyter_db, scheduling_db
from repositories.database import UtcDateTime, open_database
from repositories.idempotency import KeyRows
from repositories.migrations import upgrade
from repositories.psyter_db.tables import metadata as psyter
from repositories.scheduling_db.tables import metadata as scheduling
from tests.conftest import FreshUrl

TREES = {"psyter_db": psyter, "scheduling_db": scheduling}
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect(), "mssql": mssql.dialect()}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("tree", "metadata"), TREES.items())
def test_a_migrated_database_is_what_the_tables_say(tree: str, metadata: MetaData, fresh_url: FreshUrl) -> None:
    url = fresh_url(tree)
    upgrade(url, tree=tree)
    database = open_database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def statements() -> list[tuple[str, ClauseElement]]:
    found: list[tuple[str, ClauseElement]] = []
    for package in (psyter_db, scheduling_db):
        for module in pkgutil.iter_modules(package.__path__):
            if module.name in {"migrations", "tables"}:
                continue
            names = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
            for rows in [value for value in names.values() if isinstance(value, KeyRows)]:
                names = names | vars(rows)
            found += [
                (f"{module.name}.{name}", value)
                for name, value in names.items()
                if isinstance(value, Executable) and isinstance(value, ClauseElement)
            ]
    return found


STATEMENTS = statements()


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 25


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("name", "statement"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_compiles_on_every_engine(name: str, statement: ClauseElement, dialect: str) -> None:
    compiled = str(statement.compile(dialect=DIALECTS[dialect]))
    assert compiled
    if dialect == "mssql":
        assert " IS 1" not in compiled
        assert " LIMIT " not in compiled


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("metadata", TREES.values(), ids=TREES)
def test_the_tables_compile_on_every_engine(metadata: MetaData, dialect: str) -> None:
    for table in metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=DIALECTS[dialect]))
        if dialect == "mssql":
            instants = sum(isinstance(column.type, UtcDateTime) for column in table.columns)
            assert made.count("DATETIME2(6)") == instants
        for index in table.indexes:
            str(CreateIndex(index).compile(dialect=DIALECTS[dialect]))
