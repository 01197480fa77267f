"""Which care providers an organization manages, and who decided so."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ManagingAction(StrEnum):
    MANAGE = "manage"
    UNMANAGE = "unmanage"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An operator's word on some care providers of one organization."""

    organization_id: int
    care_provider_ids: tuple[int, ...]
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ManagingEntry:
    """One care provider of a decision that changed something."""

    care_provider_id: int
    action: ManagingAction
    by: str
    why: str
    at: datetime
