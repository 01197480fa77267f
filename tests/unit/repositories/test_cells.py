"""Cells cover a time exactly, without gap or overlap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.scheduling_db.cells import CELL, SECONDS, OffTheGrid, cells_of

BASE = datetime(2026, 1, 5, tzinfo=UTC)


@given(st.integers(0, 10_000), st.integers(1, 48))
def test_neighbouring_times_share_no_cell_and_leave_no_gap(place: int, length: int) -> None:
    start, end = BASE + place * CELL, BASE + (place + length) * CELL
    cells = cells_of(start, end)
    assert len(cells) == length
    assert cells[0] == int(start.timestamp())
    assert cells_of(end, end + CELL) == [cells[-1] + SECONDS]


@pytest.mark.parametrize("minutes", [30, 45, 50, 60])
def test_every_slot_length_is_whole_cells(minutes: int) -> None:
    assert timedelta(minutes=minutes) % CELL == timedelta()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (BASE + timedelta(minutes=1), BASE + timedelta(minutes=10)),
        (BASE, BASE + timedelta(minutes=11)),
        (BASE, BASE),
        (BASE + CELL, BASE),
        (BASE + timedelta(microseconds=1), BASE + CELL),
    ],
)
def test_a_time_off_the_grid_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(OffTheGrid):
        cells_of(start, end)
