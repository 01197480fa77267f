"""Keys that can be changed without a refused request: one makes what is new, the others still open what is old.

How to rotate one: docs/how-to/rotate-keys.md.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

ID_LENGTH = 8  # bytes


@dataclass(frozen=True)
class KeyRing:
    current: str = field(repr=False)
    accepted: tuple[str, ...] = field(default=(), repr=False)

    def __iter__(self) -> Iterator[str]:
        """Every key, the current one first."""
        yield self.current
        yield from self.accepted

    def find(self, key_id: object) -> str | None:
        return next((key for key in self if id_of(key) == key_id), None)


def id_of(key: str) -> str:
    """What tells keys apart and says nothing of them: no operator can give two keys one name."""
    return hmac.digest(key.encode(), b"tahoon/key/id/v1", "sha256")[:ID_LENGTH].hex()
