"""Idempotency keys: what a partner promises, and what a key was used for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class IdempotencyKey:
    """A partner's promise that two requests are one; unique per organization for 24 hours."""

    key: str
    body_digest: str  # SHA-256 of the command and the canonical body, hex


@dataclass(frozen=True, kw_only=True)
class KeyUse:
    """What an idempotency key was used for: ids only, from which the answer is built again."""

    body_digest: str
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What came of a change: the ids its answer is built from, and whether an earlier request had made it."""

    ids: tuple[int, ...]
    is_replay: bool = False
