"""Answers of the health checks."""

from marshmallow import fields, validate

from api.schemas.fields import OpenSchema

UP_OR_DOWN = validate.OneOf(["up", "down"])


class HealthSchema(OpenSchema):
    status = fields.String(required=True, validate=validate.Equal("up"))


class ReadinessSchema(OpenSchema):
    status = fields.String(required=True, validate=validate.OneOf(["ready", "degraded", "unready"]))
    dependencies = fields.Dict(keys=fields.String(), values=fields.String(validate=UP_OR_DOWN), required=True)
