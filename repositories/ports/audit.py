"""The audit log and the outboxes that feed it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from repositories.entities.audit import Deed, DeedFilter, Head, SealedDeed


class AuditOutbox(Protocol):
    """Deeds of one database that wait to be sealed; every write of whoever acts leaves one (repositories/acting.py)."""

    def leave(self) -> None:
        """Leave the deed of whoever acts now, in a transaction of its own. Raises StoreUnavailable."""
        ...

    def oldest(self, *, limit: int) -> Sequence[Deed]: ...

    def forget(self, deeds: Sequence[Deed]) -> None: ...


class CommandReasons(Protocol):
    """An operator's words on a command that concerns no row of its own: free text, so in no deed and in no log."""

    def leave(self, why: str) -> None:
        """Keep them, with the deed of whoever acts now, in one transaction. Raises StoreUnavailable."""
        ...

    def of(self, request_ids: Collection[str]) -> Mapping[str, str]:
        """Those that were left, by the request id of their deed."""
        ...


class AuditLog(Protocol):
    def seal(self, deeds: Sequence[Deed], *, now: datetime) -> int:
        """Append those that are not sealed yet, in this order, in one transaction; returns how many they were."""
        ...

    def head(self) -> Head: ...

    def read(self, *, after: int, limit: int) -> Sequence[SealedDeed]:
        """The lines behind this sequence, in order."""
        ...

    def list_deeds(self, which: DeedFilter, *, before: tuple[datetime, int] | None, limit: int) -> Sequence[SealedDeed]:
        """An organization's deeds, the newest first; `before` is the time and the sequence of the last line seen."""
        ...
