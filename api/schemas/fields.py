"""Fields of the wire: strict, so that a wrong type is named and never guessed at."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from functools import cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate, validates_schema

from api.schemas import UNSAFE
from api.security.anti_xss import is_safe_html, is_safe_text
from api.security.id_cipher import IdKind, IdTampered
from api.services import services

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PUBLIC_ID = "nvOIeDPWHv53WOzSwDGxp2CXMNFtavWXY6R0GYBnCkc"  # for examples
AN_ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
SECURE_HASH = "8f1f3a0d6f1f1c0a0f5f4b0a9d6f3c2e1b0a9f8e7d6c5b4a39281706f5e4d3c2"
OLDEST = date(1900, 1, 1)
QUARTER = 0.25  # hours: the finest step of an offset that is in use


def is_empty(value: object) -> bool:
    """Whether a value counts as absent: null, or a text of nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


class StrictSchema(Schema):
    """Unknown fields are refused; null and empty texts count as absent."""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {}  # a body as the OpenAPI document shows it

    @pre_load
    def leave_out_empty(self, body: Any, **_: Any) -> Any:
        if not isinstance(body, Mapping):  # within another: marshmallow names it
            return body
        return {name: value for name, value in body.items() if not is_empty(value)}


class Price(fields.Field[Decimal]):
    """An amount of money, not negative, in units of the currency; hundredths are kept exactly."""

    LOWEST, HIGHEST = 0, 10**12

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if type(value) not in {int, float}:
            raise ValidationError("Not a valid number.")
        low, high = self.LOWEST, self.HIGHEST
        if not low <= value <= high:
            raise ValidationError(f"Must be greater than or equal to {low} and less than or equal to {high}.")
        return Decimal(str(value))


class OpenSchema(Schema):
    """What we answer: clients must not mind a field more, so the document does not forbid it."""

    class Meta:
        unknown = EXCLUDE


class DoneSchema(OpenSchema):
    """That something was done; what came of it is the `data` of the answer."""

    status = fields.Integer(required=True, validate=validate.Equal(1))


class WholeNumber(fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class OneOf(WholeNumber):
    """A number of an enum."""

    def __init__(self, kind: type[IntEnum], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number not in self.kind.__members__.values():
            raise ValidationError(f"Must be one of: {', '.join(str(int(one)) for one in self.kind)}.")
        return self.kind(number)


class TrueOrFalse(fields.Boolean):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class SafeText(fields.String):
    """One line of text without anything that a browser could run; with `allows_html`, of no markup but formatting."""

    forbidden = CONTROL

    def __init__(self, *, allows_html: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allows_html = allows_html

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise ValidationError("Must not be blank.")
        if self.forbidden.search(text):
            raise ValidationError("Must not contain control characters.")
        if not (is_safe_html(text) if self.allows_html else is_safe_text(text)):
            raise ValidationError(UNSAFE)
        self._fits(text)
        return text

    def _fits(self, text: str) -> None:
        """SQL Server counts a letter beyond U+FFFF as two."""
        limits = [one.max for one in self.validators if isinstance(one, validate.Length) and one.max is not None]
        if limits and len(text.encode("utf-16-le")) // 2 > min(limits):
            raise ValidationError(f"Longer than maximum length {min(limits)}.")


class SecureHash(fields.String):
    """How the partner signed the request: the one field that is no part of the hash, with any other that says so in
    its metadata (`is_hashed=False`)."""

    NAME = "secureHash"

    def __init__(self) -> None:
        super().__init__(data_key=self.NAME, required=True, metadata={"is_hashed": False})


class SafeParagraph(SafeText):
    """Text of several lines."""

    forbidden = CONTROL_BUT_LINES


class ListOf(fields.List[dict[str, Any]]):
    """A list of objects; what is wrong is named by its place, such as `answers.3.answerText`."""

    def __init__(self, schema: type[StrictSchema], **kwargs: Any) -> None:
        super().__init__(fields.Nested(schema), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        found, wrong = [], {}
        for place, one in enumerate(value):
            try:
                found.append(self.inner.deserialize(one))
            except ValidationError as error:
                wrong[place] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return found


class EncryptedId(fields.String):
    def __init__(self, kind: IdKind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return services().id_cipher.decrypt(self._kind, super()._deserialize(value, attr, data, **kwargs))
        except IdTampered as error:
            raise ValidationError((IdTampered.__doc__ or "").strip()) from error


class CalendarDate(fields.String):
    """YYYY-MM-DD."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not DATE.fullmatch(text):
            raise ValidationError("Must be a date: YYYY-MM-DD.")
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise ValidationError("There is no such day.") from error


class BirthDate(CalendarDate):
    """A day in the past."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not OLDEST <= day < services().clock().date():
            raise ValidationError("Must be a day in the past, after 1900.")
        return day


class WallClock(fields.String):
    """HH:MM:SS or HH:MM."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not TIME.fullmatch(text):
            raise ValidationError("Must be a time: HH:MM:SS.")
        try:
            return time.fromisoformat(text)
        except ValueError as error:
            raise ValidationError("There is no such time.") from error


class GmtOffset(fields.Field[timezone]):
    """Hours ahead of GMT, in quarters: 3, 5.5, 5.75."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timezone:
        if type(value) not in {int, float}:
            raise ValidationError("Not a valid number.")
        if not -12 <= value <= 14 or value % QUARTER:
            raise ValidationError("Must be hours from -12 to 14, in quarters.")
        return timezone(timedelta(hours=value))


class TimeZoneName(fields.String):
    """An IANA name, such as Asia/Riyadh."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        name = super()._deserialize(value, attr, data, **kwargs)
        zone = zone_of(name)
        if zone is None:
            raise ValidationError("Not a time zone of the IANA database.")
        return zone


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str) -> tzinfo | None:
    return ZoneInfo(name) if name in _zone_names() else None


class ZonedSchema(StrictSchema):
    """Dates and times are wall-clock in the partner's time zone: a fixed offset or an IANA name; UTC without either."""

    gmt_offset = GmtOffset(data_key="gmtTimeDiffrenceHours", load_default=None)
    time_zone = TimeZoneName(data_key="timeZone", load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def one_zone_at_most(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["gmt_offset"] is not None and wish["time_zone"] is not None:
            raise ValidationError("Give timeZone or gmtTimeDiffrenceHours, not both.", "timeZone")


# --- what they are in OpenAPI's words ------------------------------------------------------


def described(_converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """What JSON Schema says of one of our own fields; apispec calls it for each."""
    match field:
        case OneOf():
            names = ", ".join(f"{int(one)} {one.name.capitalize()}" for one in field.kind)
            return {"type": "integer", "enum": [int(one) for one in field.kind], "description": names}
        case EncryptedId():
            return dict(AN_ID)
        case CalendarDate():
            return {"type": "string", "format": "date"}
        case WallClock():
            return {"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2})?$"}
        case Price():
            return {"type": "number", "minimum": Price.LOWEST, "maximum": Price.HIGHEST}
        case GmtOffset():
            return {"type": "number", "minimum": -12, "maximum": 14, "multipleOf": QUARTER}
        case TimeZoneName():
            return {"type": "string", "description": "IANA name"}
        case _:
            return {}
