"""Idempotency keys of changes in PsyterDatabase."""

from repositories.idempotency import KeyRows
from repositories.psyter_db.tables import idempotency_keys

PSYTER_KEYS = KeyRows(idempotency_keys)
