"""In and out of the console."""

from dataclasses import replace
from urllib.parse import urlsplit

import structlog
from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from api.contract import Contract, Limit, contract
from api.ops.guard import COOKIE, LOOK, set_cookie
from api.ops.render import page
from api.ops.sessions import LONGEST_PASSWORD, SignInRefused
from api.rate_limits import refuse_beyond
from api.services import services
from repositories.acting import acting
from repositories.entities.sagas import LONGEST_BY

log = structlog.get_logger()

DOOR = Contract(scope=None, limit=Limit.UNLIMITED, is_documented=False)
KNOCK = Contract(scope=None, limit=Limit.SIGN_IN, is_documented=False, audit="console.sign_in")
LEAVE = replace(LOOK, audit="console.sign_out")


@contract(DOOR)
def sign_in() -> str:
    """The form that asks for name and password."""
    return page("sign_in.html", message=None, next=_way_on(request.args.get("next")))


@contract(KNOCK)
def enter() -> AnyResponse | tuple[str, int]:
    """Begin a session, for the right name and password."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    way_on = _way_on(request.form.get("next"))
    refuse_beyond(services().limiter.of_stranger(Limit.SIGN_IN, f"operator {name[:LONGEST_BY]}"))
    sessions = services().ops.sessions
    try:
        account = sessions.check(name[:LONGEST_BY], password[:LONGEST_PASSWORD])
    except SignInRefused:
        log.warning("console_sign_in_refused")
        return page("sign_in.html", message=SignInRefused.__doc__, next=way_on), 403
    if (act := acting()) is not None:
        act.operator = account.name
    answer = redirect(way_on, 303)
    set_cookie(answer, sessions.begin(account))
    return answer


@contract(LEAVE)
def leave() -> AnyResponse:
    """End every session of this operator."""
    services().ops.sessions.sign_out(g.ops_session)
    g.ops_signed_out = True
    answer = redirect(url_for("ops.sign_in"), 303)
    answer.delete_cookie(COOKIE, path="/ops")
    return answer


def _way_on(wanted: str | None) -> str:
    """Where to after the sign-in: a page of the console, whatever a link says."""
    parts = urlsplit(wanted or "")
    is_ours = parts.scheme == parts.netloc == "" and parts.path.startswith("/ops/") and "\\" not in (wanted or "")
    return wanted if wanted and is_ours else url_for("ops.overview")
