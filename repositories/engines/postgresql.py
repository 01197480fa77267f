"""PostgreSQL through psycopg."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, create_engine, event

T = TypeVar("T")

GRACE = 1.0  # seconds: the server itself ends a statement in time; a server that hangs does not


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives up on a server that does not answer at all, and is of no more use then."""

    patience: float | None = None

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval=interval, timeout=self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:  # the answer may still come
                self.pgconn.finish()
            raise


class OneByOneCursor(psycopg.Cursor[Any]):
    """Sends what is to be done with many rows one after the other, not as a pipeline; its `rowcount` is the last's.

    A pipeline ends with a message that stops PostgreSQL's clock of `idle_in_transaction_session_timeout`, and no later
    one starts it: a worker that stands still then holds its rows for as long as it lives (psycopg 3.3, PostgreSQL 15).
    """

    def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:
        if returning:
            raise NotImplementedError
        for parameters in params_seq:
            self.execute(query, parameters)


def open_postgresql(url: str, *, pool_size: int, timeout: timedelta) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=timeout.total_seconds(),
        pool_pre_ping=True,
        hide_parameters=True,  # an error that is logged names nobody
        isolation_level="READ COMMITTED",
        connect_args=_connect_args(timeout),
    )

    engine.dialect.use_insertmanyvalues_wo_returning = True  # many rows go as few statements

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        connection = ImpatientConnection.connect(*arguments, **named)
        connection.patience = timeout.total_seconds() + GRACE
        return connection

    return engine


def _connect_args(timeout: timedelta) -> dict[str, Any]:
    milliseconds = int(timeout.total_seconds() * 1000)
    limits = {
        "statement_timeout": milliseconds,  # waiting for a lock counts
        "idle_in_transaction_session_timeout": 10 * milliseconds,  # a worker that was paused holds no row for ever
    }
    return {
        "connect_timeout": max(2, round(timeout.total_seconds())),  # whole seconds, and libpq takes 1 for 2
        "client_encoding": "utf8",
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        "application_name": "tahoon",
        "cursor_factory": OneByOneCursor,
    }
