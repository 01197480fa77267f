"""The doorbell of the audit log: seal what waits."""

from collections.abc import Callable

import structlog
from celery import Celery

from repositories.ports.errors import StoreUnavailable
from saga.audit import SealAudit

log = structlog.get_logger()


def register_audit(app: Celery, seal_audit: Callable[[], SealAudit]) -> None:
    def run() -> str:
        try:
            sealed = seal_audit()()
        except StoreUnavailable:
            log.warning("audit_store_unavailable")
            return "database unavailable"
        return f"sealed {sealed}"

    app.task(name="seal_audit")(run)
