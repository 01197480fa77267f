"""Sagas by whatever is known of them, page by page; and one intervention in all that were found."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from flask import redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from api.cli import BOOKING_NUMBER, SAGA_ID
from api.contract import contract
from api.ops.guard import LOOK, FieldWrong, given, may_step_in, session, stepping_in
from api.ops.render import page
from api.pagination import Listing, Position
from api.security.id_cipher import TEXT_LENGTH, IdKind
from api.services import services
from repositories.entities.board import SagaLine
from repositories.entities.sagas import LONGEST_WHY, SagaFilter
from repositories.enums import OPEN_STATUSES, Reason, SagaStatus
from saga.bulk import ACTIONS, MOST, BulkOperator, CountChanged, TooMany, Wish
from saga.catalogue import NAMES

T = TypeVar("T")

PAGE = 50
LONGEST = 64  # characters, of a field of the search
LARGEST_ID = 2**63 - 1
STATUSES = [SagaStatus.STUCK, *(status for status in SagaStatus if status is not SagaStatus.STUCK)]
OPEN = frozenset(OPEN_STATUSES)
FIELDS = ("organization", "name", "step", "reason", "since", "before")


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was asked for: as it is shown in the form again, and as the journal reads it."""

    shown: Mapping[str, str]
    statuses: tuple[str, ...]
    wanted: SagaFilter

    @property
    def open(self) -> SagaFilter:
        """The same, of those that have not ended: nothing can be done to the others."""
        wanted = frozenset(SagaStatus(status) for status in self.statuses) & OPEN if self.statuses else OPEN
        return replace(self.wanted, statuses=wanted)

    def query(self) -> dict[str, str | list[str]]:
        return {**{name: text for name, text in self.shown.items() if text}, "status": list(self.statuses)}


def read_search(asked: MultiDict[str, str]) -> Search:
    """Raises FieldWrong."""
    shown = {name: asked.get(name, "").strip()[:LONGEST] for name in FIELDS}
    statuses = tuple(status for status in SagaStatus if status.value in asked.getlist("status"))
    wanted = SagaFilter(
        statuses=frozenset(statuses or SagaStatus),
        name=shown["name"] or None,
        step=shown["step"] or None,
        organization_id=_read(shown, "organization", _number),
        reason=_read(shown, "reason", lambda text: Reason(int(text))),
        begun_since=_read(shown, "since", _instant),
        begun_before=_read(shown, "before", _instant),
    )
    return Search(shown=shown, statuses=tuple(status.value for status in statuses), wanted=wanted)


def _read(shown: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
    try:
        return read(shown[name]) if shown[name] else None
    except ValueError as error:
        raise FieldWrong(f"{name}: {shown[name]!r} makes no sense") from error


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(text)
    return number


def _instant(text: str) -> datetime:
    """What a date field gives, as UTC."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


@contract(LOOK)
def sagas() -> str:
    """A page of the sagas that match, the last changed first."""
    search = read_search(request.args)
    listing = Listing(name="console.sagas", organization_id=0, filters=_as_filters(search.wanted))
    cursors, cursor = services().cursors, request.args.get("cursor")
    after = cursors.read(cursor, of=listing) if cursor else None
    found = services().operations().records.page_of_sagas(search.wanted, after=_place(after), limit=PAGE + 1)
    lines = cursors.page(found, limit=PAGE, position_of=_position_of, of=listing)
    return page(
        "sagas.html",
        search=search,
        lines=lines.lines,
        next_cursor=lines.next_cursor,
        is_first=after is None,
        statuses=STATUSES,
        names=NAMES,
        reasons=list(Reason),
        actions=ACTIONS,
    )


def _as_filters(wanted: SagaFilter) -> dict[str, object]:
    return {**asdict(wanted), "statuses": sorted(wanted.statuses)}


def _position_of(line: SagaLine) -> Position:
    return (line.updated_at, line.state.id)


def _place(after: Position | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    at, saga_id = after
    assert isinstance(at, datetime)  # noqa: S101  the cursor is ours
    return at, str(saga_id)


@contract(LOOK)
def find() -> AnyResponse:
    """Go to the booking that is meant: by its number, by the id that the partner knows, or by the id of a saga."""
    asked = request.args.get("id", "").strip().removeprefix("booking:")
    if BOOKING_NUMBER.fullmatch(asked):
        return redirect(url_for("ops.booking", booking_id=int(asked)), 303)
    if len(asked) == TEXT_LENGTH:
        booking_id = services().id_cipher.decrypt(IdKind.BOOKING, asked)
        return redirect(url_for("ops.booking", booking_id=booking_id), 303)
    record = services().operations().records.find_record(asked) if SAGA_ID.fullmatch(asked) else None
    if record is None:
        raise FieldWrong("that is neither a booking's number, nor its public id, nor the id of a saga that there is")
    return redirect(url_for("ops.booking", booking_id=record.state.booking_id) + f"#{asked}", 303)


# --- all at once ---------------------------------------------------------------------------


@contract(LOOK)
def preview(action: str) -> str:
    """How many sagas an intervention would be in, before it is one."""
    return _preview(_action(action), read_search(request.args), note=None)


def _preview(action: str, search: Search, *, note: str | None) -> str:
    try:
        found = _bulk().find(search.open)
    except TooMany:
        return page("bulk.html", action=action, search=search, found=None, most=MOST, note=note)
    return page("bulk.html", action=action, search=search, found=found, most=MOST, note=note)


def _act(action: str) -> str | tuple[str, int]:
    search = read_search(request.form)
    expected = given("expected", longest=10)
    if not expected.isdecimal():
        raise FieldWrong("expected: how many were shown")
    wish = Wish(action=action, by=session().account.name, why=given("why", longest=LONGEST_WHY))
    try:
        report = _bulk().act(search.open, wish, expected=int(expected))
    except CountChanged as changed:
        note = f"You were shown {expected}, and {changed.found} match now: nothing was done. Look again."
        return _preview(action, search, note=note), 409
    except TooMany:
        return _preview(action, search, note="Nothing was done."), 409
    return page("bulk_done.html", action=action, search=search, report=report)


@contract(stepping_in("bulk_retry"))
def retry_all() -> str | tuple[str, int]:
    """Retry all that match."""
    return _act("retry")


@contract(stepping_in("bulk_undo"))
def undo_all() -> str | tuple[str, int]:
    """Undo all that match."""
    return _act("undo")


@contract(stepping_in("bulk_resolve"))
def resolve_all() -> str | tuple[str, int]:
    """Resolve all that match."""
    return _act("resolve")


def _action(action: str) -> str:
    if action not in ACTIONS or not may_step_in():
        raise NotFound
    return action


def _bulk() -> BulkOperator:
    operations = services().operations()
    return BulkOperator(records=operations.records, operator=operations.operator)
