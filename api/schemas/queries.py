"""Query strings: every value comes as text, and stands once."""

import re
from datetime import timezone
from enum import IntEnum
from typing import Any

from flask import request
from marshmallow import ValidationError, fields, validate

from api.errors import InvalidBody
from api.schemas import loaded
from api.schemas.fields import GmtOffset, StrictSchema, WholeNumber

DIGITS = re.compile(r"\d{1,9}", re.ASCII)
DECIMAL = re.compile(r"-?\d{1,2}(\.\d{1,2})?", re.ASCII)
LARGEST_PAGE, USUAL_PAGE = 100, 20


def query(schema: StrictSchema) -> dict[str, Any]:
    """The query string as the schema reads it. Raises InvalidBody naming every wrong parameter."""
    given = request.args.to_dict(flat=False)
    doubled = [{"field": name, "message": "Given more than once."} for name, values in given.items() if len(values) > 1]
    if doubled:
        raise InvalidBody(doubled)
    return loaded(schema, {name: values[0] for name, values in given.items()})


class Digits(WholeNumber):
    """A whole number, not negative."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(int(value), attr, data, **kwargs)


class Hours(GmtOffset):
    """As GmtOffset, in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timezone:
        if not DECIMAL.fullmatch(value):
            raise ValidationError("Not a valid number.")
        return super()._deserialize(float(value), attr, data, **kwargs)


class SomeOf(fields.String):
    """Numbers of an enum, with commas between: `1,6`."""

    def __init__(self, kind: type[IntEnum], **kwargs: Any) -> None:
        self.known = {str(int(one)): one for one in kind}
        names = ", ".join(f"{number} {one.name.capitalize()}" for number, one in self.known.items())
        number = f"({'|'.join(self.known)})"
        super().__init__(metadata={"description": names, "pattern": f"^{number}(,{number})*$"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        wished = set(super()._deserialize(value, attr, data, **kwargs).split(","))
        if not wished <= self.known.keys():
            raise ValidationError(f"Must be one of: {', '.join(self.known)}.")
        return tuple(one for number, one in self.known.items() if number in wished)


class PageSchema(StrictSchema):
    """Where a list goes on, and how many lines of it are wanted."""

    cursor = fields.String(load_default=None, metadata={"description": "nextCursor of the page before"})
    limit = Digits(load_default=USUAL_PAGE, validate=validate.Range(min=1, max=LARGEST_PAGE))
