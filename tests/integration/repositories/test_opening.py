"""Opening a SQLite file, and writing to it, while another process is at it."""

import sqlite3
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import Connection

from repositories.database import Database, open_database
from repositories.engines import sqlite as module
from repositories.ports.errors import StoreUnavailable


def test_opening_waits_for_whoever_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE t (n INTEGER)")
    holder.execute("BEGIN IMMEDIATE")  # SQLite refuses to change the mode beneath it, without its busy timeout
    holder.execute("INSERT INTO t VALUES (1)")
    release = Timer(0.3, lambda: holder.execute("COMMIT"))
    release.start()
    database = open_database(f"sqlite:///{path}")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT n FROM t").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()
    release.join()
    holder.close()


def insert_two(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO t VALUES (2)")


def held_database(path: Path) -> tuple[Database, sqlite3.Connection]:
    """A database that another connection is writing to."""
    database = open_database(f"sqlite:///{path}")
    database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER)"))
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    return database, holder


def test_a_write_waits_for_its_turn(tmp_path: Path) -> None:
    database, holder = held_database(tmp_path / "busy.db")
    release = Timer(0.3, lambda: holder.execute("COMMIT"))
    release.start()
    database.write(insert_two)
    release.join()
    assert holder.execute("SELECT n FROM t").fetchall() == [(2,)]
    database.close()
    holder.close()


def test_a_write_whose_turn_never_comes_is_a_store_that_is_not_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, holder = held_database(tmp_path / "busy.db")
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    with pytest.raises(StoreUnavailable):
        database.write(insert_two)
    holder.execute("COMMIT")
    monkeypatch.undo()
    database.write(insert_two)
    assert holder.execute("SELECT n FROM t").fetchall() == [(2,)]
    database.close()
    holder.close()
