"""The receiver of docs/examples, and the openssl line of the how-to, verify what we sign."""

import importlib.util
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.webhooks.signing import new_secret, signed_headers

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECRET, OTHER = new_secret(lambda length: b"\x00s" * (length // 2)), new_secret(lambda length: b"o" * length)
BODY = b'{"type":"booking.confirmed","data":{"reason":null}}'


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location("receive_webhooks", DOCS / "examples" / "receive_webhooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def headers_of(*secrets: str, seconds: float = 0) -> dict[str, str]:
    now = datetime.fromtimestamp(time.time() - seconds, UTC)
    return signed_headers(secrets, message_id="m-1", body=BODY, now=now)


def test_the_receiver_takes_what_we_signed_also_while_a_secret_changes(example: Any) -> None:
    assert example.verified(SECRET, headers_of(SECRET), BODY)
    assert example.verified(SECRET, headers_of(OTHER, SECRET), BODY)


def test_the_receiver_takes_nothing_else(example: Any) -> None:
    assert not example.verified(SECRET, headers_of(OTHER), BODY)
    assert not example.verified(SECRET, headers_of(SECRET), BODY + b" ")
    assert not example.verified(SECRET, headers_of(SECRET) | {"webhook-id": "m-2"}, BODY)
    assert not example.verified(SECRET, headers_of(SECRET, seconds=400), BODY)
    assert not example.verified(SECRET, {}, BODY)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_the_lines_for_openssl_give_the_signature() -> None:
    page = (DOCS / "how-to" / "webhooks.md").read_text()
    (lines,) = re.findall(r"```sh\n(key=.*?)```", page, re.DOTALL)
    headers = headers_of(SECRET)
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "SECRET": SECRET,
        "ID": headers["webhook-id"],
        "TIMESTAMP": headers["webhook-timestamp"],
        "BODY": BODY.decode(),
    }
    said = subprocess.run(
        ["bash", "-c", lines], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    assert f"v1,{said.stdout.strip()}" == headers["webhook-signature"]
