"""Opening a SQLite file while another process is at it."""

import sqlite3
from pathlib import Path
from threading import Timer

from repositories.database import open_database


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
