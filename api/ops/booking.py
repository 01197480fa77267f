"""One booking: its sagas as timelines, why each is where it is, and what may be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.contract import contract
from api.errors import NotFound
from api.ops.guard import LOOK, given, session, stepping_in
from api.ops.render import page
from api.security.id_cipher import IdKind
from api.services import services
from repositories.entities.sagas import LONGEST_WHY, Attempt, SagaRecord, SagaState
from repositories.enums import BookingStatus
from saga.definition import Table
from saga.in_words import why
from saga.operators import LONGEST_ANSWER, Intervention, Offer, SagaNotFound

SHORTEST_WAIT = timedelta(milliseconds=200)  # less is no wait, but the time between two lines
WIDTH = 200.0  # of the drawing of a timeline, in its own units
LARGEST_ID = 2**63 - 1
BOOKING_WORDS = {
    BookingStatus.PENDING: ("pending", "live"),
    BookingStatus.CONFIRMED: ("confirmed", "good"),
    BookingStatus.CANCELLED: ("cancelled", "calm"),
    BookingStatus.FAILED: ("failed", "bad"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a drawn timeline: an attempt, or the wait before one."""

    attempt: Attempt | None  # None: a wait
    asks: str | None  # the outside service that was called
    starts_at: datetime
    length: timedelta
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """A saga as its page tells it."""

    record: SagaRecord
    why: str
    offer: Offer
    lines: Sequence[Line]
    steps: Sequence[tuple[str, str]]  # each of the table's, and how far it is: done, here, ahead


@contract(LOOK)
def booking(booking_id: int) -> str:
    """One booking, with all its sagas."""
    return _page_of(booking_id)


def _page_of(booking_id: int) -> str:
    found = services().operations().records.find_sagas_of(booking_id) if booking_id <= LARGEST_ID else []
    if not found:
        raise NotFound
    organization_id = int(found[0].input["organization_id"])
    kept = services().bookings.find_booking(booking_id, organization_id=organization_id)
    word, tone = ("not known", "calm") if kept is None else BOOKING_WORDS[kept.status]
    return page(
        "booking.html",
        booking_id=booking_id,
        public_id=services().id_cipher.encrypt(IdKind.BOOKING, booking_id),
        organization_id=organization_id,
        kept=kept,
        word=word,
        tone=tone,
        stories=_stories(found),
        longest_answer=LONGEST_ANSWER,
        done=request.args.get("done") if request.args.get("done") in NOTES else None,
        notes=NOTES,
    )


NOTES = {
    "retry": "It runs again, with all its tries before it.",
    "skip": "It went on as if the step were done.",
    "undo": "It turned back.",
    "resolve": "It is closed.",
}


def _stories(found: Sequence[SagaState]) -> list[Story]:
    """Of all its sagas, the newest first."""
    operations, now = services().operations(), services().clock()
    views, stories = operations.outside.look(), []
    for record in filter(None, (operations.records.find_record(state.id) for state in reversed(found))):
        saga = operations.operator.sagas.get(record.state.name)
        table = saga.table if saga is not None else ()
        story = Story(
            record=record,
            why=why(saga, record, views, now=now),
            offer=operations.operator.offer(record.state),
            lines=drawn(record, table),
            steps=progress(record.state, table),
        )
        stories.append(story)
    return stories


def drawn(record: SagaRecord, table: Table) -> list[Line]:
    """Attempts and the waits between them, on one scale from the first to the last."""
    asks = {step.name: step.asks for step in table}
    if not record.timeline:
        return []
    first = min(record.state.created_at, record.timeline[0].started_at)
    last = max(attempt.started_at + (attempt.duration or timedelta()) for attempt in record.timeline)
    scale = WIDTH / max((last - first).total_seconds(), 0.001)
    lines, free_at = [], first

    def line(attempt: Attempt | None, starts_at: datetime, length: timedelta) -> Line:
        service = asks.get(attempt.step) if attempt is not None else None
        x = (starts_at - first).total_seconds() * scale
        return Line(
            attempt=attempt,
            asks=None if service is None else service.value,
            starts_at=starts_at,
            length=length,
            x=round(min(x, WIDTH - 1), 1),
            width=round(max(length.total_seconds() * scale, 1.0), 1),
        )

    for attempt in record.timeline:
        if attempt.started_at - free_at >= SHORTEST_WAIT:
            lines.append(line(None, free_at, attempt.started_at - free_at))
        length = attempt.duration or timedelta()
        lines.append(line(attempt, attempt.started_at, length))
        free_at = max(free_at, attempt.started_at + length)
    return lines


def progress(state: SagaState, table: Table) -> list[tuple[str, str]]:
    """The steps of the table, each with how far it is."""
    names = [step.name for step in table]
    if state.step not in names:
        return [(name, "over") for name in names]
    here = names.index(state.step)
    return [
        (name, "over" if place < here else "here" if place == here else "ahead") for place, name in enumerate(names)
    ]


# --- stepping in -------------------------------------------------------------------------


@contract(stepping_in("retry"))
def retry(saga_id: str) -> AnyResponse:
    """Run the saga now, with its tries and its age before it again."""
    return _after(services().operations().operator.retry(_wish(saga_id)), "retry")


@contract(stepping_in("skip"))
def skip(saga_id: str) -> AnyResponse:
    """Go on as if the step that was seen were done."""
    operator = services().operations().operator
    record = services().operations().records.find_record(saga_id)
    if record is None:
        raise SagaNotFound
    receipt = {name: given(f"answer_{name}", longest=LONGEST_ANSWER) for name in operator.offer(record.state).answers}
    return _after(operator.skip(_wish(saga_id), step=given("step", longest=40), receipt=receipt), "skip")


@contract(stepping_in("undo"))
def undo(saga_id: str) -> AnyResponse:
    """Turn the saga back from where it stands."""
    return _after(services().operations().operator.undo(_wish(saga_id)), "undo")


@contract(stepping_in("resolve"))
def resolve(saga_id: str) -> AnyResponse:
    """Close a stuck saga that was mended by hand."""
    return _after(services().operations().operator.resolve(_wish(saga_id)), "resolve")


def _wish(saga_id: str) -> Intervention:
    return Intervention(saga_id=saga_id, by=session().account.name, why=given("why", longest=LONGEST_WHY))


def _after(state: SagaState, action: str) -> AnyResponse:
    return redirect(url_for("ops.booking", booking_id=state.booking_id, done=action), 303)
