"""Webhooks for tests of the API: the real repository on a SQLite database in memory, made when it is first asked.

A fake would be its rules written twice: who comes first, what is renewed, what is pending are questions to a database.
"""

from functools import cached_property
from typing import Any

from sqlalchemy import create_engine, insert
from sqlalchemy.pool import StaticPool

from repositories.database import Database
from repositories.scheduling_db.tables import event_feed, metadata
from repositories.scheduling_db.webhook_endpoints import SqlWebhookEndpoints


class WebhooksOnDemand:
    @cached_property
    def database(self) -> Database:
        database = Database(create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}))
        metadata.create_all(database.engine)
        database.write(lambda connection: connection.execute(insert(event_feed), {"id": 1, "last_position": 0}))
        return database

    @cached_property
    def _real(self) -> SqlWebhookEndpoints:
        return SqlWebhookEndpoints(self.database)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
