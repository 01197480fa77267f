"""A command that changes something leaves its deed for the audit log, as a request does."""

import getpass
import uuid
from typing import Any

import click
import structlog
from flask.cli import with_appcontext

from api.services import services
from repositories.acting import Act, during


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return ""


class AuditedCommand(click.Command):
    """Whatever it writes is written by this operator: the one that `--by` names, or whoever is logged in."""

    def invoke(self, ctx: click.Context) -> Any:
        return with_appcontext(lambda: self._act(ctx))()

    def _act(self, ctx: click.Context) -> Any:
        group = ctx.parent.info_name if ctx.parent is not None and ctx.parent.parent is not None else None
        act = Act(
            action=".".join(filter(None, ("operator", group, ctx.info_name))),
            request_id=uuid.uuid4().hex,
            clock=services().clock,
            operator=ctx.params.get("by") or user_name() or None,
        )
        with during(act), structlog.contextvars.bound_contextvars(request_id=act.request_id):
            return super().invoke(ctx)
