"""Retry-After, as seconds and as a date, within reason."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.http import LONGEST_RETRY_AFTER, retry_after

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("Mon, 05 Jan 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 05 Jan 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("Mon, 05 Jan 2026 11:00:00 GMT", timedelta()),
        ("999999", LONGEST_RETRY_AFTER),
        ("9" * 40, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٧", None),
    ],
)
def test_retry_after_is_read_within_reason(given: str, wait: timedelta | None) -> None:
    assert retry_after(given, now=NOW) == wait
