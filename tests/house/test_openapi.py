"""The OpenAPI document is valid, and what it says of every route is so."""

import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple

import pytest
from openapi_spec_validator import validate

from api.contract import Contract
from api.openapi import document
from api.security.scopes import SCOPES_OF, Scope
from repositories.enums import Reason, Role
from tests.unit.api.world import World

WORLD = World()
DOCUMENT = document(WORLD.app)
TAMPERED = "A" * 43


class Operation(NamedTuple):
    method: str
    path: str
    said: dict[str, Any]

    @property
    def url(self) -> str:
        return re.sub(r"{\w+}", TAMPERED, self.path)


OPERATIONS = [
    Operation(method, path, said) for path, methods in DOCUMENT["paths"].items() for method, said in methods.items()
]


def named(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def those(what: str) -> list[Operation]:
    return [operation for operation in OPERATIONS if what in operation.said]


every = pytest.mark.parametrize("operation", OPERATIONS, ids=named)
closed = pytest.mark.parametrize("operation", those("security"), ids=named)
with_body = pytest.mark.parametrize("operation", those("requestBody"), ids=named)


def called(
    operation: Operation,
    *,
    headers: dict[str, str] | None = None,
    scopes: Collection[Scope] = tuple(Scope),
    **sent: Any,
) -> Any:
    world = World()
    given = headers if headers is not None else world.bearer(scopes=scopes)
    return world.client.open(operation.url, method=operation.method.upper(), headers=given, **sent)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_every_route_with_a_contract_is_in_it() -> None:
    promised = {
        rule.rule
        for rule in WORLD.app.url_map.iter_rules()
        if promise_of(rule.endpoint).is_documented and (rule.rule.startswith("/api/v1/") or "/api/" not in rule.rule)
    }
    assert len(promised) == len(DOCUMENT["paths"])


def promise_of(endpoint: str) -> Contract:
    view: Any = WORLD.app.view_functions[endpoint]
    promise: Contract = view.contract
    return promise


@every
def test_every_operation_says_what_it_answers(operation: Operation) -> None:
    assert operation.said["summary"]
    assert any(status.startswith("2") for status in operation.said["responses"])
    assert any("content" in answer for status, answer in operation.said["responses"].items() if status[0] == "2") or (
        "204" in operation.said["responses"]
    )


@with_body
def test_every_body_has_an_example_with_all_it_needs(operation: Operation) -> None:
    for content in operation.said["requestBody"]["content"].values():
        name = content["schema"]["$ref"].rpartition("/")[2]
        schema = DOCUMENT["components"]["schemas"][name]
        assert set(schema.get("required", [])) <= set(content["example"]) <= set(schema["properties"])


@closed
def test_without_a_token_it_is_401(operation: Operation) -> None:
    assert "401" in operation.said["responses"]
    assert called(operation, headers={}).status_code == 401


@closed
def test_without_its_scope_it_is_403(operation: Operation) -> None:
    (scopes,) = (wanted["bearer"] for wanted in operation.said["security"])
    assert scopes
    assert "403" in operation.said["responses"]
    others = tuple(scope for scope in Scope if scope not in scopes)
    answer = called(operation, scopes=others)
    assert (answer.status_code, answer.json["reason"]) == (403, Reason.FORBIDDEN)


@closed
def test_a_reader_may_read_and_change_nothing(operation: Operation) -> None:
    (scopes,) = (wanted["bearer"] for wanted in operation.said["security"])
    if operation.method not in {"get", "head"} and not all(scope.endswith(":read") for scope in scopes):
        assert not {Scope(scope) for scope in scopes} & SCOPES_OF[Role.READ_ONLY]


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if "{" in o.path], ids=named)
def test_an_id_that_is_not_ours_is_400(operation: Operation) -> None:
    url = operation.path.partition("{")[0] + TAMPERED
    assert "400" in operation.said["responses"]
    if operation.path.count("{") == 1 and operation.path.endswith("}") and "requestBody" not in operation.said:
        answer = WORLD.client.open(url, method=operation.method.upper(), headers=WORLD.bearer(scopes=tuple(Scope)))
        assert answer.status_code == 400
        assert answer.json["errors"][0]["field"]


@with_body
def test_a_body_too_large_is_413(operation: Operation) -> None:
    answer = called(operation, data=b'{"a": "' + b"x" * 200_000 + b'"}', content_type="application/json")
    assert (answer.status_code, answer.json["reason"]) == (413, Reason.BODY_TOO_LARGE)
    assert "413" in operation.said["responses"]


@with_body
def test_another_content_type_is_415(operation: Operation) -> None:
    answer = called(operation, data="<xml/>", content_type="application/xml")
    assert (answer.status_code, answer.json["reason"]) == (415, Reason.UNSUPPORTED_MEDIA_TYPE)
    assert "415" in operation.said["responses"]


@with_body
def test_an_unknown_field_is_named(operation: Operation) -> None:
    for media in operation.said["requestBody"]["content"]:
        if media == "application/json":
            answer = called(operation, data=json.dumps({"unheardOf": 1}), content_type=media)
            assert answer.status_code == 400
            assert answer.json["errors"]


def test_swagger_ui_asks_nobody_else() -> None:
    page = WORLD.client.get("/docs")
    assert page.status_code == 200
    assert "://" not in page.text
    assert WORLD.client.get("/docs/start.js").status_code == 200
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        assert f"/docs/{part}" in page.text
        with WORLD.client.get(f"/docs/{part}") as answer:
            assert answer.status_code == 200
    assert WORLD.client.get("/openapi.json").json == json.loads(json.dumps(DOCUMENT))
