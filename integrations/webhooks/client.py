"""Posts webhooks: to an address that was judged, without redirects or proxies, and never for longer than it may take.

2xx                                    delivered
every other status, 3xx too            http_<status>
the URL or an address is not allowed   address_refused
the name leads nowhere                 name_unknown
nobody listens, or not in time         no_connection
no or an invalid certificate           tls_failed
no answer in time                      timeout
the connection ended before an answer  connection_lost
"""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from integrations.http import NEVER_SENT, retry_after
from integrations.webhooks.addresses import (
    NameUnknown,
    Resolve,
    Rules,
    Target,
    UrlRefused,
    addresses_of,
    resolve,
    target_of,
)
from integrations.webhooks.ports import Answer, Message
from integrations.webhooks.signing import signed_headers

LARGEST_ANSWER = 16 * 1024  # bytes; of a longer one no more is read, and its connection is not used again
MOST_ADDRESSES = 3  # tried one after another while nobody answers at them
POOLS = 200
AGENT = "Tahoon-Webhooks/1"


@dataclass(frozen=True, kw_only=True)
class Patience:
    connect: timedelta
    read: timedelta
    whole: timedelta  # of one request, from the connection on to the end of its answer


class WebhookClient:
    """Safe for many threads."""

    def __init__(
        self,
        *,
        rules: Rules,
        patience: Patience,
        connections: int,
        certificates: Path | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """`certificates`: of the authorities that are trusted; the machine's own if not given."""
        self._rules = rules
        self._patience = patience
        self._resolve = resolve
        context = ssl.create_default_context(cafile=certificates)
        self._pools = urllib3.PoolManager(
            num_pools=POOLS,
            maxsize=connections,
            retries=False,
            ssl_context=context,
            timeout=urllib3.Timeout(connect=patience.connect.total_seconds(), read=patience.read.total_seconds()),
        )
        self._pools.pool_classes_by_scheme = _pools_with_an_end(patience.whole)

    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        ends = time.monotonic() + self._patience.whole.total_seconds()
        try:
            target = target_of(url, self._rules)
            addresses = addresses_of(target, self._rules, resolve=self._resolve)
        except UrlRefused:
            return Answer(error="address_refused")
        except NameUnknown:
            return Answer(error="name_unknown")
        headers = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "Accept-Encoding": "identity",
            **signed_headers(secrets, message_id=message.id, body=message.text, now=now),
        }
        return self._first_who_answers(target, addresses, message.text, headers, ends=ends, now=now)

    def _first_who_answers(
        self,
        target: Target,
        addresses: Sequence[str],
        body: bytes,
        headers: dict[str, str],
        *,
        ends: float,
        now: datetime,
    ) -> Answer:
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return self._post_to(address, target, body, headers, ends=ends, now=now)
            except NEVER_SENT:
                if time.monotonic() > ends:
                    break
            except urllib3.exceptions.SSLError:
                return Answer(error="tls_failed")
            except urllib3.exceptions.TimeoutError:
                return Answer(error="timeout")
            except urllib3.exceptions.HTTPError:
                return Answer(error="timeout" if time.monotonic() > ends else "connection_lost")
        return Answer(error="no_connection")

    def _post_to(
        self, address: str, target: Target, body: bytes, headers: dict[str, str], *, ends: float, now: datetime
    ) -> Answer:
        # The connection goes to `address`; the name is what TLS asks for and what the certificate must be of.
        name: dict[str, Any] = {"server_hostname": target.host} if target.scheme == "https" else {}
        pool = self._pools.connection_from_host(address, target.port, target.scheme, pool_kwargs=name)
        answer = pool.urlopen(
            "POST",
            target.path,
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        read_a_little(answer, ends=ends)
        wait = retry_after(answer.headers.get("Retry-After", ""), now=now)
        is_fine = 200 <= answer.status < 300
        return Answer(http_status=answer.status, error=None if is_fine else f"http_{answer.status}", retry_after=wait)

    def close(self) -> None:
        self._pools.clear()


def read_a_little(answer: urllib3.BaseHTTPResponse, *, ends: float) -> None:
    """The rest of the answer, so that its connection can be used again; if that takes too much, the connection ends."""
    left = LARGEST_ANSWER
    try:
        while left > 0 and time.monotonic() < ends:
            part = answer.read1(left)
            if not part:
                answer.release_conn()
                return
            left -= len(part)
    except urllib3.exceptions.HTTPError:
        pass  # its status is what counts
    answer.close()


# --- an end to every request ---------------------------------------------------------------


def _pools_with_an_end(whole: timedelta) -> dict[str, Any]:
    """Pools of connections on which a request ends after `whole`, however slowly its answer drips in: a time-out of a
    socket is of each read by itself."""
    seconds = whole.total_seconds()

    class Plain(HTTPConnection):
        def getresponse(self) -> Any:
            with hanging_up(self.sock, after=seconds):
                return super().getresponse()

    class Secure(HTTPSConnection):
        def getresponse(self) -> Any:
            with hanging_up(self.sock, after=seconds):
                return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


@contextmanager
def hanging_up(connection: Any, *, after: float) -> Iterator[None]:
    """Raises TimeoutError if it came to that: what was read until then may look like a whole answer."""
    has_ended = threading.Event()

    def hang_up() -> None:
        has_ended.set()
        with suppress(OSError):  # it has ended by itself
            socket.shutdown(connection, SHUT_RDWR)  # also under TLS, whose own way would wait for the other side

    timer = threading.Timer(after, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if has_ended.is_set():
        raise TimeoutError
