"""Requests for access tokens."""

from marshmallow import EXCLUDE, fields, validate

from api.schemas.fields import OpenSchema, StrictSchema


class TokenRequestSchema(StrictSchema):
    EXAMPLE = {"grant_type": "password", "access_key": "demo-charity-key-7"}

    class Meta:
        unknown = EXCLUDE  # RFC 6749 3.2: parameters that are not recognized are ignored

    grant_type = fields.String(required=True)
    access_key = fields.String(required=True, validate=validate.Length(max=500))


class TokenSchema(OpenSchema):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.Equal("bearer"))
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})
