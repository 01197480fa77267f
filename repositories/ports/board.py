"""All bookings at once, for the console."""

from datetime import datetime
from typing import Protocol

from repositories.entities.board import Board


class Boards(Protocol):
    def look(self, *, now: datetime) -> Board:
        """What has not ended, and what ended in each minute of the last hour."""
        ...
