"""The audit log's two errands: seal what waits in the outboxes, and see whether the chain still holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from repositories.audit_chain import Break, Chain
from repositories.entities.audit import SealedDeed
from repositories.ports.audit import AuditLog, AuditOutbox
from repositories.ports.errors import LineUnreadable

log = structlog.get_logger()

BATCH = 500
MOST_BATCHES = 40  # of one run; the next one is a second away
PAGE = 1_000


@dataclass(frozen=True, kw_only=True)
class SealAudit:
    """Moves deeds from the outboxes into the chain, each exactly once, however many run and wherever one dies."""

    outboxes: Sequence[AuditOutbox]
    log: AuditLog
    clock: Callable[[], datetime]

    def __call__(self) -> int:
        """How many were sealed. Raises StoreUnavailable."""
        sealed = sum(self._empty(outbox) for outbox in self.outboxes)
        if sealed:
            head = self.log.head()
            log.info(
                "audit_sealed", lines=sealed, head=f"{head.sequence}:{head.seal}"
            )  # an anchor outside the database
        return sealed

    def _empty(self, outbox: AuditOutbox) -> int:
        sealed = 0
        for _ in range(MOST_BATCHES):
            deeds = outbox.oldest(limit=BATCH)
            sealed += self.log.seal(deeds, now=self.clock())
            outbox.forget(deeds)  # a death before this line seals nothing twice: the log knows each deed
            if len(deeds) < BATCH:
                break
        return sealed


@dataclass(frozen=True)
class Anchor:
    """A seal that somebody kept elsewhere: the log must still have it."""

    sequence: int
    seal: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    lines: int
    seal: str  # of the last line
    broken: Break | None


@dataclass(frozen=True, kw_only=True)
class VerifyAudit:
    log: AuditLog
    chain: Chain

    def __call__(self, *, anchors: Sequence[Anchor] = ()) -> Verdict:
        """Looks at every line up to where the chain ends now; what is sealed meanwhile is not looked at."""
        head = self.log.head()
        try:
            broken = self.chain.first_break(self._lines(head.sequence, anchors), head)
        except LineUnreadable as error:
            broken = Break(error.sequence, "cannot be read")
        except AnchorLost as error:
            broken = Break(error.sequence, "is not what the anchor says")
        if broken is None and (lost := [anchor for anchor in anchors if anchor.sequence > head.sequence]):
            broken = Break(lost[0].sequence, "is missing, and an anchor has it")
        return Verdict(lines=head.sequence, seal=head.seal, broken=broken)

    def _lines(self, last: int, anchors: Sequence[Anchor]) -> Iterator[SealedDeed]:
        kept = {anchor.sequence: anchor.seal for anchor in anchors}
        after = 0
        while after < last and (page := self.log.read(after=after, limit=min(PAGE, last - after))):
            for line in page:
                if kept.get(line.sequence, line.seal) != line.seal:
                    raise AnchorLost(line.sequence)
                yield line
            after = page[-1].sequence


class AnchorLost(Exception):
    """The log has another seal at this place than was kept elsewhere."""

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sequence = sequence
