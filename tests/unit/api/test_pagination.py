"""Cursors: what was given out comes back the same, and nothing else is accepted."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pagination import Cursors, CursorWrong, Listing, Position

CURSORS = Cursors("k" * 32)
LIST = Listing(name="bookings", organization_id=1, filters={"userId": None, "from": date(2026, 1, 5)})
POSITIONS = st.lists(
    st.integers(-(2**63), 2**63 - 1) | st.text(max_size=40) | st.datetimes(timezones=st.just(UTC)), max_size=4
).map(tuple)


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_position(position: Position) -> None:
    cursor = CURSORS.write(position, of=LIST)
    assert CURSORS.read(cursor, of=LIST) == position
    assert CURSORS.write(position, of=LIST) == cursor
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_an_instant_is_the_same_in_every_zone() -> None:
    riyadh = datetime(2026, 1, 5, 15, tzinfo=timezone(timedelta(hours=3)))
    assert CURSORS.write((riyadh,), of=LIST) == CURSORS.write((riyadh.astimezone(UTC),), of=LIST)


@given(POSITIONS, st.data())
def test_a_changed_cursor_is_refused(position: Position, data: st.DataObject) -> None:
    cursor = CURSORS.write(position, of=LIST)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != cursor[place]))
    with pytest.raises(CursorWrong):
        CURSORS.read(cursor[:place] + other + cursor[place + 1 :], of=LIST)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_that_we_did_not_give_out_is_a_cursor(text: str) -> None:
    with pytest.raises(CursorWrong):
        CURSORS.read(text, of=LIST)


@pytest.mark.parametrize("spelling", ["{}=", "{}==", " {}", "{}\n", "{}.", "{}" + "A" * 1000])
def test_another_spelling_of_a_cursor_is_refused(spelling: str) -> None:
    with pytest.raises(CursorWrong):
        CURSORS.read(spelling.format(CURSORS.write((1, 2), of=LIST)), of=LIST)


@pytest.mark.parametrize(
    "other",
    [
        replace(LIST, name="events"),
        replace(LIST, organization_id=2),
        replace(LIST, filters={**LIST.filters, "userId": 7}),
        replace(LIST, filters={**LIST.filters, "from": date(2026, 1, 6)}),
        replace(LIST, filters={"userId": None}),
    ],
    ids=["list", "organization", "user", "period", "fewer filters"],
)
def test_a_cursor_is_good_for_its_list_organization_and_filters_only(other: Listing) -> None:
    cursor = CURSORS.write((1, "x"), of=LIST)
    with pytest.raises(CursorWrong):
        CURSORS.read(cursor, of=other)


def test_the_order_in_which_filters_are_named_does_not_matter() -> None:
    reordered = replace(LIST, filters=dict(reversed([*LIST.filters.items()])))
    assert CURSORS.read(CURSORS.write((1,), of=LIST), of=reordered) == (1,)


def test_another_key_reads_nothing() -> None:
    with pytest.raises(CursorWrong):
        Cursors("o" * 32).read(CURSORS.write((1,), of=LIST), of=LIST)


def test_a_cursor_shows_nothing_of_its_position() -> None:
    cursor = CURSORS.write((4711, "secret"), of=LIST)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert b"4711" not in raw
    assert b"secret" not in raw


@pytest.mark.parametrize(
    ("found", "given_out", "goes_on"), [([], [], False), ([9, 8], [9, 8], False), ([9, 8, 7], [9, 8], True)]
)
def test_a_page_goes_on_if_one_more_was_found(found: list[int], given_out: list[int], goes_on: bool) -> None:
    def position_of(line: int) -> tuple[Any, ...]:
        return (line,)

    page = CURSORS.page(found, limit=2, position_of=position_of, of=LIST)
    assert page.lines == given_out
    assert (page.next_cursor is not None) is goes_on
    if page.next_cursor is not None:
        assert CURSORS.read(page.next_cursor, of=LIST) == (8,)
