"""Application settings that operators change in the database, re-read when they are a few seconds old."""

import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy import bindparam, select

from repositories.database import Database
from repositories.enums import SettingGroup
from repositories.psyter_db.tables import cat_app_config_settings as kept

OF_GROUP = select(kept.c.name, kept.c.value).where(kept.c.group_id == bindparam("of_group"))
FRESH_SECONDS = 5.0


class SqlAppSettings:
    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read: dict[SettingGroup, tuple[float, Mapping[str, str]]] = {}

    def group(self, group: SettingGroup) -> Mapping[str, str]:
        """The settings of a group by name; a change is seen after FRESH_SECONDS at the latest."""
        with self._lock:
            read_at, values = self._read.get(group, (float("-inf"), {}))
            if self._monotonic() - read_at >= FRESH_SECONDS:
                values = self._of(group)
                self._read[group] = (self._monotonic(), values)
            return values

    def _of(self, group: SettingGroup) -> Mapping[str, str]:
        with self._database.reading() as connection:
            return {row.name: row.value for row in connection.execute(OF_GROUP, {"of_group": group})}
