"""gunicorn's threaded worker, which also answers in our shape what never reaches Flask, and waits for no slow sender.

A thread that reads a request is taken until it has all of it: without a deadline, as many stalled connections as there
are threads would silence the whole process. `gunicorn --worker-class api.gunicorn_worker.ApiWorker`
"""

import errno
import json
import socket
import time
import uuid
from http import HTTPStatus
from typing import Any

import structlog
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from api.errors import OF_HTTP, http_message
from api.request_context import HEADERS
from repositories.enums import Reason

log = structlog.get_logger()

REQUEST_SECONDS = 10.0  # from the moment a thread takes a request until its last byte must be here
STATUS_OF = {LimitRequestLine: 414, LimitRequestHeaders: 431}


class ImpatientSocket(socket.socket):
    """Blocks, but not for ever: what is not received in time counts as a connection that the other side gave up."""

    deadline = 0.0

    def setblocking(self, flag: bool) -> None:
        """gunicorn says True whenever a thread takes the connection up again."""
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.settimeout(REQUEST_SECONDS if flag else 0.0)

    def recv(self, *size: int) -> bytes:
        left = max(self.deadline - time.monotonic(), 0.001)
        if (wait := self.gettimeout()) is None or wait > left:  # gunicorn asks for less where it only drains
            self.settimeout(left)
        try:
            return super().recv(*size)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time") from error


class ApiWorker(ThreadWorker):  # type: ignore[misc]
    def enqueue_req(self, conn: TConn) -> None:
        if not isinstance(conn.sock, ImpatientSocket):
            conn.sock = ImpatientSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle_error(self, _request: Any, client: socket.socket, _address: Any, error: Exception) -> None:
        """Answer a request that could not be read, or whose answer could not be written."""
        status = STATUS_OF.get(type(error), 400 if isinstance(error, ParseException) else 500)
        request_id = uuid.uuid4().hex
        # Not gunicorn's own line: that one quotes what the client sent.
        log.warning("request_unreadable", status=status, error=type(error).__name__, request_id=request_id)
        try:
            write_nonblock(client, answer(status, request_id))
        except OSError:
            log.debug("request_unanswered", request_id=request_id)


def answer(status: int, request_id: str) -> bytes:
    """The whole of an HTTP answer, in the shape of api.errors."""
    reason = OF_HTTP.get(status, Reason.INTERNAL_ERROR)
    body = {"status": 0, "reason": int(reason), "message": http_message(status), "errors": [], "requestId": request_id}
    content = json.dumps(body).encode()
    headers = {
        **HEADERS,
        "X-Request-Id": request_id,
        "Content-Type": "application/json",
        "Content-Language": "en",
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + content
