"""A JSON body, read strictly: one object, no doubled keys, no NaN, nothing that a database or a hash could choke on."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from flask import Request, g
from werkzeug.exceptions import UnsupportedMediaType

from api.errors import BodyTooComplex, InvalidBody, MalformedBody

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
LARGEST = 2**63 - 1
DEEPEST = 20
MOST_VALUES = 5_000  # in one body, however they nest


def json_object(request: Request) -> dict[str, Any]:
    """The body, read once. Raises UnsupportedMediaType (415), MalformedBody, BodyTooComplex, InvalidBody."""
    if "body" not in g:
        g.body = _read(request)
    body: dict[str, Any] = g.body
    return body


def _read(request: Request) -> dict[str, Any]:
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        body = json.loads(
            request.get_data().decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedBody from error
    if not isinstance(body, dict):
        raise MalformedBody
    if sum(1 for _ in islice(_values_in(body), MOST_VALUES + 1)) > MOST_VALUES:
        raise BodyTooComplex
    for name, value in body.items():
        if not _is_storable(name) or not _is_storable(value):
            raise InvalidBody([{"field": name if _is_storable(name) else "", "message": "Not a valid value."}])
    return body


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a key stands twice")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _values_in(value: Any) -> Iterator[Any]:
    """Every value, at whatever depth."""
    ahead = [value]
    while ahead:
        one = ahead.pop()
        yield one
        if isinstance(one, dict | list):
            ahead += one.values() if isinstance(one, dict) else one


def _is_storable(value: Any, depth: int = 0) -> bool:
    """No NUL and no lone surrogate in a text, no integer beyond 64 bits, no endless nesting."""
    if isinstance(value, str):
        return UNSTORABLE.search(value) is None
    if isinstance(value, int):
        return -LARGEST <= value <= LARGEST
    if isinstance(value, float):
        return abs(value) < float("inf")
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return depth < DEEPEST and all(_is_storable(one, depth + 1) for one in inner)
    return True
