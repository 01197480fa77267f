"""A small server for the metrics of processes that have no HTTP of their own: GET /metrics, with the token."""

import hmac
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog

from watch.scrape import CONTENT_TYPE

log = structlog.get_logger()

Respond = Callable[[str, list[tuple[str, str]]], object]


def is_bearer(header: str, token: str) -> bool:
    """Whether an Authorization header shows this token."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def metrics_app(scrape: Callable[[], bytes], token: str) -> Callable[[dict[str, Any], Respond], Iterable[bytes]]:
    def answer(environment: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        if environment["PATH_INFO"] != "/metrics" or environment["REQUEST_METHOD"] != "GET":
            respond("404 Not Found", [])
            return []
        if not is_bearer(environment.get("HTTP_AUTHORIZATION", ""), token):
            respond("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return []
        body = scrape()
        respond("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
        return [body]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 10  # seconds, for a client that sends nothing

    def log_message(self, format: str, *args: Any) -> None: ...


def serve_metrics(scrape: Callable[[], bytes], *, port: int, token: str) -> None:
    """Answer on this port from a thread of its own. A port that is taken is told, and nothing else: work goes on."""
    app = metrics_app(scrape, token)
    try:
        server = make_server("", port, app, server_class=_Server, handler_class=_Silent)
    except OSError as error:  # another worker of this machine has it, and tells the sum of all
        log.warning("metrics_port_taken", port=port, error=type(error).__name__)
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
