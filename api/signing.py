"""secureHash of a request: the fields that the partner signed, checked under its SharedAPIKey.

A route whose contract is signed is checked here, before its view, so that no view can forget it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Flask, request
from marshmallow import Schema

from api.auth import Caller, caller
from api.contract import contract_of
from api.errors import SecureHashWrong
from api.schemas import loaded
from api.schemas.fields import SecureHash
from api.security.secure_hash import is_secure_hash
from api.strict_json import json_object


def check_signatures(app: Flask) -> None:
    @app.before_request
    def check() -> None:
        promise = contract_of(request.endpoint)
        if promise is not None and promise.is_signed and promise.body is not None and request.method != "OPTIONS":
            check_secure_hash(json_object(request), promise.body, caller())


def check_secure_hash(body: Mapping[str, Any], schema: type[Schema], who: Caller) -> None:
    """Raises SecureHashWrong unless the partner signed exactly these fields; or what the schema has to say of them."""
    if not _is_signed(body, schema, who):
        loaded(schema(), body)
        raise SecureHashWrong


def _is_signed(body: Mapping[str, Any], schema: type[Schema], who: Caller) -> bool:
    given = body.get(SecureHash.NAME)
    signed = {name: value for name, value in body.items() if name not in _unsigned(schema)}
    return isinstance(given, str) and is_secure_hash(given, signed, who.shared_api_key())


@cache
def _unsigned(schema: type[Schema]) -> frozenset[str]:
    """The wire names of the fields that are no part of the hash."""
    kept = schema._declared_fields.items()
    return frozenset(field.data_key or name for name, field in kept if not field.metadata.get("is_hashed", True))
