"""Text that only we can read: AES-256-GCM, Base64URL."""

import base64
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_LENGTH = 12  # bytes; the size GCM is made for


class SealBroken(Exception):
    """This text was not sealed with our key, or was changed since."""


class Sealer:
    """Seals and unseals short texts; sealing the same text twice gives two seals."""

    def __init__(self, key: str) -> None:
        self._aead = AESGCM(hmac.digest(key.encode(), b"tahoon/seal/v1", "sha256"))

    def seal(self, text: str) -> str:
        nonce = secrets.token_bytes(NONCE_LENGTH)
        sealed = nonce + self._aead.encrypt(nonce, text.encode(), None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def unseal(self, sealed: str) -> str:
        """The text under the seal. Raises SealBroken."""
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return self._aead.decrypt(raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], None).decode()
        except (ValueError, InvalidTag) as error:
            raise SealBroken from error
