"""Failures that a test plans for the next calls of a fake."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Failures:
    failures: list[tuple[Exception, bool, str | None]] = field(default_factory=list)
    is_down: Exception | None = None  # what every call raises
    calls: int = 0

    def fail_next(self, error: Exception, *, after_effect: bool = False, of: str | None = None) -> None:
        """The next call (of this method) not yet planned for raises `error`, before or after doing what was asked."""
        self.failures.append((error, after_effect, of))

    @contextmanager
    def planned(self, method: str) -> Iterator[None]:
        self.calls += 1
        error, after_effect = self.is_down, False
        if self.failures and self.failures[0][2] in {None, method}:
            error, after_effect, _ = self.failures.pop(0)
        if error is not None and not after_effect:
            raise error
        yield
        if error is not None:
            raise error
