"""The OpenAPI 3.1 document, made of the routes' contracts and schemas; nothing in it is written by hand twice.

apispec reads the marshmallow schemas; this file says what our own fields and contracts mean in OpenAPI's words.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from api.aliases import VERSIONED
from api.contract import Contract, Limit
from api.errors import (
    ANSWER_TO,
    HTTP_OF_REASON,
    MESSAGE_OF,
    BodyTooComplex,
    Forbidden,
    InvalidBody,
    MalformedBody,
    SecureHashWrong,
    TooManyRequests,
    Unauthenticated,
    UnsafeText,
)
from api.grants import TokenRevoked
from api.openapi_webhooks import webhooks_of
from api.schemas.errors import ErrorSchema
from api.schemas.fields import AN_ID, PUBLIC_ID, described
from api.security.jwt_tokens import TokenInvalid
from repositories.enums import Reason
from repositories.ports.errors import KeyInFlight, KeyReused, StoreUnavailable

TITLE, VERSION = "Tahoon", "1.0.0"
ABOUT = (
    "Partner organizations book therapy sessions for their own users. Get a token, register a user or book for a "
    "guest, find a care provider, book, and follow the booking until it ends. Every error has the same shape: look at "
    "its `reason`."
)
BEARER = "bearer"
ANYWHERE: tuple[type[Exception], ...] = (TooManyRequests, StoreUnavailable)
HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-Id": ("string", "Names this request in our logs."),
    "Location": ("string", "Where to ask on."),
    "Retry-After": ("integer", "Seconds until it is worth asking again."),
    "ETag": ("string", "Of this state."),
    "WWW-Authenticate": ("string", "RFC 6750."),
    "RateLimit": ("string", "What is left of the quota: requests `r`, and seconds `t` until it is whole again."),
    "RateLimit-Policy": ("string", "The quota of this kind of call: requests `q` in a window of `w` seconds."),
}
COUNTED = ("RateLimit", "RateLimit-Policy")
ABSENT = {"type": ["string", "null"], "pattern": r"^\s*$", "description": "null and blank text count as absent"}
BY_FRAMEWORK: dict[int, tuple[Reason, str]] = {
    413: (Reason.BODY_TOO_LARGE, "The body is too large."),
    415: (Reason.UNSUPPORTED_MEDIA_TYPE, "The body is not of the media type that is asked for."),
    500: (Reason.INTERNAL_ERROR, MESSAGE_OF[Reason.INTERNAL_ERROR]),
}


def document(app: Flask) -> dict[str, Any]:
    """The document of every versioned route and of the health checks of this app."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[marshmallow],
        info={"description": ABOUT},
        servers=[{"url": "/"}],
    )
    assert marshmallow.converter is not None  # noqa: S101  apispec sets it when the plugin is taken in
    marshmallow.converter.add_attribute_function(described)  # type: ignore[no-untyped-call]
    spec.components.security_scheme(BEARER, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for name, (kind, about) in HEADERS.items():
        spec.components.header(name, {"description": about, "schema": {"type": kind}})
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        view = app.view_functions[rule.endpoint]
        promise: Contract | None = getattr(view, "contract", None)
        if promise is not None and promise.is_documented and not _is_alias(rule):
            spec.path(path=_path_of(rule), operations=dict(_operations(rule, promise, view.__doc__ or "")))
    webhooks = webhooks_of(spec)
    written: dict[str, Any] = _without_null_defaults(spec.to_dict())
    written["webhooks"] = webhooks
    written["components"]["schemas"]["Absent"] = ABSENT
    for name in _requests(app):
        _let_absent_be_blank(written["components"]["schemas"][name])
    for methods in written["paths"].values():
        for said in methods.values():
            _let_absent_be_blank_in_query(said)
    return written


def _let_absent_be_blank_in_query(operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "query" and not parameter["required"]:
            parameter["schema"] = {"anyOf": [parameter["schema"], {"$ref": "#/components/schemas/Absent"}]}


def _requests(app: Flask) -> set[str]:
    """The names of all schemas that requests are read with."""
    found: set[str] = set()
    for view in app.view_functions.values():
        promise: Contract | None = getattr(view, "contract", None)
        if promise is not None and promise.body is not None:
            found |= _with_nested(promise.body())
    return found


def _with_nested(schema: Schema) -> set[str]:
    inner = (field.inner if isinstance(field, fields.List) else field for field in schema.fields.values())
    nested = (_with_nested(field.schema) for field in inner if isinstance(field, fields.Nested))
    return {_name_of(schema)}.union(*nested)


def _let_absent_be_blank(schema: dict[str, Any]) -> None:
    """A field that may be absent may be sent as null, or as blank text, too (StrictSchema)."""
    for name, said in schema["properties"].items():
        if name not in schema.get("required", ()):
            schema["properties"][name] = {"anyOf": [said, {"$ref": "#/components/schemas/Absent"}]}


def _without_null_defaults(part: Any) -> Any:
    """apispec writes `load_default=None` as a default of null, which the field's own type forbids."""
    if isinstance(part, dict):
        kept = {name: value for name, value in part.items() if (name, value) != ("default", None)}
        return {name: _without_null_defaults(value) for name, value in kept.items()}
    return [_without_null_defaults(one) for one in part] if isinstance(part, list) else part


def _is_alias(rule: Rule) -> bool:
    return rule.rule.startswith("/api/") and not rule.rule.startswith(VERSIONED)


def _name_of(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _path_of(rule: Rule) -> str:
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", lambda found: "{" + _camel(found[1]) + "}", rule.rule)


def _operations(rule: Rule, promise: Contract, doc: str) -> Iterator[tuple[str, dict[str, Any]]]:
    resource, _, name = rule.endpoint.rpartition(".")
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        operation: dict[str, Any] = {
            "operationId": _camel(name),
            "tags": [resource],
            "summary": " ".join(doc.split()),
            "parameters": [*_parameters(rule, promise, method)],
            "responses": _responses(rule, promise, method),
            "x-rate-limit": promise.limit.value,
        }
        if promise.scope is not None:
            operation["security"] = [{BEARER: [promise.scope.value]}]
        if promise.body is not None:
            operation["requestBody"] = {"required": True, "content": _contents(promise)}
        yield method.lower(), operation


def _contents(promise: Contract) -> dict[str, Any]:
    content = {"schema": promise.body, "example": dict(promise.body.EXAMPLE)} if promise.body else {}
    return dict.fromkeys(promise.media, content)


def _parameters(rule: Rule, promise: Contract, method: str) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        yield {"in": "path", "name": _camel(name), "required": True, "schema": {**AN_ID, "example": PUBLIC_ID}}
    if promise.query is not None:
        yield {"in": "query", "schema": promise.query}
    if promise.is_idempotent:
        told = "The same key with the same body is answered as before, for 24 hours."
        yield _header("Idempotency-Key", told, {"type": "string", "pattern": "^[!-~]{1,255}$"})
    if promise.waits:
        yield _header(
            "Prefer", "`wait=N`: hold the answer until it is final, N seconds at most (20).", example="wait=10"
        )
    if method == "GET" and promise.has_etag:
        yield _header("If-None-Match", "The ETag of an earlier answer; 304 if nothing changed.")


def _header(name: str, about: str, schema: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": about, "schema": schema or {"type": "string"}, **more}


# --- answers -----------------------------------------------------------------------------


def _responses(rule: Rule, promise: Contract, method: str) -> dict[str, Any]:
    refusals = refusals_of(promise, has_arguments=bool(rule.arguments))
    responses: dict[str, Any] = {}
    for status, schema in promise.answers.items():
        responses[str(status)] = _answer(status, schema, promise, refusals.pop(status, []))
    if method == "GET" and promise.has_etag:
        responses["304"] = {"description": "Not changed.", "headers": _headers()}
    for status, reasons in refusals.items():
        responses[str(status)] = _refusal(status, reasons)
    return dict(sorted(responses.items()))


def _answer(
    status: int, schema: type[Schema] | None, promise: Contract, reasons: list[tuple[Reason, str]]
) -> dict[str, Any]:
    named = [*(("Location", "Retry-After") if status == 202 else ()), *(("ETag",) if promise.has_etag else ())]
    named += COUNTED if promise.limit is not Limit.UNLIMITED else ()
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": _headers(*named)}
    if schema is not None:
        shape: Any = schema
        if reasons:
            shape = {"oneOf": [schema, ErrorSchema]}
            answer["description"] += f", or a refusal. {_told(reasons)}"
        answer["content"] = {"application/json": {"schema": shape}}
    return answer


def _refusal(status: int, reasons: list[tuple[Reason, str]]) -> dict[str, Any]:
    named = {401: ["WWW-Authenticate"], 429: ["Retry-After", *COUNTED], 503: ["Retry-After"]}.get(status, [])
    return {
        "description": f"{HTTPStatus(status).phrase}. {_told(reasons)}",
        "headers": _headers(*named),
        "content": {"application/json": {"schema": ErrorSchema}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _told(reasons: list[tuple[Reason, str]]) -> str:
    return " ".join(f"`{int(reason)}` {reason.name}: {message}" for reason, message in dict.fromkeys(reasons))


def refusals_of(promise: Contract, *, has_arguments: bool) -> dict[int, list[tuple[Reason, str]]]:
    """What the route can refuse, by HTTP status, beyond methods it does not have."""
    found: dict[int, list[tuple[Reason, str]]] = {}

    def note(status: int, reason: Reason, message: str) -> None:
        found.setdefault(status, []).append((reason, message))

    for error in _errors_of(promise, has_arguments=has_arguments):
        status, reason = ANSWER_TO[error]
        note(
            status, reason, MESSAGE_OF[reason] if error is StoreUnavailable else " ".join((error.__doc__ or "").split())
        )
        if error is InvalidBody and promise.body is not None:
            note(status, Reason.EMPTY_PARAMETER, MESSAGE_OF[Reason.EMPTY_PARAMETER])
    for status in (413, 415, 500) if promise.body is not None else (500,):
        note(status, *BY_FRAMEWORK[status])
    for reason in promise.ends:
        note(HTTP_OF_REASON[reason], reason, MESSAGE_OF[reason])
    return found


def message_of(error: type[Exception]) -> str:
    return " ".join((error.__doc__ or "").split())


def _errors_of(promise: Contract, *, has_arguments: bool) -> Iterator[type[Exception]]:
    if promise.body is not None or promise.query is not None or has_arguments or promise.is_idempotent:
        yield InvalidBody
    if promise.body is not None:
        yield from (MalformedBody, BodyTooComplex, UnsafeText)
    if promise.is_signed:
        yield SecureHashWrong
    if promise.scope is not None:
        yield from (Unauthenticated, TokenInvalid, TokenRevoked, Forbidden)
    if promise.is_idempotent:
        yield from (KeyReused, KeyInFlight)
    yield from promise.refusals
    if promise.limit is not Limit.UNLIMITED:
        yield from ANYWHERE
