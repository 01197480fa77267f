"""Secrets at rest: sealed texts that only we can read and nobody can change (AES-256-GCM)."""

import base64
import binascii
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class SealBroken(Exception):
    """This text was not sealed with our key, or was changed since."""


class Sealer:
    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"tahoon-seal:" + key.encode()).digest())

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), None)).decode()

    def unseal(self, sealed: str) -> str:
        """The text that was sealed. Raises SealBroken."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise SealBroken from error
