"""Who did what: every request whose contract names an action leaves its deed for the audit log.

A change leaves it in its own transaction (repositories/acting.py). What changes nothing leaves it before the answer: a
read that is audited is answered only if its deed is written, a refusal or a repeat also if it is not.
"""

import structlog
from flask import Flask, Response, g, make_response, request

from api.contract import contract_of
from api.errors import answer_known
from api.services import services
from repositories.acting import Act, acting, begin
from repositories.enums import DeedOutcome, Reason
from repositories.ports.errors import StoreUnavailable

log = structlog.get_logger()

READING = {"GET", "HEAD"}
NOT_KEPT = {Reason.TOO_MANY_REQUESTS}  # or whoever calls too often would write too often


def audit_requests(app: Flask) -> None:
    @app.before_request
    def begin_act() -> None:
        promise = contract_of(request.endpoint)
        if promise is None or promise.audit is None or request.method == "OPTIONS":
            begin(None)
            return
        begin(
            Act(
                action=promise.audit,
                request_id=g.request_id,
                clock=services().clock,
                http_status=promise.accepted_status,
            )
        )

    @app.after_request
    def leave_deed(answer: Response) -> Response:
        act = acting()
        if act is None or act.organization_id is None or g.get("refused") in NOT_KEPT:
            return answer
        if "refused" not in g and act.deeds_left and not act.refused_parts:
            return answer
        act.subjects += act.refused_parts
        return _left_by_itself(act, answer)

    @app.teardown_request
    def end_act(_error: BaseException | None) -> None:
        begin(None)


def _left_by_itself(act: Act, answer: Response) -> Response:
    """The deed of a request that changed nothing, or was refused."""
    act.outcome = DeedOutcome.REFUSED if "refused" in g else DeedOutcome.ANSWERED
    act.reason, act.http_status = g.get("refused"), answer.status_code
    try:
        services().audit_outbox.leave()
    except StoreUnavailable as error:
        if request.method in READING and act.outcome is DeedOutcome.ANSWERED:
            return make_response(*answer_known(error))
        log.error("audit_deed_lost", action=act.action, outcome=act.outcome.value)
    return answer
