"""Secrets that mean nothing by themselves: random, shown to their holder once, kept as digests.

The successor of a refresh token follows from the token and a key of ours, so that it can be told again while only
digests are kept; whoever has the database alone, or an old token alone, cannot tell it.
"""

import base64
import hashlib
import hmac
import secrets

LENGTH = 32  # bytes
ACCESS_KEY, REFRESH_TOKEN = "tahoon_ak_", "tahoon_rt_"  # so that whoever finds one knows what it is


def new_access_key() -> str:
    return ACCESS_KEY + secrets.token_urlsafe(LENGTH)


def new_refresh_token() -> str:
    return REFRESH_TOKEN + secrets.token_urlsafe(LENGTH)


def successor_of(refresh_token: str, *, key: str) -> str:
    """The refresh token that takes the place of this one."""
    mac_key = hmac.digest(key.encode(), b"tahoon/refresh/v1", "sha256")
    follows = hmac.digest(mac_key, refresh_token.encode(), "sha256")
    return REFRESH_TOKEN + base64.urlsafe_b64encode(follows).rstrip(b"=").decode()


def digest_of(secret: str) -> str:
    """SHA-256, hex: what we keep. The secret is long and random, so a slow hash would buy nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
