"""Copy what care providers can be filtered by to where the search reads it: from PsyterDatabase to SchedulingDatabase.

The two databases share no transaction, so that the copy lags: a provider who changes, comes or goes is found so within
one round. Who writes PsyterDatabase need not tell us: each round compares digests, and writes what differs.
"""

from dataclasses import dataclass

from repositories.ports.availability import CopiedFacts, KnownFacts

AT_ONCE = 500  # providers


@dataclass(frozen=True, kw_only=True)
class CopyFacts:
    known: KnownFacts
    copied: CopiedFacts

    def __call__(self) -> int:
        """One round through all care providers; how many of them had changed."""
        changed, after = 0, 0
        while True:
            facts = self.known.facts_after(after, limit=AT_ONCE)
            upto = facts[-1].care_provider_id if len(facts) == AT_ONCE else None
            changed += self.copied.copy_between(facts, after=after, upto=upto)
            if upto is None:
                return changed
            after = upto
