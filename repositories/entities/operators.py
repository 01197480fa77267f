"""Those who may use the console, and what was done to their accounts."""

from dataclasses import dataclass, field
from datetime import datetime

from repositories.enums import OperatorRole


@dataclass(frozen=True, kw_only=True)
class OperatorAccount:
    id: int
    name: str
    password_hash: str = field(repr=False)
    role: OperatorRole
    generation: int  # counted up to end every session that was begun before
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class AccountAudit:
    """What was done to an account, and why: a line of its audit trail."""

    action: str
    by: str
    why: str
    at: datetime
