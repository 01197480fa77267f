"""Kinds of settings: how the text of an environment variable becomes a value, and when it is refused."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields, validate

from config.settings import Secret
from databases.addresses import address_of
from databases.strings import ConnectionStringWrong
from integrations.videosdk.webhooks import KeyUnusable, public_key
from repositories.entities.reminders import LONGEST, MOST_REMINDERS, SHORTEST

SHORTEST_SECRET = 32  # characters
LONG_ENOUGH = validate.Length(min=SHORTEST_SECRET, error=f"Must be {SHORTEST_SECRET} characters or more.")
WEB_ADDRESS = validate.URL(schemes={"http", "https"}, require_tld=False)


class Seconds(fields.TimeDelta):
    """Seconds, also parts of one; what is no number passes, for `TimeDelta` to refuse."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(precision="milliseconds", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:
        with suppress(ValueError, OverflowError):
            value = str(round(float(value) * 1000))
        return super()._deserialize(value, attr, data, **kwargs)


class SecretText(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Secret:
        return Secret(super()._deserialize(value, attr, data, **kwargs))


class SecretTexts(fields.String):
    """Secrets with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        texts = super()._deserialize(value, attr, data, **kwargs).split(",")
        given = tuple(Secret(text.strip()) for text in texts if text.strip())
        if any(len(one) < SHORTEST_SECRET for one in given):
            raise ValidationError(f"Each must be {SHORTEST_SECRET} characters or more, with commas between.")
        return given


class DatabaseAddress(SecretText):
    """A SQLAlchemy address; a connection string in the manner of ADO.NET becomes one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Secret:
        given = super()._deserialize(value, attr, data, **kwargs)
        try:
            return Secret(address_of(given, key=data.get("connection_key")))
        except ConnectionStringWrong as wrong:
            raise ValidationError(f"Cannot be used: {wrong}.") from None


class PublicKey(fields.String):
    """An RSA public key in PEM, whose line ends an environment variable may hold as `\\n`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        pem: str = super()._deserialize(value, attr, data, **kwargs).replace("\\n", "\n")
        try:
            public_key(pem)
        except KeyUnusable:
            raise ValidationError("Must be an RSA public key in PEM.") from None
        return pem


class Ports(fields.String):
    """Port numbers with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        texts = [text.strip() for text in super()._deserialize(value, attr, data, **kwargs).split(",")]
        if not all(text.isascii() and text.isdigit() and 0 < int(text) < 65_536 for text in texts):
            raise ValidationError("Must be port numbers, with commas between.")
        return tuple(int(text) for text in texts)


class Minutes(fields.String):
    """Minutes before a session, with commas between; none: an empty list is `0`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs).split(",")
        if not all(text.strip().isdecimal() for text in given):
            raise ValidationError("Must be whole minutes, with commas between.")
        minutes = {int(text) for text in given} - {0}
        if len(minutes) > MOST_REMINDERS or not all(SHORTEST <= one <= LONGEST for one in minutes):
            raise ValidationError(f"At most {MOST_REMINDERS}, each {SHORTEST} to {LONGEST}; or 0 for none.")
        return tuple(sorted(minutes, reverse=True))


class FilePath(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return Path(super()._deserialize(value, attr, data, **kwargs))


def seconds(default: float, help_text: str, *, at_least: float = 0.01) -> Seconds:
    return Seconds(
        metadata={"help": help_text},
        load_default=timedelta(seconds=default),
        validate=validate.Range(min=timedelta(seconds=at_least), error=f"Must be {at_least} seconds or more."),
    )


def requests(default: int, help_text: str) -> fields.Integer:
    return fields.Integer(
        load_default=default,
        validate=validate.Range(min=1),
        metadata={"help": f"requests a minute {help_text}"},
    )


def places(service: str) -> fields.Integer:
    return fields.Integer(
        load_default=12,
        validate=validate.Range(min=1, max=10_000),
        metadata={
            "help": f"calls of {service} at one time, by all workers together; "
            "fewer than their threads, so that it never takes all of them"
        },
    )


def address(help_text: str) -> SecretText:
    return SecretText(required=True, validate=validate.Length(min=1), metadata={"help": help_text})


def secret(help_text: str) -> SecretText:
    return SecretText(required=True, validate=LONG_ENOUGH, metadata={"help": help_text})


def further_secrets(help_text: str) -> SecretTexts:
    return SecretTexts(load_default=(), metadata={"help": help_text})


def flower_password(help_text: str) -> SecretText:
    """Sent as HTTP Basic, which says nothing of what is not ASCII."""
    return SecretText(
        load_default=None,
        validate=validate.Regexp(r"\A[!-~]{16,}\Z", error="Must be 16 or more ASCII letters, digits and signs."),
        metadata={"help": help_text},
    )
