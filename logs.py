"""Log lines are JSON on standard error: a constant event and fields, ids only.

A field that is not LISTED is dropped and counted: whoever logs one more thing says here that it names nobody.
tests/house/test_logs.py reads every line of code that logs.
"""

import logging
import sys
from collections.abc import Callable
from traceback import format_tb

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

LISTED = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "exception",
        "request_id",
        "organization_id",
        "saga_id",
        "booking_id",
        "report_id",
        "push_id",
        "endpoint_id",
        "delivery_id",
        "event_id",
        "family_id",
        "user_id",
        "saga",
        "step",
        "kind",
        "attempt",
        "outcome",
        "error",
        "status",
        "trouble",
        "failures",
        "service",
        "action",
        "task",
        "queue",
        "metric",
        "method",
        "route",
        "milliseconds",
        "seconds",
        "minutes",
        "found",
        "report",
        "lines",
        "head",
        "known",
        "forgotten",
        "recipient",
        "because",
        "directory",
        "port",
        "state",
        "reason",
    ]
)
PLAIN = (str, int, float, bool, type(None))


def start_logging(level: str, *, dropped: Callable[[int], None] = lambda _number: None) -> None:
    """Set up structlog once for this process; `dropped` is told how many fields of a line were not on the list."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(frames_and_types),
            only_listed(dropped),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def only_listed(dropped: Callable[[int], None]) -> Processor:
    """Fields that are LISTED and hold a plain value; of an object only its type is told: it may hold a row."""

    def keep(_logger: object, _method: str, line: EventDict) -> EventDict:
        kept = {name: value for name, value in line.items() if name in LISTED}
        if len(kept) < len(line):
            dropped(len(line) - len(kept))
        for name, value in kept.items():
            if not isinstance(value, PLAIN):
                kept[name] = type(value).__name__
        return kept

    return keep


def frames_and_types(exc_info: ExcInfo) -> str:
    """A traceback without what its errors say: a database quotes the row that it refuses, and a row names people."""
    told: list[str] = []
    error: BaseException | None = exc_info[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # one that is raised from itself is its own cause
        seen.add(id(error))
        kind = type(error)
        told.append(f"{''.join(format_tb(error.__traceback__))}{kind.__module__}.{kind.__qualname__}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nafter\n\n".join(told)
