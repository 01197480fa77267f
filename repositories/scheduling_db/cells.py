"""Time in cells: a booking holds one row per cell, and the primary key lets no two bookings hold the same one.

Overlap is thereby impossible on every engine, also between slots of different lengths.
"""

import math
from datetime import datetime, timedelta

CELL = timedelta(minutes=5)  # divides every slot length: 30, 45, 50 and 60 minutes
SECONDS = int(CELL.total_seconds())


class OffTheGrid(ValueError):
    """A time that does not lie on the border of a cell cannot be reserved."""


def cell_from(instant: datetime) -> int:
    """The least second since 1970 that is not before this instant: what starts then or later has a cell not less."""
    return math.ceil(instant.timestamp())


def cells_of(starts_at: datetime, ends_at: datetime) -> list[int]:
    """The cells of [starts_at, ends_at): the first second of each, since 1970 in UTC. Raises OffTheGrid."""
    first, last = starts_at.timestamp(), ends_at.timestamp()
    if first % SECONDS or last % SECONDS or first >= last:
        raise OffTheGrid(f"{starts_at.isoformat()} to {ends_at.isoformat()}")
    return list(range(int(first), int(last), SECONDS))
