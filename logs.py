"""Log lines are JSON on standard error: a constant event and fields, ids only."""

import logging
import sys
from traceback import format_tb

import structlog
from structlog.typing import ExcInfo


def start_logging(level: str) -> None:
    """Set up structlog once for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(frames_and_types),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


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
