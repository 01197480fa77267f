"""Posting webhooks, over real HTTP and TLS: signed, to the address that was judged, never for longer than it may."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.ports import any_free_port
from integrations.webhooks.addresses import Rules
from integrations.webhooks.client import LARGEST_ANSWER, Patience, WebhookClient
from integrations.webhooks.ports import Answer, Message
from integrations.webhooks.signing import new_secret

MESSAGE = Message(id="m-1", text=b'{"type":"booking.confirmed"}')
SECRET, OTHER = new_secret(lambda length: b"a" * length), new_secret(lambda length: b"b" * length)
SANDBOX = Rules(ports=frozenset({443}), insecure=True)
STRICT = Rules(ports=frozenset({443}))
SHORT = Patience(connect=timedelta(seconds=1), read=timedelta(seconds=1), whole=timedelta(seconds=2))
LONG = Patience(connect=timedelta(seconds=20), read=timedelta(seconds=20), whole=timedelta(seconds=30))
Post = Callable[..., Answer]


@dataclass
class Sender:
    base: str
    patience: Patience = LONG
    rules: Rules = SANDBOX
    client: WebhookClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = WebhookClient(rules=self.rules, patience=self.patience, connections=4)

    def post(self, name: str, secrets: Sequence[str] = (SECRET,)) -> Answer:
        return self.client.post(f"{self.base}/webhooks/{name}", MESSAGE, secrets=secrets, now=datetime.now(UTC))

    def plan(self, name: str, **plan: Any) -> None:
        requests.post(f"{self.base}/sandbox/webhooks/{name}", json=plan, timeout=10).raise_for_status()

    def received(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.base}/sandbox/webhooks/{name}", timeout=10).json()[
            "received"
        ]
        return found


@pytest.fixture
def sender(sandbox_url: str) -> Iterator[Sender]:
    one = Sender(sandbox_url)
    yield one
    one.client.close()


@pytest.fixture
def hasty(sandbox_url: str) -> Iterator[Sender]:
    one = Sender(sandbox_url, patience=SHORT)
    yield one
    one.client.close()


def test_a_message_arrives_as_it_is_with_a_signature_that_the_receiver_verifies(sender: Sender) -> None:
    requests.put(f"{sender.base}/sandbox/webhooks/fine", json={"secrets": [OTHER, SECRET]}, timeout=10)
    assert sender.post("fine", [SECRET, OTHER]) == Answer(http_status=204)
    (came,) = sender.received("fine")
    assert (came["method"], came["body"], sorted(came["signedBy"])) == ("POST", MESSAGE.text.decode(), [0, 1])
    assert came["headers"]["content-type"] == "application/json"
    assert came["headers"]["webhook-id"] == "m-1"
    assert came["headers"]["host"] == sender.base.removeprefix("http://")


def test_the_receiver_takes_no_signature_of_another_secret(sender: Sender) -> None:
    requests.put(f"{sender.base}/sandbox/webhooks/strict", json={"secrets": [OTHER]}, timeout=10)
    assert sender.post("strict").error == "http_401"


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_every_other_status_is_its_own_error(sender: Sender, status: int) -> None:
    sender.plan("status", kind="status", status=status, times=1, headers={"Retry-After": "30"})
    assert sender.post("status") == Answer(
        http_status=status, error=f"http_{status}", retry_after=timedelta(seconds=30)
    )


def test_a_redirect_is_not_followed(sender: Sender) -> None:
    sender.plan("moved", kind="redirect", location="/webhooks/elsewhere", times=1)
    assert sender.post("moved").error == "http_302"
    assert sender.received("elsewhere") == []


def test_a_connection_that_ends_without_an_answer(sender: Sender) -> None:
    sender.plan("rude", kind="drop", times=1)
    assert sender.post("rude").error in {"connection_lost", "http_500"}


def test_nobody_there(sender: Sender, dead_url: str) -> None:
    answer = sender.client.post(f"{dead_url}/x", MESSAGE, secrets=[SECRET], now=datetime.now(UTC))
    assert answer == Answer(error="no_connection")


def test_no_answer_in_time(hasty: Sender) -> None:
    hasty.plan("late", kind="hang", times=1)
    started = time.monotonic()
    assert hasty.post("late").error == "timeout"
    assert time.monotonic() - started < 20


def test_of_a_huge_answer_little_is_read_and_it_counts(sender: Sender) -> None:
    sender.plan("huge", kind="huge", times=1)
    assert LARGEST_ANSWER < 10**6
    assert sender.post("huge") == Answer(http_status=200)


def test_an_answer_that_drips_in_counts_and_holds_nobody(hasty: Sender) -> None:
    hasty.plan("drip", kind="drip", delayMs=200, times=1)
    started = time.monotonic()
    assert hasty.post("drip") == Answer(http_status=200)
    assert time.monotonic() - started < 20


def test_headers_that_drip_in_end_in_time() -> None:
    with listening(drip_headers) as port:
        hasty = Sender(f"http://127.0.0.1:{port}", patience=SHORT)
        started = time.monotonic()
        assert hasty.post("x").error == "timeout"
        assert time.monotonic() - started < 20
        hasty.client.close()


def test_outside_the_sandbox_this_machine_is_out_of_reach(sandbox_url: str) -> None:
    strict = Sender(sandbox_url, rules=STRICT)
    assert strict.post("never") == Answer(error="address_refused")
    by_name = WebhookClient(rules=STRICT, patience=SHORT, connections=1, resolve=lambda *_: ["127.0.0.1"])
    answer = by_name.post("https://partner.example/", MESSAGE, secrets=[SECRET], now=datetime.now(UTC))
    assert answer == Answer(error="address_refused")
    assert strict.received("never") == []


def test_a_proxy_of_the_environment_is_not_asked(
    sender: Sender, dead_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, dead_url)
    monkeypatch.setenv("no_proxy", "")
    other = Sender(sender.base)
    assert other.post("direct").error is None
    other.client.close()


# --- TLS, and a name that changes its mind -------------------------------------------------


@dataclass
class Authority:
    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        own = self._builder(self._name, self._key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = self.folder / "authority.pem"
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def context(self, name: str) -> ssl.SSLContext:
        """Of a server with a certificate of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        one = self._builder(subject, key.public_key())
        one = one.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + one.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def read_whole(connection: Any) -> None:
    """Whoever hangs up on what it has not read resets the connection, and its answer may be lost."""
    request = b""
    while not request.endswith(MESSAGE.text):
        request += connection.recv(65_536)


