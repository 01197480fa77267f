"""Redis, asked over connections of our own.

redis-py's client looks up, wraps and measures so much that a command costs three times what its connection needs.
"""

from collections import deque
from datetime import timedelta
from typing import Any

from redis import ConnectionPool, RedisError
from redis.connection import ConnectionInterface
from redis.exceptions import ConnectionError as Lost


class RedisAway(OSError):
    """Redis does not answer, or not as it should."""


class RedisConnections:
    """Kept connections to one Redis. Safe for many threads: as many connections as commands at one time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._idle: deque[ConnectionInterface] = deque()

    def ask(self, *command: str | int) -> Any:
        """What Redis answers; a command may reach it twice. Raises RedisAway."""
        try:
            return self._asked(command)
        except (RedisError, OSError) as error:
            raise RedisAway(type(error).__name__) from error

    def close(self) -> None:
        while self._idle:
            _hang_up(self._idle.pop())

    def _asked(self, command: tuple[str | int, ...]) -> Any:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._pool.make_connection()
        try:
            try:
                return _answer(connection, command)
            except Lost:  # Redis was restarted since
                _hang_up(connection)
                return _answer(connection, command)
        except BaseException:
            _hang_up(connection)  # an answer may still be on its way
            raise
        finally:
            self._idle.append(connection)


def connect_to(redis_url: str, *, patience: timedelta) -> RedisConnections:
    """Connects lazily; `patience` is for one answer. Raises ValueError if the address is not that of one Redis."""
    seconds = patience.total_seconds()
    return RedisConnections(ConnectionPool.from_url(redis_url, socket_timeout=seconds, socket_connect_timeout=seconds))


def _answer(connection: ConnectionInterface, command: tuple[str | int, ...]) -> Any:
    connection.send_command(*command, check_health=False)  # type: ignore[no-untyped-call]
    return connection.read_response()


def _hang_up(connection: ConnectionInterface) -> None:
    """It connects by itself when it is used again."""
    connection.disconnect()  # type: ignore[no-untyped-call]
