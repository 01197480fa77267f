"""The partners' own users."""

from dataclasses import dataclass, field
from datetime import date

from repositories.enums import GenderType


@dataclass(frozen=True, kw_only=True)
class Guest:
    """The person a partner books for, known by the partner's own referenceId."""

    reference_id: str
    name: str = field(repr=False)
    dob: date = field(repr=False)
    gender: GenderType = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class User:
    id: int
    organization_id: int
    reference_id: str
    name: str = field(repr=False)
    dob: date = field(repr=False)
    gender: GenderType = field(repr=False)
