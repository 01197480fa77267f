"""Both databases, open and watched."""

from dataclasses import dataclass

from bootstrap.watching import watch_of
from config import Settings
from repositories.database import Database, open_database


@dataclass(frozen=True, kw_only=True)
class Databases:
    psyter: Database
    scheduling: Database


def open_databases(settings: Settings, *, threads: int) -> Databases:
    timeout = settings.database_timeout
    return Databases(
        psyter=watch_of(settings).database(
            "psyter", open_database(settings.psyter_db_url, pool_size=threads, timeout=timeout)
        ),
        scheduling=open_scheduling(settings, threads=threads),
    )


def open_scheduling(settings: Settings, *, threads: int) -> Database:
    database = open_database(settings.scheduling_db_url, pool_size=threads, timeout=settings.database_timeout)
    return watch_of(settings).database("scheduling", database)
