"""Hooks of schemathesis: what a generated request cannot know, real ids and a signature, is put in before it is sent.

KNOWN_IDS is a JSON object of wire names and public ids; SHARED_API_KEY signs.
"""

import json
import os
import re
from typing import Any

import schemathesis

from api.security.secure_hash import secure_hash

PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{43}")
KNOWN: dict[str, str] = json.loads(os.environ["KNOWN_IDS"])


def with_known_ids(part: Any) -> Any:
    """Every well-formed id by one that exists; what is no id, or malformed on purpose, stays."""
    if isinstance(part, list):
        return [with_known_ids(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {name: _known(name, value) for name, value in part.items()}


def _known(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_known(name.removesuffix("s"), one) for one in value]
    is_id = isinstance(value, str) and PUBLIC_ID.fullmatch(value) is not None
    return KNOWN.get(name, value) if is_id else with_known_ids(value)


def signed(body: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in body.items() if name != "secureHash"}
    try:
        return {**body, "secureHash": secure_hash(fields, os.environ["SHARED_API_KEY"])}
    except TypeError:  # a list or an object where none belongs: it is refused anyway
        return body


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    if isinstance(case.path_parameters, dict):
        case.path_parameters = with_known_ids(case.path_parameters)
    if isinstance(case.query, dict):
        case.query = with_known_ids(case.query)
    if isinstance(case.body, dict):
        body = with_known_ids(case.body)
        case.body = signed(body) if "secureHash" in body else body
