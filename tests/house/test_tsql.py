"""SQL Server without a server: every constant statement, table and migration, and a bad example for each trap."""

import ast
import importlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    exists,
    insert,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.elements import ClauseElement

from repositories.columns import LETTER_BY_LETTER, UtcDateTime
from repositories.columns import text as any_text
from repositories.migrations import TREES, script
from repositories.psyter_db.tables import metadata as psyter
from repositories.scheduling_db.tables import metadata as scheduling
from tests.statements import BUILT, module_names, statements
from tests.tsql import DIALECT, TRAPS, faults_of, faults_of_tables, traps_in

STATEMENTS = statements()
KINDS_OF_STATEMENT = ("Select", "Insert", "Update", "Delete", "ReturningInsert", "ReturningUpdate", "ReturningDelete")
TABLES = {"psyter_db": psyter, "scheduling_db": scheduling}


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 60


def is_statement(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation).startswith(KINDS_OF_STATEMENT)


def test_what_is_built_at_run_time_is_looked_at_too() -> None:
    """A function that gives a statement, unless a constant is made by it, has examples in tests/statements.py."""
    builders, used = set(), set()
    for name in module_names():
        for part in ast.parse(Path(str(importlib.import_module(name).__file__)).read_text()).body:
            is_builder = isinstance(part, ast.FunctionDef) and is_statement(part.returns)
            if isinstance(part, ast.FunctionDef) and is_builder:
                builders.add(f"{name.removeprefix('repositories.')}.{part.name}")
            if is_builder or isinstance(part, ast.Assign | ast.AnnAssign):
                used |= {ast.unparse(call.func) for call in ast.walk(part) if isinstance(call, ast.Call)}
    assert {builder for builder in builders if builder.rpartition(".")[2] not in used} == set(BUILT)


