"""What every request has: an id, log fields, and headers that keep browsers and caches careful."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

from api.services import services
from repositories.enums import Reason

log = structlog.get_logger()

REQUEST_ID = re.compile(  # made by a machine: what people write may name people, and this goes into every log line
    r"[0-9A-Fa-f]{16,64}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25}"
)
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})  # others are a sender's own words
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Cache-Control": "no-store",
}


def add_request_context(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(answer: Response) -> Response:
        answer.headers["X-Request-Id"] = g.get("request_id", "")
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        _note(answer)
        return answer


def _note(answer: Response) -> None:
    """One line for each request: the route and not the path, which names what was asked for."""
    route = request.url_rule.rule if request.url_rule else None
    seconds = time.perf_counter() - g.began
    method = request.method if request.method in METHODS else "other"
    log.info(
        "request",
        method=method,
        route=route,
        status=answer.status_code,
        milliseconds=round(seconds * 1000, 1),
    )
    refused: Reason | None = g.get("refused")
    services().watch.request_answered(
        method=method,
        route=route,
        status=answer.status_code,
        reason=None if refused is None else refused.name.lower(),
        seconds=seconds,
    )
