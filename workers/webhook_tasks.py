"""The doorbells of events and webhooks: announce what was written, deliver what is due of an endpoint."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.announce import Announce
from saga.deliver_webhooks import DeliverWebhooks, SweepWebhooks

log = structlog.get_logger()

ANNOUNCE = "announce"
DELIVER = "deliver_webhooks"
UNAVAILABLE = "database unavailable"


def register_announcing(app: Celery, announce: Callable[[], Announce]) -> None:
    def run() -> str:
        try:
            return f"announced {announce()()}"
        except StoreUnavailable:
            log.warning("announcing_database_unavailable")
            return UNAVAILABLE

    app.task(name=ANNOUNCE)(run)


def register_webhooks(app: Celery, deliver: Callable[[], DeliverWebhooks], sweep: Callable[[], SweepWebhooks]) -> None:
    def run(endpoint_id: int) -> str:
        with structlog.contextvars.bound_contextvars(endpoint_id=endpoint_id):
            try:
                return deliver()(endpoint_id)
            except StoreUnavailable:  # what is under way comes back when its lease ends
                log.warning("webhooks_database_unavailable")
                return UNAVAILABLE

    def ring_due() -> str:
        try:
            return f"rang for {sweep()()}"
        except StoreUnavailable:
            log.warning("webhooks_database_unavailable")
            return UNAVAILABLE

    app.task(name=DELIVER)(run)
    app.task(name="sweep_webhooks")(ring_due)
