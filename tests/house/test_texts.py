"""Whatever text comes in is judged: every field of every request, also of those that are written later."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, fields

from api.contract import Contract
from api.schemas.fields import SafeText
from tests.unit.api.world import World

WORLD = World()

# Texts that are compared, decrypted or digested, and never shown to anyone.
NEVER_SHOWN = {
    "access_key", "client_secret", "grant_type", "refresh_token", "scope", "token", "token_type_hint",  # OAuth
    "secureHash", "cursor", "after", "action",
    "bookings",  # of bulkbooksession: each is read as a body of booksession
}  # fmt: skip


def request_schemas() -> Iterator[tuple[str, type[Schema]]]:
    views: dict[str, Any] = dict(WORLD.app.view_functions)
    for rule in WORLD.app.url_map.iter_rules():
        promise: Contract = views[rule.endpoint].contract
        for schema in (promise.body, promise.query):
            if schema is not None and rule.rule.startswith("/api/v1"):
                yield rule.rule, schema


def leaves(field: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    match field:
        case fields.Nested():
            for inner in field.schema._declared_fields.values():
                yield from leaves(inner)
        case fields.List():
            yield from leaves(field.inner)
        case _:
            yield field


def request_fields() -> list[tuple[str, str, fields.Field[Any]]]:
    return [
        (path, declared.data_key or name, leaf)
        for path, schema in request_schemas()
        for name, declared in schema._declared_fields.items()
        for leaf in leaves(declared)
    ]


def is_judged(field: fields.Field[Any]) -> bool:
    """Whether what it takes is a safe text, or no text that could say anything: an id, a date, a number."""
    reads_itself = type(field)._deserialize is not fields.String._deserialize and type(field).__module__.startswith(
        "api."
    )
    return isinstance(field, SafeText | fields.Number | fields.Boolean) or reads_itself


@pytest.mark.parametrize(("path", "name", "field"), request_fields(), ids=lambda value: str(value)[:60])
def test_every_field_of_every_request_is_judged(path: str, name: str, field: fields.Field[Any]) -> None:
    assert is_judged(field) or name in NEVER_SHOWN, f"{path}: make {name} a SafeText, or say why not"


def test_a_plain_text_would_be_found() -> None:
    assert not is_judged(fields.String())
    assert not is_judged(fields.Dict())
    assert not is_judged(fields.Raw())
    assert len(request_fields()) > 50


def test_html_is_allowed_where_it_is_listed_and_nowhere_else() -> None:
    allowed = {name for path, name, field in request_fields() if isinstance(field, SafeText) and field.allows_html}
    assert allowed == {"answers"}
