"""The one shape of every error."""

from marshmallow import fields, validate

from api.schemas.fields import OpenSchema


class FieldErrorSchema(OpenSchema):
    field = fields.String(required=True, metadata={"description": "wire name of the field or header"})
    message = fields.String(required=True)


class ErrorSchema(OpenSchema):
    status = fields.Integer(required=True, validate=validate.Equal(0))
    reason = fields.Integer(required=True, metadata={"description": "docs/reference/reasons.md", "example": 16})
    message = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldErrorSchema), required=True)
    request_id = fields.String(data_key="requestId", required=True)
