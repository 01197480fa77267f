"""Whatever is done to the log behind our back is found, and where."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.audit_chain import NO_SEAL, Break, Chain
from repositories.entities.audit import Deed, Head, SealedDeed
from repositories.enums import DeedOutcome, Reason
from saga.audit import Anchor, VerifyAudit
from tests.fakes.audit import FakeAuditLog

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CHAIN, OTHER = Chain("k" * 32), Chain("o" * 32)
DEEDS = st.builds(
    Deed,
    id=st.text("0123456789abcdef", min_size=32, max_size=32),
    action=st.sampled_from(["booking.accept", "booking.cancel"]),
    outcome=st.sampled_from(DeedOutcome),
    http_status=st.none() | st.integers(200, 599),
    reason=st.none() | st.sampled_from(Reason),
    organization_id=st.none() | st.integers(1, 9),
    access_key_id=st.none() | st.integers(1, 9),
    token_id=st.none() | st.text(max_size=5),
    operator=st.none() | st.text(max_size=5),
    resource_kind=st.none() | st.just("booking"),
    resource_id=st.none() | st.text(max_size=5),
    request_id=st.text(max_size=5),
    occurred_at=st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001
)
FEW = settings(max_examples=50, deadline=None)
LOGS = st.lists(DEEDS, min_size=1, max_size=8)


def sealed(deeds: Sequence[Deed], chain: Chain = CHAIN) -> list[SealedDeed]:
    log = FakeAuditLog(chain)
    for number, deed in enumerate(deeds):
        log.seal([replace(deed, id=f"{number:02}{deed.id[2:]}")], now=NOW)
    return log.lines


def head_of(lines: Sequence[SealedDeed], chain: Chain = CHAIN) -> Head:
    last, seal = len(lines), lines[-1].seal if lines else NO_SEAL
    return Head(sequence=last, seal=seal, signature=chain.signature(last, seal), longest=last)


def renumbered(lines: Sequence[SealedDeed]) -> list[SealedDeed]:
    return [replace(line, sequence=number) for number, line in enumerate(lines, start=1)]


@FEW
@given(LOGS)
def test_a_log_that_nobody_touched_is_whole(deeds: list[Deed]) -> None:
    lines = sealed(deeds)
    assert CHAIN.first_break(lines, head_of(lines)) is None


CHANGED: dict[str, Any] = {
    "id": "f" * 32,
    "action": "else",
    "http_status": 999,
    "reason": Reason.FORBIDDEN,
    "organization_id": 77,
    "access_key_id": 77,
    "token_id": "else-1",
    "operator": "else-1",
    "resource_kind": "user",
    "resource_id": "else-1",
    "request_id": "else-1",
    "occurred_at": NOW + timedelta(microseconds=1),
}


@FEW
@given(LOGS, st.data())
def test_a_change_of_any_field_is_found_where_it_is(deeds: list[Deed], data: st.DataObject) -> None:
    lines = sealed(deeds)
    where = data.draw(st.integers(0, len(lines) - 1))
    name = data.draw(st.sampled_from([*CHANGED, "outcome"]))
    deed = lines[where].deed
    others = [outcome for outcome in DeedOutcome if outcome is not deed.outcome]
    value = others[0] if name == "outcome" else CHANGED[name]
    if getattr(deed, name) == value:
        return
    changed: dict[str, Any] = {name: value}
    lines[where] = replace(lines[where], deed=replace(deed, **changed))
    found = CHAIN.first_break(lines, head_of(lines))
    assert found == Break(where + 1, "is not as it was sealed")


@FEW
@given(LOGS, st.data())
def test_a_line_that_was_taken_out_is_missed(deeds: list[Deed], data: st.DataObject) -> None:
    lines = sealed(deeds)
    head = head_of(lines)
    where = data.draw(st.integers(0, len(lines) - 1))
    del lines[where]
    found = CHAIN.first_break(lines, head)
    assert found == Break(where + 1, "is missing")
    moved_up = CHAIN.first_break(renumbered(lines), head)
    assert moved_up is not None
    assert moved_up.sequence == where + 1


@FEW
@given(LOGS, DEEDS, st.data())
def test_a_line_that_was_put_in_is_found(deeds: list[Deed], forged: Deed, data: st.DataObject) -> None:
    lines = sealed(deeds)
    head = head_of(lines)
    where = data.draw(st.integers(0, len(lines)))
    previous = lines[where - 1].seal if where else NO_SEAL
    seal = OTHER.seal(where + 1, forged, previous=previous)  # without our key
    lines.insert(where, SealedDeed(sequence=where + 1, deed=forged, seal=seal))
    found = CHAIN.first_break(renumbered(lines), replace(head, longest=len(lines)))
    assert found is not None
    assert found.sequence == where + 1


@FEW
@given(st.lists(DEEDS, min_size=2, max_size=8), st.data())
def test_lines_that_changed_places_are_found(deeds: list[Deed], data: st.DataObject) -> None:
    lines = sealed(deeds)
    head = head_of(lines)
    one, other = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=2, max_size=2)))
    lines[one], lines[other] = lines[other], lines[one]
    for moved in (lines, renumbered(lines)):
        found = CHAIN.first_break(moved, head)
        assert found is not None
        assert found.sequence == one + 1


@FEW
@given(LOGS, st.data())
def test_a_tail_that_was_cut_off_is_missed_also_if_the_head_was_moved_back(
    deeds: list[Deed], data: st.DataObject
) -> None:
    lines = sealed(deeds)
    head = head_of(lines)
    kept = lines[: data.draw(st.integers(0, len(lines) - 1))]
    assert CHAIN.first_break(kept, head) == Break(len(kept) + 1, "is missing")
    if kept:
        forged = head_of(kept, OTHER)
        assert CHAIN.first_break(kept, forged) == Break(len(kept), "is not what the head was signed for")


@FEW
@given(LOGS)
def test_lines_beyond_the_head_are_found(deeds: list[Deed]) -> None:
    lines = sealed(deeds)
    head = replace(head_of(lines), longest=len(lines) + 1)
    assert CHAIN.first_break(lines, head) == Break(len(lines) + 1, "stands beyond the signed head")


@FEW
@given(LOGS)
def test_whoever_has_another_key_can_neither_make_nor_judge_our_chain(deeds: list[Deed]) -> None:
    lines = sealed(deeds, OTHER)
    found = CHAIN.first_break(lines, head_of(lines, OTHER))
    assert found == Break(1, "is not as it was sealed")


def test_no_two_lines_are_written_alike() -> None:
    """Values that would run together if they were only joined."""
    deed = Deed(id="i", action="a", outcome=DeedOutcome.ACCEPTED, request_id="r", occurred_at=NOW)
    twins = [
        replace(deed, resource_kind="b", resource_id=None),
        replace(deed, resource_kind=None, resource_id="b"),
        replace(deed, resource_kind="b", resource_id=""),
        replace(deed, operator="b"),
        replace(deed, token_id="b"),
        replace(deed, organization_id=1),
        replace(deed, access_key_id=1),
    ]
    assert len({CHAIN.seal(1, twin, previous="") for twin in twins}) == len(twins)
    assert CHAIN.seal(1, deed, previous="") != CHAIN.seal(2, deed, previous="")
    assert CHAIN.seal(1, deed, previous="") != CHAIN.seal(1, deed, previous="0")


# --- anchors -------------------------------------------------------------------------------


@pytest.fixture
def log() -> FakeAuditLog:
    log = FakeAuditLog(CHAIN)
    deeds = [
        Deed(id=f"{n:032}", action="a", outcome=DeedOutcome.ACCEPTED, request_id="r", occurred_at=NOW) for n in range(5)
    ]
    log.seal(deeds, now=NOW)
    return log


def test_an_anchor_that_the_log_still_has_holds(log: FakeAuditLog) -> None:
    verdict = VerifyAudit(log=log, chain=CHAIN)(anchors=[Anchor(3, log.lines[2].seal)])
    assert (verdict.lines, verdict.seal, verdict.broken) == (5, log.lines[-1].seal, None)


def test_a_log_put_back_to_how_it_was_is_told_by_an_anchor_and_by_nothing_else(log: FakeAuditLog) -> None:
    anchor = Anchor(5, log.lines[4].seal)
    last = log.lines[2]
    log.lines, log.signature = log.lines[:3], CHAIN.signature(3, last.seal)
    verify = VerifyAudit(log=log, chain=CHAIN)
    assert verify().broken is None
    assert verify(anchors=[anchor]).broken == Break(5, "is missing, and an anchor has it")


def test_a_log_written_anew_is_told_by_an_anchor(log: FakeAuditLog) -> None:
    verify = VerifyAudit(log=log, chain=CHAIN)
    assert verify(anchors=[Anchor(2, "0" * 64)]).broken == Break(2, "is not what the anchor says")