def answer_no_content(connection: Any) -> None:
    read_whole(connection)
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def drip_headers(connection: Any) -> None:
    read_whole(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(300):
        connection.sendall(b"x")
        time.sleep(0.1)


@contextmanager
def listening(serve: Callable[[Any], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server for one connection after the other; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) if context else connection as one:
                        serve(one)
                except OSError:
                    connection.close()

        threading.Thread(target=run, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def secure(authority: Authority, resolve: Callable[[str, int], Sequence[str]]) -> WebhookClient:
    return WebhookClient(rules=SANDBOX, patience=LONG, connections=1, certificates=authority.file, resolve=resolve)


def test_the_connection_goes_to_the_address_that_was_judged_and_asks_for_the_name(authority: Authority) -> None:
    asked: list[str] = []
    names: list[str | None] = []
    context = authority.context("hooks.partner.example")
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]  # it changes its mind at once

    with listening(answer_no_content, context) as port:
        client = secure(authority, resolve)
        url = f"https://hooks.partner.example:{port}/a"
        assert client.post(url, MESSAGE, secrets=[SECRET], now=datetime.now(UTC)) == Answer(http_status=204)
        assert (asked, names) == (["hooks.partner.example"], ["hooks.partner.example"])
        assert client.post(url, MESSAGE, secrets=[SECRET], now=datetime.now(UTC)).error == "address_refused"
        assert len(names) == 1
        client.close()


def test_a_certificate_of_another_name_or_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    url = "https://hooks.partner.example:{}/"
    for issuer, name in ((authority, "other.example"), (Authority(tmp_path), "hooks.partner.example")):
        with listening(answer_no_content, issuer.context(name)) as port:
            client = secure(authority, lambda *_: ["127.0.0.1"])
            answer = client.post(url.format(port), MESSAGE, secrets=[SECRET], now=datetime.now(UTC))
            assert answer == Answer(error="tls_failed")
            client.close()


def test_the_next_address_is_tried_where_nobody_answers_at_the_first(authority: Authority) -> None:
    context = authority.context("hooks.partner.example")
    with listening(answer_no_content, context) as port:
        client = secure(authority, lambda *_: ["127.0.0.2", "127.0.0.1"])
        url = f"https://hooks.partner.example:{port}/"
        assert client.post(url, MESSAGE, secrets=[SECRET], now=datetime.now(UTC)) == Answer(http_status=204)
        client.close()
    nowhere = any_free_port()
    client = secure(authority, lambda *_: ["127.0.0.1"])
    gone = client.post(f"https://hooks.partner.example:{nowhere}/", MESSAGE, secrets=[SECRET], now=datetime.now(UTC))
    assert gone == Answer(error="no_connection")
    client.close()
