"""Requests for access tokens."""

from marshmallow import EXCLUDE, fields, validate

from api.schemas.fields import StrictSchema


class TokenRequestSchema(StrictSchema):
    class Meta:
        unknown = EXCLUDE  # RFC 6749 3.2: parameters that are not recognized are ignored

    grant_type = fields.String(required=True)
    access_key = fields.String(required=True, validate=validate.Length(max=500))
