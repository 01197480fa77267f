"""The doorbells of pushes: send one, and look for those that are due."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.notify import SEND_PUSH

log = structlog.get_logger()

UNAVAILABLE = "database unavailable"


def register_pushes(
    app: Celery, send: Callable[[], Callable[[int], str]], sweep: Callable[[], Callable[[], int]]
) -> None:
    def send_push(push_id: str) -> str:
        with structlog.contextvars.bound_contextvars(push_id=push_id):
            try:
                return send()(int(push_id))
            except StoreUnavailable:
                log.warning("pushes_unavailable")
                return UNAVAILABLE

    def sweep_pushes() -> str:
        try:
            return f"nudged {sweep()()}"
        except StoreUnavailable:
            log.warning("pushes_unavailable")
            return UNAVAILABLE

    app.task(name=SEND_PUSH)(send_push)
    app.task(name="sweep_pushes")(sweep_pushes)
