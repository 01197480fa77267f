"""marshmallow schemas, in files named like those of api/routes; wire names are the inventory's."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from api.errors import InvalidBody, UnsafeText, flat

MISSING = "Missing data for required field."
UNSAFE = "Must not hold what a browser could run."


def loaded(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as the schema reads it. Raises InvalidBody, or UnsafeText, naming every wrong field."""
    try:
        values: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        errors = flat(error.messages_dict)
        if any(line["message"] == UNSAFE for line in errors):
            raise UnsafeText(errors) from None
        raise InvalidBody(errors, is_empty=any(line["message"] == MISSING for line in errors)) from None
    return values
