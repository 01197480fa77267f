"""marshmallow schemas, in files named like those of api/routes; wire names are the inventory's."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from api.errors import InvalidBody, flat

MISSING = "Missing data for required field."


def loaded(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as the schema reads it. Raises InvalidBody naming every wrong field."""
    try:
        values: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        errors = flat(error.messages_dict)
        raise InvalidBody(errors, is_empty=any(line["message"] == MISSING for line in errors)) from None
    return values
