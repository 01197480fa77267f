"""The audit log and an outbox in memory. Kept honest by tests/contract."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from repositories.acting import acting
from repositories.audit_chain import NO_SEAL, Chain
from repositories.entities.audit import Deed, DeedFilter, Head, SealedDeed


@dataclass
class FakeOutbox:
    deeds: list[Deed] = field(default_factory=list)
    error: Exception | None = None

    def leave(self) -> None:
        act = acting()
        assert act is not None
        if self.error is not None:
            raise self.error
        self.deeds += act.deeds()
        act.deeds_left += len(act.deeds())
        act.forget_transaction()

    def oldest(self, *, limit: int) -> Sequence[Deed]:
        return self.deeds[:limit]

    def forget(self, deeds: Sequence[Deed]) -> None:
        self.deeds = [deed for deed in self.deeds if deed not in deeds]


@dataclass
class FakeCommandReasons:
    outbox: FakeOutbox
    reasons: dict[str, str] = field(default_factory=dict)

    def leave(self, why: str) -> None:
        act = acting()
        if act is None:
            raise RuntimeError("nobody acts")
        if act.request_id in self.reasons:
            raise IntegrityError(None, None, Exception())
        self.outbox.leave()
        self.reasons[act.request_id] = why

    def of(self, request_ids: Collection[str]) -> Mapping[str, str]:
        return {request_id: why for request_id, why in self.reasons.items() if request_id in request_ids}


@dataclass
class FakeAuditLog:
    chain: Chain
    lines: list[SealedDeed] = field(default_factory=list)
    signature: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def seal(self, deeds: Sequence[Deed], *, now: datetime) -> int:
        with self.lock:
            return self._seal(deeds)

    def _seal(self, deeds: Sequence[Deed]) -> int:
        known = {line.deed.id for line in self.lines}
        new = [deed for deed in deeds if deed.id not in known]
        for deed in new:
            sequence, previous = len(self.lines) + 1, self.lines[-1].seal if self.lines else NO_SEAL
            seal = self.chain.seal(sequence, deed, previous=previous)
            self.lines.append(SealedDeed(sequence=sequence, deed=deed, seal=seal))
            self.signature = self.chain.signature(sequence, seal)
        return len(new)

    def head(self) -> Head:
        last = len(self.lines)
        seal = self.lines[-1].seal if self.lines else NO_SEAL
        return Head(sequence=last, seal=seal, signature=self.signature, longest=last)

    def read(self, *, after: int, limit: int) -> Sequence[SealedDeed]:
        return [line for line in self.lines if line.sequence > after][:limit]

    def list_deeds(self, which: DeedFilter, *, before: tuple[datetime, int] | None, limit: int) -> Sequence[SealedDeed]:
        def is_wanted(line: SealedDeed) -> bool:
            deed = line.deed
            return (
                deed.organization_id == which.organization_id
                and which.action in {None, deed.action}
                and (which.since is None or deed.occurred_at >= which.since)
                and (which.until is None or deed.occurred_at < which.until)
                and (before is None or (deed.occurred_at, line.sequence) < before)
            )

        newest_first = sorted(self.lines, key=lambda line: (line.deed.occurred_at, line.sequence), reverse=True)
        return [line for line in newest_first if is_wanted(line)][:limit]
