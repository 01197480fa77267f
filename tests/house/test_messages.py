"""Whatever a partner can read has its Arabic: errors, reasons, and what the schemas say of a field."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from marshmallow import Schema, fields, validate

import api
from api import schemas
from api.errors import ANSWER_TO, MESSAGE_OF, OF_HTTP, http_message, message_of
from api.messages import IN_ARABIC
from api.schemas.fields import OpenSchema

ARABIC_LETTERS = re.compile(r"[\u0621-\u064a]")
BRACES = re.compile(r"\{[^{}]*\}")
SAYING = {"ValidationError", "InvalidBody", "Problem"}  # what stands in their calls is read by partners
OF_MARSHMALLOW = ("type", "unknown")


def template(text: str) -> str:
    """`Longer than {max}.` as the table has it: `Longer than {}.`"""
    return BRACES.sub("{}", text)


# --- what the code says --------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(api.__path__, "api."):
        if not found.name.startswith(("api.cli", "api.ops")):  # an operator's
            yield importlib.import_module(found.name)


def written(node: ast.AST, names: dict[str, Any]) -> Iterator[str]:
    """The texts that this expression can be, as templates."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.Name(id=name) if isinstance(names.get(name), str):
            yield names[name]
        case ast.List(elts=inner) | ast.Tuple(elts=inner):
            for one in inner:
                yield from written(one, names)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if not (isinstance(key, ast.Constant) and key.value == "field"):
                    yield from written(value, names)
        case ast.DictComp(value=value):
            yield from written(value, names)
        case ast.IfExp(body=body, orelse=other):
            yield from written(body, names)
            yield from written(other, names)


def said_by(module: ModuleType) -> Iterator[str]:
    names = vars(module)
    for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in SAYING:
                yield from written(first, names)
            case ast.Call(keywords=keywords):
                for keyword in keywords:
                    if keyword.arg == "error":
                        yield from written(keyword.value, names)
            case ast.Assign(targets=[ast.Attribute(attr="detail")], value=value):
                yield from written(value, names)


def kinds() -> set[type[Exception]]:
    return set(ANSWER_TO)


def said() -> dict[str, str]:
    """Every message, and where it comes from."""
    found = {message_of(kind): kind.__name__ for kind in kinds()}
    found |= {text: reason.name for reason, text in MESSAGE_OF.items()}
    found |= {http_message(status): f"HTTP {status}" for status in (*OF_HTTP, 400, 500)}
    for module in [*modules(), *{inspect.getmodule(kind) for kind in kinds()}]:
        if module is not None:
            found |= dict.fromkeys(said_by(module), module.__name__)
    return found


# --- what marshmallow says -----------------------------------------------------------------


def schema_classes() -> set[type[Schema]]:
    found = set()
    for one in pkgutil.iter_modules(schemas.__path__):
        module = importlib.import_module(f"{schemas.__name__}.{one.name}")
        found |= {kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, Schema)}
    return {kind for kind in found if not issubclass(kind, OpenSchema)}  # an answer is never read, so says nothing


def inner(field: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    yield field
    if isinstance(field, fields.List):
        yield from inner(field.inner)


def of_field(field: fields.Field[Any]) -> Iterator[str]:
    yield from (text for text in field.error_messages.values() if isinstance(text, str))
    for validator in field.validators:
        if (own := getattr(validator, "error", None)) is not None:
            yield own
        elif isinstance(validator, validate.Range):
            yield from (validator.message_min, validator.message_max, validator.message_all)
        elif isinstance(validator, validate.Validator):
            yield from (text for name, text in inspect.getmembers(validator) if "message" in name and text)


def said_of_fields() -> dict[str, str]:
    found: dict[str, str] = {}
    for schema in schema_classes():
        found |= {schema._default_error_messages[name]: schema.__name__ for name in OF_MARSHMALLOW}
        for name, declared in schema._declared_fields.items():
            for field in inner(declared):
                found |= dict.fromkeys(of_field(field), f"{schema.__name__}.{name}")
    return found


MESSAGES = {template(text): where for text, where in {**said_of_fields(), **said()}.items()}


@pytest.mark.parametrize("text", sorted(MESSAGES))
def test_every_message_has_its_arabic(text: str) -> None:
    assert text in IN_ARABIC, f"{MESSAGES[text]}: add its Arabic to api/messages.py"


@pytest.mark.parametrize("text", sorted(IN_ARABIC))
def test_the_arabic_is_arabic_and_names_what_the_english_names(text: str) -> None:
    assert ARABIC_LETTERS.search(IN_ARABIC[text])
    assert IN_ARABIC[text].count("{}") == text.count("{}")
    assert "\n" not in text


def test_the_messages_are_found() -> None:
    for text in (
        "It could be cancelled or moved until {}.",
        "Must be one of: {}.",
        "Longer than maximum length {}.",
        "Missing data for required field.",
        "Not a valid value.",
        "There is no such day.",
    ):
        assert text in MESSAGES
