"""Text that only we can read: AES-256-GCM, Base64URL."""

import base64
import hmac
import secrets
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_LENGTH = 12  # bytes; the size GCM is made for


class SealBroken(Exception):
    """This text was not sealed with our key, or was changed since."""


class Sealer:
    """Seals and unseals short texts; sealing the same text twice gives two seals."""

    def __init__(self, key: str, *accepted: str) -> None:
        """Seals under `key`; opens what was sealed under any of these."""
        self._aeads = [AESGCM(hmac.digest(one.encode(), b"tahoon/seal/v1", "sha256")) for one in (key, *accepted)]

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(NONCE_LENGTH)
        sealed = nonce + self._aeads[0].encrypt(nonce, text.encode(), None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def unseal(self, sealed: str) -> str:
        """The text under the seal. Raises SealBroken."""
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except ValueError as error:
            raise SealBroken from error
        for aead in self._aeads:
            with suppress(ValueError, InvalidTag):
                return aead.decrypt(raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], None).decode()
        raise SealBroken
