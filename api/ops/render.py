"""How the console's templates show instants, spans and words."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template
from markupsafe import Markup, escape

from api.services import services
from repositories.enums import OperatorRole, OutcomeWord, Reason, SagaStatus
from saga.in_words import CALLED, clock, many, span

TONES = {  # of a state or an outcome, as the stylesheet knows them
    SagaStatus.RUNNING: "live",
    SagaStatus.UNDOING: "warn",
    SagaStatus.STUCK: "bad",
    SagaStatus.DONE: "good",
    SagaStatus.UNDONE: "calm",
    SagaStatus.RESOLVED: "calm",
    OutcomeWord.DONE: "good",
    OutcomeWord.REFUSED: "bad",
    OutcomeWord.UNAVAILABLE: "warn",
    OutcomeWord.UNKNOWN: "warn",
    OutcomeWord.MISCONFIGURED: "bad",
    OutcomeWord.BUG: "bad",
    OutcomeWord.EXPIRED: "warn",
    OutcomeWord.WITHDRAWN: "calm",
    OutcomeWord.POISON: "bad",
    OutcomeWord.HELD: "calm",
    OutcomeWord.SKIPPED: "calm",
}


def page(template: str, **shown: Any) -> str:
    """A page of the console, with what every one of them shows."""
    session = g.get("ops_session")
    return render_template(
        f"ops/{template}",
        now=services().clock(),
        me=None if session is None else session.account,
        may_step_in=session is not None and session.account.role is OperatorRole.OPERATOR,
        form_token="" if session is None else services().ops.sessions.form_token(session),
        **shown,
    )


def add_filters(routes: Blueprint) -> None:
    routes.app_template_filter("ops_time")(shown_time)
    routes.app_template_filter("ops_span")(span)
    routes.app_template_filter("ops_ago")(shown_ago)
    routes.app_template_filter("ops_many")(many)
    routes.app_template_filter("ops_tone")(lambda word: TONES.get(word, "calm"))
    routes.app_template_filter("ops_reason")(shown_reason)
    routes.app_template_filter("ops_name")(breakable)
    routes.app_template_filter("ops_called")(lambda service: CALLED[service])


def breakable(name: str | None) -> Markup:
    """A name such as create_meeting, which a narrow page may break after its underscores."""
    return escape(name or "-").replace("_", Markup("_<wbr>"))


def shown_time(at: datetime | None) -> str:
    return "-" if at is None else clock(at, services().clock())


def shown_ago(at: datetime | None) -> str:
    return "-" if at is None else f"{span(max(services().clock() - at, timedelta()))} ago"


def shown_reason(reason: Reason | None) -> str:
    return "" if reason is None else f"{int(reason)} {reason.name.lower().replace('_', ' ')}"