@pytest.mark.parametrize(("name", "statement"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_no_statement_walks_into_a_trap(name: str, statement: ClauseElement) -> None:
    assert faults_of(statement) == []


@pytest.mark.parametrize("tree", TREES)
def test_no_migration_walks_into_a_trap(tree: str) -> None:
    migration = script(tree, "mssql+pyodbc")
    assert traps_in(migration) == []
    for table in TABLES[tree].tables:
        assert f"CREATE TABLE {table} (" in migration


@pytest.mark.parametrize("tree", TREES)
def test_the_tables_can_be_made_and_their_keys_are_short_enough(tree: str) -> None:
    for table in TABLES[tree].sorted_tables:
        made = str(CreateTable(table).compile(dialect=DIALECT))
        made += "".join(str(CreateIndex(index).compile(dialect=DIALECT)) for index in table.indexes)
        assert traps_in(made) == []
        assert made.count("DATETIME2(6)") == sum(isinstance(column.type, UtcDateTime) for column in table.columns)
    assert faults_of_tables(TABLES[tree]) == []


def test_keys_that_partners_choose_are_compared_letter_by_letter() -> None:
    """SQL Server's usual collations take R-1 for r-1, which would be another organization's idea of one person."""
    collated = re.compile(rf"ALTER TABLE (\w+) ALTER COLUMN (\w+) NVARCHAR\(\d+\) COLLATE {LETTER_BY_LETTER} NOT NULL")
    found = {(tree, *pair) for tree in TREES for pair in collated.findall(script(tree, "mssql+pyodbc"))}
    assert found == {
        ("psyter_db", "users", "reference_id"),
        ("psyter_db", "idempotency_keys", "idempotency_key"),
        ("scheduling_db", "idempotency_keys", "idempotency_key"),
    }
    tables = [table for metadata in TABLES.values() for table in metadata.sorted_tables]
    made = "".join(str(CreateTable(table).compile(dialect=DIALECT)) for table in tables)
    born_so = 1  # operators.name, by its first migration
    assert made.count(f"COLLATE {LETTER_BY_LETTER}") == len(found) + born_so


# --- bad examples --------------------------------------------------------------------------

T = Table(
    "t",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("n", Integer),
    Column("latin", String(20)),
    Column("at", UtcDateTime),
)
FILTER = or_(T.c.n == literal_column("1"), T.c.n == literal_column("2"))
BAD: Mapping[str, ClauseElement] = {
    "IS 1": select(T).where(T.c.n.is_(literal_column("1"))),
    "LIMIT": text("SELECT n FROM t LIMIT 1"),
    "NULLS LAST": select(T).order_by(T.c.n.nulls_last()),
    "EXISTS as a value": select(exists().where(T.c.n == 1)),
    "true or false": select(T).where(T.c.n == literal_column("true")),
    "OFFSET without ORDER BY": text("SELECT n FROM t OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY"),
    "DATETIME": CreateTable(Table("u", MetaData(), Column("at", DateTime))),
    "TIMESTAMP": text("ALTER TABLE t ADD at TIMESTAMP"),
    "TEXT": text("ALTER TABLE t ADD words TEXT"),
    "OR in a filtered index": CreateIndex(Index("ix", T.c.n, mssql_where=FILTER)),
    "lock hint": select(T).with_hint(T, "WITH (UPDLOCK)"),
    "not of 2017, or not of every server": text("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE"),
}


def test_there_is_a_bad_example_of_each_trap() -> None:
    assert BAD.keys() == TRAPS.keys()


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_noticed(trap: str) -> None:
    assert trap in traps_in(str(BAD[trap].compile(dialect=DIALECT)))


@pytest.mark.parametrize(
    "fine",
    [
        "SELECT TOP 5 n FROM t WHERE NOT (EXISTS (SELECT 1 FROM u)) ORDER BY n",
        "SELECT n FROM t ORDER BY n OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY",
        "UPDATE t SET n = N'LIMIT ' + 'true', [text] = 1 -- no LIMIT here",
        "CREATE INDEX ix ON t (n) WHERE n IS NOT NULL AND n IN (1, 2)",
        "INSERT INTO t (at) OUTPUT inserted.id VALUES (CAST('2026-01-01' AS DATETIME2(6)))",
    ],
)
def test_what_sql_server_understands_is_let_pass(fine: str) -> None:
    assert traps_in(fine) == []


def of(**values: Any) -> list[Mapping[str, Any]]:
    return [values]


@pytest.mark.parametrize(
    ("bad", "values", "fault"),
    [
        (select(T).with_for_update(), [], "FOR UPDATE is left out, silently"),
        (select(T).offset(5), [], "does not compile"),
        (upsert(T).on_conflict_do_nothing(), [], "does not compile"),
        (select(T).where(T.c.latin == bindparam("who")), of(who="سارة"), "who: not Latin, but sent as VARCHAR"),
        (insert(T), of(latin="سارة"), "latin: not Latin, but sent as VARCHAR"),
        (select(bindparam("loose")), of(loose=datetime.now(UTC)), "loose: of no type"),
        (select(T).where(T.c.n.in_(bindparam("ns", expanding=True))), of(ns=list(range(2001))), "too many parameters"),
    ],
)
def test_a_bad_statement_or_value_is_noticed(bad: ClauseElement, values: list[Mapping[str, Any]], fault: str) -> None:
    assert any(fault in found for found in faults_of(bad, values))


def test_good_values_are_let_pass() -> None:
    people = Table("p", MetaData(), Column("id", BigInteger, primary_key=True), Column("name", any_text(20)))
    assert faults_of(insert(people), of(name="سارة")) == []
    assert faults_of(select(people).where(people.c.name == bindparam("who")), of(who="سارة")) == []
    assert faults_of(insert(T), of(at=datetime.now(UTC), latin="abc")) == []
    assert faults_of(select(T).where(T.c.n.in_(bindparam("ns", expanding=True))), of(ns=list(range(2000)))) == []


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (Table("t", MetaData(), Column("word", Text), UniqueConstraint("word", name="uq")), "t.uq: a text without"),
        (Table("t", MetaData(), Column("word", String), Index("ix", "word")), "t.ix: a text without"),
        (
            Table("t", MetaData(), Column("word", any_text(451)), PrimaryKeyConstraint("word", name="pk")),
            "t.pk: longer than 900",
        ),
        (
            Table("t", MetaData(), Column("a", any_text(850)), Column("b", Integer), Index("ix", "a", "b")),
            "t.ix: longer",
        ),
    ],
)
def test_a_key_that_is_too_long_is_noticed(table: Table, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults_of_tables(table.metadata))
