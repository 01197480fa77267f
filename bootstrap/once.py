"""What a process builds when it is first needed."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def built_once(build: Callable[[], T]) -> Callable[[], T]:
    """`build`, called at most once per process, however many threads ask at the same time."""
    lock = threading.Lock()
    built: list[T] = []

    def the_one() -> T:
        if not built:
            with lock:
                if not built:
                    built.append(build())
        return built[0]

    return the_one
