"""The first page: how all bookings, services, queues and workers stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from api.contract import contract
from api.ops.guard import AUTOMATIC, LOOK, given, session, stepping_in
from api.ops.render import page
from api.services import services
from repositories.entities.board import Minute
from repositories.entities.sagas import LONGEST_WHY
from repositories.entities.services import ServiceAudit, ServiceView
from repositories.enums import OPEN_STATUSES, Service
from saga.breaker import Permit, permit
from saga.in_words import shut

REFRESH_SECONDS = 10
TRAIL = 5  # lines of what operators did to a service
CHART = (600, 80)  # width and height, in the chart's own units
IN_WORDS = {
    Permit.ASK: ("answers", "good"),
    Permit.OPEN: ("not asked: breaker open", "bad"),
    Permit.PROBE: ("tried again now", "warn"),
    Permit.PAUSED: ("paused", "warn"),
}


@dataclass(frozen=True, kw_only=True)
class ServiceCard:
    view: ServiceView
    word: str
    tone: str
    why: str
    waiting: int
    places: tuple[int, int] | None  # taken, and how many there are
    trail: tuple[ServiceAudit, ...]

    @property
    def can_resume(self) -> bool:
        return self.view.state.paused_at is not None or self.view.state.trouble is not None


@dataclass(frozen=True, kw_only=True)
class Bar:
    x: float
    y: float
    height: float
    tone: str


@contract(LOOK)
def overview() -> str:
    """How everything stands."""
    is_live = request.args.get("refresh") != "off"
    now = services().clock()
    board, broker = services().ops.boards.look(now=now), services().ops.broker()
    return page(
        "overview.html",
        board=board,
        by_status={status: sum(c.sagas for c in board.crowds if c.status is status) for status in OPEN_STATUSES},
        broker=broker,
        cards=cards(now, has_broker=broker.queues is not None),
        bars=bars(board.minutes),
        most=max((minute.ended for minute in board.minutes), default=0),
        ended=sum(minute.ended for minute in board.minutes),
        chart=CHART,
        is_live=is_live,
        refresh=f"{REFRESH_SECONDS};url={url_for('ops.overview')}?{AUTOMATIC}=1" if is_live else None,
    )


def cards(now: datetime, *, has_broker: bool) -> list[ServiceCard]:
    outside, places = services().operations().outside, services().ops.places() if has_broker else {}
    waiting = outside.count_waiting()
    return [
        ServiceCard(
            view=view,
            word=IN_WORDS[permit(view.state, now)][0],
            tone=IN_WORDS[permit(view.state, now)][1],
            why="" if permit(view.state, now) is Permit.ASK else shut(view, now),
            waiting=waiting.get(service, 0),
            places=places.get(service),
            trail=tuple(outside.trail(service, limit=TRAIL)),
        )
        for service, view in outside.look().items()
    ]


def bars(minutes: Sequence[Minute]) -> list[Bar]:
    """The chart of the last hour: what was done at the bottom, what was undone upon it."""
    width, height = CHART
    most = max((minute.ended for minute in minutes), default=0) or 1
    found = []
    for place, minute in enumerate(minutes):
        x, top = place * width / max(len(minutes), 1), float(height)
        for count, tone in ((minute.done, "good"), (minute.undone, "warn"), (minute.resolved, "calm")):
            if count:
                tall = max(count / most * height, 1.0)
                top -= tall
                found.append(Bar(x=round(x, 1), y=round(max(top, 0.0), 1), height=round(tall, 1), tone=tone))
    return found


@contract(stepping_in("pause"))
def pause(service: str) -> AnyResponse:
    """Have nobody ask this service; sagas wait for it."""
    services().operations().outside.pause(
        named(service), by=session().account.name, why=given("why", longest=LONGEST_WHY)
    )
    return redirect(url_for("ops.overview"), 303)


@contract(stepping_in("resume"))
def resume(service: str) -> AnyResponse:
    """Have it asked again."""
    services().operations().outside.resume(
        named(service), by=session().account.name, why=given("why", longest=LONGEST_WHY)
    )
    return redirect(url_for("ops.overview"), 303)


def named(service: str) -> Service:
    try:
        return Service(service)
    except ValueError as error:
        raise NotFound from error
