"""Idempotency keys of changes in SchedulingDatabase."""

from repositories.idempotency import KeyRows
from repositories.scheduling_db.tables import idempotency_keys

SCHEDULING_KEYS = KeyRows(idempotency_keys)
