"""What a request may be, before and around Flask: real gunicorn, raw sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from api.request_context import HEADERS
from demo.stack import Stack
from demo.town import Town
from repositories.enums import Reason

TOKEN = "/api/v1/auth/token"
THREADS = 2
CLOSE = "Host: x\r\nConnection: close\r\n"
JSON = "Content-Type: application/json\r\n"
CHUNKED = f"POST {TOKEN} HTTP/1.1\r\n{CLOSE}{JSON}Transfer-Encoding: chunked\r\n\r\n".encode()
MANY = "X: y\r\n" * 200
LARGE = b" " * (64 * 1024 + 1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("edges")) as stack:
        town = Town(stack.environment)
        town.settle_in()
        town.close()
        stack.start_api(workers=1, threads=THREADS)
        yield stack


def chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def raw(stack: Stack, sent: bytes) -> tuple[int, dict[str, str], dict[str, object]]:
    """What comes back for these bytes: status, headers, body."""
    with socket.create_connection(("127.0.0.1", stack.ports["api"]), timeout=30) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (f"GET /{'x' * 5_000} HTTP/1.1\r\n{CLOSE}\r\n".encode(), 414, Reason.URL_TOO_LONG),
        (f"GET /healthz HTTP/1.1\r\n{CLOSE}X: {'x' * 9_000}\r\n\r\n".encode(), 431, Reason.HEADERS_TOO_LARGE),
        (f"GET /healthz HTTP/1.1\r\n{CLOSE}{MANY}\r\n".encode(), 431, Reason.HEADERS_TOO_LARGE),
        (b"NONSENSE\r\n\r\n", 400, Reason.MALFORMED_BODY),
        (
            f"POST {TOKEN} HTTP/1.1\r\n{CLOSE}{JSON}Content-Length: {len(LARGE)}\r\n\r\n".encode() + LARGE,
            413,
            Reason.BODY_TOO_LARGE,
        ),
        (CHUNKED + chunk(LARGE) + chunk(b""), 413, Reason.BODY_TOO_LARGE),
        (CHUNKED + chunk(b"{}" + LARGE[:60_000]) + chunk(LARGE[:10_000]) + chunk(b""), 413, Reason.BODY_TOO_LARGE),
        (CHUNKED + chunk(b"{}") + chunk(b""), 400, Reason.EMPTY_PARAMETER),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400, Reason.MALFORMED_BODY),
    ],
    ids=["url", "header", "headers", "nonsense", "body", "chunk", "chunks", "small chunks", "broken chunks"],
)
def test_what_is_too_large_or_makes_no_sense_is_refused_in_the_houses_shape(
    stack: Stack, sent: bytes, status: int, reason: Reason
) -> None:
    answered, headers, body = raw(stack, sent)
    assert (answered, body["status"], body["reason"]) == (status, 0, reason)
    assert body["requestId"] == headers["X-Request-Id"]
    assert HEADERS.items() <= headers.items()


def test_connections_that_never_finish_their_request_silence_nobody(stack: Stack) -> None:
    with ExitStack() as stalled:
        for number in range(3 * THREADS):
            connection = stalled.enter_context(socket.create_connection(("127.0.0.1", stack.ports["api"])))
            head = f"POST {TOKEN} HTTP/1.1\r\n{CLOSE}{JSON}Content-Length: 50\r\n"
            connection.sendall(f"{head}\r\n{{".encode() if number % 2 else head.encode())
        assert requests.get(f"{stack.api_url}/healthz", timeout=60).ok


def test_what_a_client_sent_is_not_in_the_log(stack: Stack) -> None:
    raw(stack, b"GET /healthz HTTP/1.1\r\nHost: x\r\nSara Ahmed: 1\r\n\r\n")
    log = (Path(stack.folder) / "api.log").read_text()
    assert "request_unreadable" in log
    assert "Sara" not in log
