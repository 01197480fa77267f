"""The chain of the audit log: each line is sealed together with all before it. Pure.

seal(n) = HMAC-SHA256(key, seal(n - 1) + n + the line)      signature of the head = HMAC-SHA256(key, n + seal(n))

Under a key that is not in the database, whoever can write there can still not change, drop, insert or move a line
unnoticed, and the signed head misses a tail that was cut off. A log put back as a whole to how it once was is told only
by whoever kept a later seal elsewhere: an anchor.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC

from repositories.entities.audit import Deed, Head, SealedDeed

NO_SEAL = ""  # before the first line


@dataclass(frozen=True)
class Break:
    """Where the chain is broken first, and how."""

    sequence: int
    how: str

    def __str__(self) -> str:
        return f"line {self.sequence}: {self.how}"


class Chain:
    def __init__(self, key: str) -> None:
        self._seal_key = hmac.digest(key.encode(), b"tahoon/audit/seal/v1", "sha256")
        self._head_key = hmac.digest(key.encode(), b"tahoon/audit/head/v1", "sha256")

    def seal(self, sequence: int, deed: Deed, *, previous: str) -> str:
        return hmac.digest(self._seal_key, _written(previous, sequence, _plain(deed)), "sha256").hex()

    def signature(self, sequence: int, seal: str) -> str:
        return hmac.digest(self._head_key, _written(sequence, seal), "sha256").hex()

    def first_break(self, lines: Iterable[SealedDeed], head: Head) -> Break | None:
        """The first line that is not as it was sealed, from the beginning to where the head says that the log ends."""
        previous, last = NO_SEAL, 0
        for line in lines:
            last += 1
            if line.sequence != last:
                return Break(last, "is missing" if line.sequence > last else "stands twice")
            if not hmac.compare_digest(line.seal, self.seal(last, line.deed, previous=previous)):
                return Break(last, "is not as it was sealed")
            previous = line.seal
        return self._break_at_head(head, last, previous)

    def _break_at_head(self, head: Head, last: int, seal: str) -> Break | None:
        if last < head.sequence:
            return Break(last + 1, "is missing")
        if head.longest > head.sequence:
            return Break(head.sequence + 1, "stands beyond the signed head")
        is_ours = not last or hmac.compare_digest(head.signature, self.signature(head.sequence, head.seal))
        if not is_ours or head.seal != seal:
            return Break(last, "is not what the head was signed for")
        return None


def _plain(deed: Deed) -> dict[str, object]:
    return {**asdict(deed), "occurred_at": deed.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")}


def _written(*parts: object) -> bytes:
    """One text for one meaning: JSON with sorted names and no spaces."""
    return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
