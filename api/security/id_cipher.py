"""Ids as partners see them: 43 letters of Base64URL, one text per (kind, id), worthless for any other kind.

text = Base64URL(IV + AES-256-CBC(id)),  IV = HMAC-SHA256(kind + id), its first 16 bytes
"""

import base64
import hmac
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16  # bytes of an AES block, and so of the IV
ID_LENGTH = 8  # bytes of a 64-bit id
PADDING = bytes([BLOCK - ID_LENGTH]) * (BLOCK - ID_LENGTH)  # PKCS #7; an id is always one block
TEXT_LENGTH = 43  # letters of two blocks in Base64URL without padding


class IdKind(StrEnum):
    USER = "user"
    CARE_PROVIDER = "care_provider"
    BOOKING = "booking"
    SLOT = "slot"
    APPLICATION_MULTI_SLOT = "application_multi_slot"
    CARE_PROVIDER_SLOT_DURATION = "care_provider_slot_duration"
    ACCESS_KEY = "access_key"
    EVENT = "event"
    WEBHOOK_ENDPOINT = "webhook_endpoint"
    WEBHOOK_DELIVERY = "webhook_delivery"


class IdTampered(Exception):
    """This is not an id that we gave out for this purpose."""


class IdCipher:
    """Turns ids into public ids and back."""

    def __init__(self, key: str) -> None:
        self._aes = algorithms.AES256(hmac.digest(key.encode(), b"tahoon/id/encryption/v1", "sha256"))
        self._mac_key = hmac.digest(key.encode(), b"tahoon/id/authentication/v1", "sha256")

    def encrypt(self, kind: IdKind, id: int) -> str:
        plain = id.to_bytes(ID_LENGTH, "big", signed=True)
        iv = hmac.digest(self._mac_key, kind.encode() + b"\0" + plain, "sha256")[:BLOCK]
        encryptor = Cipher(self._aes, modes.CBC(iv)).encryptor()
        return base64.urlsafe_b64encode(iv + encryptor.update(plain + PADDING)).rstrip(b"=").decode()

    def decrypt(self, kind: IdKind, text: str) -> int:
        """The id behind `text`. Raises IdTampered."""
        id = self._opened(text)
        # Writing it again checks the IV, the padding, the kind and the spelling of the Base64 in one comparison.
        if not hmac.compare_digest(self.encrypt(kind, id).encode(), text.encode()):
            raise IdTampered
        return id

    def _opened(self, text: str) -> int:
        if len(text) != TEXT_LENGTH or not text.isascii():
            raise IdTampered
        try:
            raw = base64.urlsafe_b64decode(text + "=")
        except ValueError as error:
            raise IdTampered from error
        if len(raw) != 2 * BLOCK:  # letters outside the alphabet are dropped by the decoder
            raise IdTampered
        decryptor = Cipher(self._aes, modes.CBC(raw[:BLOCK])).decryptor()
        return int.from_bytes(decryptor.update(raw[BLOCK:])[:ID_LENGTH], "big", signed=True)
