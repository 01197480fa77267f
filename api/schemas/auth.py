"""Requests for access tokens."""

from marshmallow import fields, validate

from api.schemas.fields import StrictSchema


class TokenRequestSchema(StrictSchema):
    grant_type = fields.String(required=True)
    access_key = fields.String(required=True, validate=validate.Length(max=500))
