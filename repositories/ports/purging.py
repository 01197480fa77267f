"""What may be forgotten after a while."""

from datetime import datetime
from typing import Protocol

from repositories.enums import Kept


class Forgets(Protocol):
    @property
    def kinds(self) -> tuple[Kept, ...]:
        """What this database keeps, in the order in which it is to be forgotten."""
        ...

    def forget(self, kind: Kept, *, before: datetime, limit: int) -> int:
        """Forget, in one transaction, at most about `limit` of what was over before then; how many it were."""
        ...

    def count(self, kind: Kept, *, before: datetime) -> int:
        """How many could be forgotten."""
        ...
