"""The workers of a run: so many that can work, however many die or stand still."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from sys import executable

from demo.stack import ROOT, Stack, wait_until

NAME = "nursery"
START_SECONDS = 60


class Workers:
    """Whoever dies is replaced at once by one that needs no Python to start; who stands still has a substitute."""

    def __init__(self, stack: Stack, *, size: int) -> None:
        self._stack, self._size = stack, size
        self._lock = threading.Lock()
        self._living: set[int] = set()
        self._standing: set[int] = set()
        self._buried: set[int] = set()  # also who died before it was told of
        self._expected = 0
        self._named = 0
        self._skews: Iterator[float] = cycle([0.0])
        self._is_open = True
        self._nursery = self._start()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._fill()
        wait_until(lambda: len(self._living) >= size, seconds=START_SECONDS, what="workers")

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._stack.folder / f"{NAME}.log").open("ab") as log:
            nursery = subprocess.Popen(
                [executable, "-m", "tests.chaos.nursery"],
                cwd=ROOT,
                env={**os.environ, **self._stack.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._stack.processes[NAME] = nursery
        assert nursery.stdout is not None
        assert nursery.stdout.readline() == b"ready\n", f"see {self._stack.folder / NAME}.log"
        return nursery

    def _listen(self) -> None:
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            word, *rest = line.decode().split()
            with self._lock:
                if word == "born":
                    self._expected -= 1
                    self._living |= {int(rest[1])} - self._buried
                else:
                    self._buried.add(int(rest[0]))
                    self._living -= self._buried
                    self._standing -= self._buried
            self._fill()

    def _fill(self) -> None:
        """Ask for as many as are wanting."""
        assert self._nursery.stdin is not None
        with self._lock:
            wanting = self._size - len(self._living - self._standing) - self._expected if self._is_open else 0
            for _ in range(wanting):
                self._named += 1
                self._expected += 1
                with suppress(BrokenPipeError):
                    self._nursery.stdin.write(f"w{self._named} {next(self._skews)}\n".encode())
                    self._nursery.stdin.flush()

    # --- what befalls them -----------------------------------------------------------------

    def stands(self, pid: int) -> None:
        """It stopped itself: somebody else must do its work."""
        with self._lock:
            self._standing.add(pid)
        self._fill()

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def wake(self, pid: int) -> None:
        """It goes on; its substitute stays too, until somebody dies."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        with self._lock:
            self._standing.discard(pid)

    def set_clocks(self, skews: Sequence[float]) -> None:
        """New workers, whose clocks go wrong by so many seconds, in turn."""
        with self._lock:
            self._skews = cycle(skews)
            old = list(self._living)
        for pid in old:
            self.kill(pid)
        wait_until(lambda: not self._living.intersection(old), seconds=START_SECONDS, what="the old workers' end")
        wait_until(lambda: len(self._living) >= self._size, seconds=START_SECONDS, what="workers")

    def close(self) -> None:
        with self._lock:
            self._is_open = False
        self._stack.kill(NAME)
        self._listener.join()
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
