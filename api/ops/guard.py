"""Who may see a page of the console, and which forms are its own. A page says what it needs in its contract.

    Contract.operators    VIEWER: looking; OPERATOR: stepping in. A page that says nothing needs OPERATOR.

Every POST must come from a page of ours: its Origin is this host, and the form carries the session's token. The cookie
is SameSite=Strict besides. Without a session a page leads to the sign-in, and a form is refused.
"""

from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from api.contract import Contract, Limit, contract_of
from api.errors import STORE_AWAY, NotFound, TooManyRequests
from api.ops.render import page
from api.ops.sessions import NoSession, Session, SignInRefused
from api.pagination import CursorWrong
from api.security.id_cipher import IdTampered
from api.services import services
from repositories.acting import acting
from repositories.enums import OperatorRole
from repositories.ports.errors import SagaMoved, StoreUnavailable
from saga.operators import NotPossible, SagaNotFound

log = structlog.get_logger()

COOKIE = "tahoon_ops"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would not name the origin of a form
}
TOKEN_FIELD = "form_token"  # noqa: S105
AUTOMATIC = "auto"  # in the query of a page that asked for itself again: nobody sits there
LOOK = Contract(scope=None, operators=OperatorRole.VIEWER, limit=Limit.UNLIMITED, is_documented=False)
OPEN_ENDPOINTS = {"ops.sign_in", "ops.enter", "ops.part"}


class RoleTooSmall(Exception):
    """You may look, and not step in."""


class ForeignForm(Exception):
    """This form does not come from a page of this console, or the page is too old. Go back, reload, and try again."""


class FieldWrong(Exception):
    """Something in the form is missing or wrong; the message says what."""


STATUS_OF: dict[type[Exception], int] = {
    SignInRefused: 403,
    RoleTooSmall: 403,
    ForeignForm: 403,
    FieldWrong: 400,
    CursorWrong: 400,
    IdTampered: 404,
    NotFound: 404,
    SagaNotFound: 404,
    NotPossible: 409,
    SagaMoved: 409,
    TooManyRequests: 429,
    StoreUnavailable: 503,
}
SPOKEN = (NotPossible, FieldWrong)  # whose own message was written for operators


def stepping_in(action: str) -> Contract:
    """The contract of a form that changes something."""
    return Contract(
        scope=None,
        operators=OperatorRole.OPERATOR,
        limit=Limit.UNLIMITED,
        is_documented=False,
        audit=f"console.{action}",
    )


def session() -> Session:
    """The session of whoever looks, once it was checked."""
    known: Session = g.ops_session
    return known


def may_step_in() -> bool:
    return session().account.role is OperatorRole.OPERATOR


def given(name: str, *, longest: int, default: str | None = None) -> str:
    """A field of the form, without blanks around. Raises FieldWrong."""
    text = request.form.get(name, "").strip()
    if "\0" in text or len(text) > longest:
        raise FieldWrong(f"{name}: at most {longest} characters")
    if not text and default is None:
        raise FieldWrong(f"{name} is missing")
    return text or default or ""


def guard(routes: Blueprint) -> None:
    routes.before_request(ask_who_looks)
    routes.after_request(keep_session)
    for kind in (*STATUS_OF, NoSession, HTTPException, Exception):
        routes.register_error_handler(kind, answer_refusal)


def ask_who_looks() -> None:
    if request.method == "POST" and not _is_from_here():
        raise ForeignForm
    if request.endpoint in OPEN_ENDPOINTS:
        return
    g.ops_session = services().ops.sessions.read(request.cookies.get(COOKIE, ""))
    promise = contract_of(request.endpoint)
    wanted = (promise.operators if promise else None) or OperatorRole.OPERATOR
    if wanted is OperatorRole.OPERATOR and not may_step_in():
        raise RoleTooSmall
    if request.method == "POST":
        if not services().ops.sessions.is_form_token(request.form.get(TOKEN_FIELD, ""), session()):
            raise ForeignForm
        if (act := acting()) is not None:
            act.operator = session().account.name


def _is_from_here() -> bool:
    """By the host alone: behind a proxy that ends TLS the scheme is not ours to know."""
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host


def keep_session(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    if "ops_session" in g and AUTOMATIC not in request.args and not g.get("ops_signed_out"):
        renewed = services().ops.sessions.seen(session())
        if renewed is not None:
            set_cookie(answer, renewed)
    return answer


def set_cookie(answer: AnyResponse, begun: Session) -> None:
    sessions = services().ops.sessions
    answer.set_cookie(
        COOKIE,
        sessions.write(begun),
        max_age=sessions.lifetime,
        path="/ops",
        secure=sessions.is_secure,
        httponly=True,
        samesite="Strict",
    )


def answer_refusal(error: Exception) -> AnyResponse | tuple[str, int] | tuple[str, int, dict[str, str]]:
    if isinstance(error, NoSession):
        if request.method == "POST":
            return page("refused.html", message="Your session has ended. Sign in, and do it again."), 401
        return redirect(url_for("ops.sign_in", next=request.full_path.rstrip("?")), 303)
    if isinstance(error, HTTPException):
        return page("refused.html", message=f"{error.name}."), error.code or 500
    kind = next((kind for kind in type(error).__mro__ if kind in STATUS_OF), None)
    if kind is None:
        log.error("request_failed", error=type(error).__name__)  # its text and locals may be personal
        return page("refused.html", message="Something went wrong on our side; the log has the request's id."), 500
    message = STORE_AWAY if kind is StoreUnavailable else (kind.__doc__ or "").strip()
    if isinstance(error, SPOKEN) and str(error):
        message = f"{str(error)[0].upper()}{str(error)[1:]}."
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooManyRequests) else {}
    return page("refused.html", message=message), STATUS_OF[kind], headers
