"""Idempotency-Key: a partner's promise that two requests are one; per organization, for 24 hours.

A view of a command that changes something reads

    key = idempotency_key("register", body)
    change = earlier_change(key) or services().users.register_once(..., key=key)
    return replayed(jsonify(...), is_replay=change.is_replay)

The first line of defence is earlier_change, which answers a replay before anything is judged anew; the second is the
repository, which keeps the key in the transaction of the change (repositories/idempotency.py).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from api.auth import caller
from api.errors import InvalidBody
from api.services import services
from repositories.entities.idempotency import Change, IdempotencyKey

HEADER = "Idempotency-Key"
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(command: str, body: Mapping[str, Any]) -> IdempotencyKey | None:
    """The request's Idempotency-Key with a digest of what it asks for. Raises InvalidBody."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not VISIBLE_ASCII.fullmatch(key):
        raise InvalidBody([{"field": HEADER, "message": "Must be 1 to 255 visible ASCII characters."}])
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return IdempotencyKey(key=key, body_digest=hashlib.sha256(f"{command} {canonical}".encode()).hexdigest())


def earlier_change(key: IdempotencyKey | None) -> Change | None:
    """What this request changed in PsyterDatabase when it came before. Raises KeyReused."""
    now = services().clock()
    return services().changes.find_change(key, organization_id=caller().organization_id, now=now)


def replayed(answer: Response, *, is_replay: bool) -> Response:
    """The answer, marked if an earlier request had made the change."""
    if is_replay:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer
