"""Signatures after the Standard Webhooks specification (https://www.standardwebhooks.com), version v1.

signed content   webhook-id.webhook-timestamp.body
signature        v1,Base64(HMAC-SHA256(secret, signed content)); several, with a blank between, while secrets change
secret           whsec_ and the Base64 of 24 to 64 random bytes
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_LENGTH = 32  # bytes


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    return PREFIX + base64.b64encode(random_bytes(SECRET_LENGTH)).decode()


def sign(secret: str, *, message_id: str, seconds: int, body: bytes) -> str:
    """`seconds` since 1970, UTC, as in webhook-timestamp."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def signed_headers(secrets: Sequence[str], *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    seconds = int(now.timestamp())
    signatures = [sign(secret, message_id=message_id, seconds=seconds, body=body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }
