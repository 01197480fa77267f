"""Forget what nobody can ask for any more, a little at a time.

Two purges beside each other do no harm: each batch is a transaction that finds its rows and deletes them. A run is
bounded; what is left over is the next run's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from repositories.enums import Kept
from repositories.ports.purging import Forgets

BATCH = 200  # things in one transaction: some milliseconds, for which a booking on SQLite waits
BATCHES = 50  # of each kind in one run


@dataclass(frozen=True, kw_only=True)
class Purge:
    databases: Sequence[Forgets]
    ages: Mapping[Kept, timedelta]
    clock: Callable[[], datetime]
    batch: int = BATCH
    batches: int = BATCHES

    def __call__(self) -> Mapping[Kept, int]:
        """How many of each kind are forgotten. Raises StoreUnavailable."""
        return {kind: self._forget(database, kind) for database in self.databases for kind in database.kinds}

    def preview(self) -> Mapping[Kept, int]:
        """How many of each kind could be forgotten; what holds others (a delivery its event) still holds them."""
        return {
            kind: database.count(kind, before=self._before(kind))
            for database in self.databases
            for kind in database.kinds
        }

    def _forget(self, database: Forgets, kind: Kept) -> int:
        before, total = self._before(kind), 0
        for _ in range(self.batches):
            forgotten = database.forget(kind, before=before, limit=self.batch)
            total += forgotten
            if not forgotten:
                break
        return total

    def _before(self, kind: Kept) -> datetime:
        return self.clock() - self.ages[kind]


def in_words(counts: Mapping[Kept, int]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in counts.items() if number) or "nothing"
