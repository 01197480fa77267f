"""What delivering webhooks asks of the outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is posted: the same text at every try."""

    id: str
    text: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of posting it; never what the receiver wrote."""

    http_status: int | None = None  # None: there was no answer
    error: str | None = None  # None: a 2xx
    retry_after: timedelta | None = None


class WebhookSender(Protocol):
    def post(self, url: str, message: Message, *, secrets: Sequence[str], now: datetime) -> Answer:
        """Post it, signed with each of the secrets. Never raises for what the receiver does."""
        ...
