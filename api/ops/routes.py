"""Every page of the console. A new one is a view with a contract, a line here, and if need be a line in base.html."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from api.contract import Contract, Limit, contract
from api.ops import booking, overview, search, sign_in
from api.ops.guard import guard
from api.ops.render import add_filters

STATIC = Path(__file__).parent / "static"
OPEN = Contract(scope=None, limit=Limit.UNLIMITED, is_documented=False)
CACHED = "public, max-age=300"


def blueprint() -> Blueprint:
    routes = Blueprint("ops", __name__, template_folder="templates")
    guard(routes)
    add_filters(routes)
    routes.get("/static/<name>")(part)
    routes.get("/login")(sign_in.sign_in)
    routes.post("/login")(sign_in.enter)
    routes.post("/logout")(sign_in.leave)
    routes.get("/")(overview.overview)
    routes.post("/services/<service>/pause")(overview.pause)
    routes.post("/services/<service>/resume")(overview.resume)
    routes.get("/sagas")(search.sagas)
    routes.get("/find")(search.find)
    routes.get("/bulk/<action>")(search.preview)
    routes.post("/bulk/retry")(search.retry_all)
    routes.post("/bulk/undo")(search.undo_all)
    routes.post("/bulk/resolve")(search.resolve_all)
    routes.get("/bookings/<int:booking_id>")(booking.booking)
    for act in (booking.retry, booking.skip, booking.undo, booking.resolve):
        routes.post(f"/sagas/<saga_id>/{act.__name__}")(act)
    return routes


@contract(OPEN)
def part(name: str) -> Response:
    """The stylesheet, and the icon."""
    answer = send_from_directory(STATIC, name)
    answer.headers["Cache-Control"] = CACHED
    return answer
