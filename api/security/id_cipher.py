"""Ids on the wire: AES-256-CBC, Base64URL, one text per (kind, id).

The IV is the truncated HMAC-SHA256 of kind and id and is verified on decryption: a changed text is noticed, and a
provider's id cannot pass for a booking's.
"""

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 16
ID_BYTES = 8
LARGEST_ID = 2**63 - 1


class IdKind(StrEnum):
    USER = "user"
    CARE_PROVIDER = "care_provider"
    BOOKING = "booking"
    SLOT_AVAILABILITY = "slot_availability"
    APPLICATION_MULTI_SLOT = "application_multi_slot"
    CARE_PROVIDER_SLOT_DURATION = "care_provider_slot_duration"


class IdTampered(Exception):
    """This is not an id that we gave out for this purpose."""


class IdCipher:
    def __init__(self, key: str) -> None:
        self._aes = AES(_derived(key, b"tahoon-id-encryption"))
        self._mac_key = _derived(key, b"tahoon-id-integrity")

    def encrypt(self, kind: IdKind, number: int) -> str:
        if not 0 < number <= LARGEST_ID:
            raise ValueError("an id is positive and fits 63 bits")
        iv = self._iv(kind, number)
        padded = number.to_bytes(ID_BYTES, "big") + bytes([BLOCK - ID_BYTES]) * (BLOCK - ID_BYTES)  # PKCS #7
        encryptor = Cipher(self._aes, CBC(iv)).encryptor()
        return base64.urlsafe_b64encode(iv + encryptor.update(padded)).decode().rstrip("=")

    def decrypt(self, kind: IdKind, text: str) -> int:
        """The id in this text. Raises IdTampered."""
        raw = _decoded(text)
        iv, encrypted = raw[:BLOCK], raw[BLOCK:]
        padded = Cipher(self._aes, CBC(iv)).decryptor().update(encrypted)
        number = int.from_bytes(padded[:ID_BYTES], "big")
        if not 0 < number <= LARGEST_ID or not hmac.compare_digest(self.encrypt(kind, number), text):
            raise IdTampered
        return number

    def _iv(self, kind: IdKind, number: int) -> bytes:
        message = kind.encode() + b"\0" + number.to_bytes(ID_BYTES, "big")
        return hmac.digest(self._mac_key, message, "sha256")[:BLOCK]


def _derived(key: str, purpose: bytes) -> bytes:
    return hmac.digest(key.encode(), purpose, hashlib.sha256)


def _decoded(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise IdTampered from error
    if len(raw) != 2 * BLOCK:
        raise IdTampered
    return raw
