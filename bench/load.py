"""A load generator light enough to share two cores with what it measures: prepared requests over kept connections."""

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Prepared:
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Load:
    started_at: float  # epoch seconds
    seconds: float
    statuses: dict[int, int]


def send_all(port: int, requests: Sequence[Prepared], *, connections: int, per_second: float | None = None) -> Load:
    """Send every request once, over so many connections; with `per_second`, no faster than that."""
    turns, lock = count(), threading.Lock()
    statuses: dict[int, int] = {}
    started_at, watch = time.time(), time.perf_counter()

    def one_connection() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while (number := next(turns)) < len(requests):
            if per_second:
                time.sleep(max(0.0, watch + number / per_second - time.perf_counter()))
            wanted = requests[number]
            connection.request("POST", wanted.path, body=wanted.body, headers=wanted.headers)
            answer = connection.getresponse()
            answer.read()
            with lock:
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
        connection.close()

    threads = [threading.Thread(target=one_connection) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(started_at, time.perf_counter() - watch, statuses)
