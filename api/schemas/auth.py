"""Requests for tokens, and for their end. Parameters that are not recognized are ignored (RFC 6749 3.2)."""

from typing import Any, ClassVar

from marshmallow import EXCLUDE, ValidationError, fields, validate, validates_schema

from api.schemas import MISSING
from api.schemas.fields import DoneSchema, OpenSchema, StrictSchema

LONGEST_KEY, LONGEST_TOKEN, LONGEST_SCOPE = 500, 5000, 1000
NEEDED = {"password": "access_key", "client_credentials": "access_key", "refresh_token": "refresh_token"}


def scope() -> fields.String:
    about = "words with blanks between; all that were granted, if left out"
    return fields.String(
        load_default=None, validate=validate.Length(max=LONGEST_SCOPE), metadata={"description": about}
    )


class OAuthSchema(StrictSchema):
    class Meta:
        unknown = EXCLUDE

    access_key = fields.String(load_default=None, validate=validate.Length(max=LONGEST_KEY))
    client_secret = fields.String(load_default=None, metadata={"description": "OAuth's name for the access_key"})


class TokenRequestSchema(OAuthSchema):
    EXAMPLE: ClassVar = {"grant_type": "password", "access_key": "demo-charity-key-7"}

    grant_type = fields.String(required=True, metadata={"description": "password, client_credentials or refresh_token"})
    refresh_token = fields.String(load_default=None, validate=validate.Length(max=LONGEST_TOKEN))
    scope = scope()

    @validates_schema
    def a_grant_needs_its_secret(self, wish: dict[str, Any], **_: Any) -> None:
        needed = NEEDED.get(wish["grant_type"])
        if needed is not None and wish[needed] is None:
            raise ValidationError({needed: [MISSING]})


class RefreshRequestSchema(OAuthSchema):
    EXAMPLE: ClassVar = {"refresh_token": "tahoon_rt_Yk0vW5s8m2b1Q9f3N7x4c6R0t8Z5d1aEo2L9u7iPqXs"}

    refresh_token = fields.String(required=True, validate=validate.Length(max=LONGEST_TOKEN))
    scope = scope()


class RevocationSchema(OAuthSchema):
    EXAMPLE: ClassVar = {"token": RefreshRequestSchema.EXAMPLE["refresh_token"], "access_key": "demo-charity-key-7"}

    token = fields.String(required=True, validate=validate.Length(max=LONGEST_TOKEN))
    token_type_hint = fields.String(load_default=None)  # RFC 7009 2.1; a token's form says enough


class TokenSchema(OpenSchema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.Equal("bearer"))
    expires_in = fields.Integer(required=True, metadata={"description": "seconds that the access_token is good"})
    refresh_token = fields.String(required=True, metadata={"description": "for the next ones; good once"})
    scope = fields.String(required=True, metadata={"description": "what the access_token may do"})


class RevokedSchema(DoneSchema):
    data = fields.Dict(required=True)
