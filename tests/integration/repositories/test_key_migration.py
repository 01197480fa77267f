"""Keys that were in use before they could stand for any change still answer what they stood for."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command

from repositories.database import open_database
from repositories.entities.idempotency import KeyUse
from repositories.migrations import config_of, upgrade
from repositories.scheduling_db.bookings import SqlBookings

OLD_KEY = "INSERT INTO idempotency_keys VALUES (1, 'k', 'digest', 4711, 5, '2026-01-05 12:00:00.000000')"


def test_a_key_in_use_survives_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scheduling.db'}"
    command.upgrade(config_of("scheduling_db", url), "0003")
    database = open_database(url)
    database.write(lambda connection: connection.exec_driver_sql(OLD_KEY))
    upgrade(url, tree="scheduling_db")
    found = SqlBookings(database).find_key_use(1, "k", now=datetime(2026, 1, 5, 13, tzinfo=UTC))
    assert found == KeyUse(body_digest="digest", ids=(4711, 5))
    database.close()
