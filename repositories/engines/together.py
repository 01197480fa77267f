"""Writers of one process, where a database takes one at a time: whoever waits is written along, in one commit.

A commit waits for the disk, and who waits for its turn has nothing else to do: so one thread writes for all that wait,
each in a savepoint of its own, and they share its commit. Nobody is answered before that commit.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


@dataclass(eq=False)
class Wish(Generic[T]):
    """One thread's work, and what came of it once it is done."""

    work: Callable[[Connection], T]
    context: Context = field(default_factory=copy_context)  # whoever writes it, it is done in its own thread's name
    is_done: bool = False
    result: T | None = None
    error: Exception | None = None

    def try_out(self, connection: Connection) -> None:
        self.result = self.context.run(self.work, connection)

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # done without an error: it has one


class Together:
    """Carries out writes of any number of threads, one after the other, several in one transaction."""

    most = 16  # in one transaction: other processes wait for its end

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._changed = threading.Condition()
        self._waiting: deque[Wish[Any]] = deque()
        self._is_somebody_writing = False

    def write(self, work: Callable[[Connection], T]) -> T:
        """Raises what `work` raises, which undoes this work only, or what the transaction that it shared raised."""
        wish = Wish(work)
        batch = self._wait_for_turn(wish)
        if batch:
            try:
                self._carry_out(batch)
            finally:
                self._pass_on(batch)
        return wish.outcome()

    def _wait_for_turn(self, wish: Wish[Any]) -> list[Wish[Any]]:
        """Those to be written by this thread; none if another has done its work meanwhile."""
        with self._changed:
            self._waiting.append(wish)
            try:
                while self._is_somebody_writing and not wish.is_done:
                    self._changed.wait()
            except BaseException:
                if wish in self._waiting:
                    self._waiting.remove(wish)
                raise
            if wish.is_done:
                return []
            self._is_somebody_writing = True
            self._waiting.remove(wish)
            others = min(self.most - 1, len(self._waiting))
            return [wish, *(self._waiting.popleft() for _ in range(others))]

    def _pass_on(self, batch: list[Wish[Any]]) -> None:
        with self._changed:
            self._is_somebody_writing = False
            self._waiting.extendleft(wish for wish in reversed(batch[1:]) if not wish.is_done)
            self._changed.notify_all()

    def _carry_out(self, batch: list[Wish[Any]]) -> None:
        """Nothing is done before its commit; a thread that is told to end leaves the others' work to them."""
        errors: dict[Wish[Any], Exception] = {}
        try:
            with self._transaction() as connection:
                for wish in batch:
                    if len(batch) == 1:
                        wish.try_out(connection)
                    elif (error := _tried_alone(wish, connection)) is not None:
                        errors[wish] = error
        except Exception as error:
            errors = dict.fromkeys(batch, error)
        for wish in batch:
            wish.error = errors.get(wish)
            wish.is_done = True


def _tried_alone(wish: Wish[Any], connection: Connection) -> Exception | None:
    """The error that undid this work, if one did. Raises what undid the whole transaction."""
    connection.exec_driver_sql("SAVEPOINT wish")
    try:
        wish.try_out(connection)
    except Exception as error:
        if not connection.connection.in_transaction:  # the database gave all of it up, as when the disk is full
            raise
        connection.exec_driver_sql("ROLLBACK TO wish")
        connection.exec_driver_sql("RELEASE wish")
        return error
    connection.exec_driver_sql("RELEASE wish")
    return None
