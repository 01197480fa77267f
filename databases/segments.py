"""Encrypted segments of a connection string.

text = "enc:v1:" + Base64(IV + AES-256-CBC(value) + tag),  tag = HMAC-SHA256(segment's name + IV + ciphertext)

The tag is looked at first: a wrong key, a changed letter, or a Password put where the Data Source belongs is noticed
before anything is decrypted. The prefix says that a value is encrypted, so a plain one must not begin with it.
"""

import base64
import hmac
import secrets
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

PREFIX = "enc:v1:"
BLOCK = 16  # bytes of an AES block, and so of the IV
TAG = 32  # bytes of HMAC-SHA256


class Segment(StrEnum):
    """What may be encrypted, by its name in a connection string."""

    DATA_SOURCE = "Data Source"
    INITIAL_CATALOG = "Initial Catalog"
    USER_ID = "User Id"
    PASSWORD = "Password"  # noqa: S105


class SegmentUnreadable(Exception):
    """The segment was encrypted with another key, or was changed since."""


def is_encrypted(value: str) -> bool:
    return value.startswith(PREFIX)


class SegmentCipher:
    """Encrypts and decrypts segments; the same value twice gives two texts."""

    def __init__(self, key: str) -> None:
        self._aes = algorithms.AES256(hmac.digest(key.encode(), b"tahoon/connection/encryption/v1", "sha256"))
        self._mac_key = hmac.digest(key.encode(), b"tahoon/connection/authentication/v1", "sha256")

    def encrypt(self, segment: Segment, value: str) -> str:
        iv = secrets.token_bytes(BLOCK)
        padder, encryptor = PKCS7(8 * BLOCK).padder(), Cipher(self._aes, modes.CBC(iv)).encryptor()
        sealed = iv + encryptor.update(padder.update(value.encode()) + padder.finalize())
        return PREFIX + base64.b64encode(sealed + self._tag(segment, sealed)).decode()

    def decrypt(self, segment: Segment, text: str) -> str:
        """The value. Raises SegmentUnreadable."""
        try:
            raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except ValueError as error:
            raise SegmentUnreadable from error
        sealed, tag = raw[:-TAG], raw[-TAG:]
        if not hmac.compare_digest(self._tag(segment, sealed), tag):
            raise SegmentUnreadable
        decryptor, unpadder = Cipher(self._aes, modes.CBC(sealed[:BLOCK])).decryptor(), PKCS7(8 * BLOCK).unpadder()
        return (unpadder.update(decryptor.update(sealed[BLOCK:])) + unpadder.finalize()).decode()

    def _tag(self, segment: Segment, sealed: bytes) -> bytes:
        return hmac.digest(self._mac_key, segment.encode() + b"\0" + sealed, "sha256")
