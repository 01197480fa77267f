"""Instants on the wire."""

from datetime import datetime


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
