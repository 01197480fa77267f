"""A partner's own lines of the audit log."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.fields import OpenSchema
from api.schemas.queries import PageSchema
from repositories.enums import DeedOutcome

ACTION = re.compile(r"[a-z_-]{1,20}(\.[a-z_-]{1,20}){1,2}\Z")  # operator.access-key.add, too
RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


class Instant(fields.String):
    """RFC 3339, with an offset or Z; a plus in a query string is written %2B."""

    def __init__(self, *, metadata: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(metadata={"format": "date-time", **(metadata or {})}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return _utc(text)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Must be an instant: YYYY-MM-DDTHH:MM:SSZ.") from error


def _utc(text: str) -> datetime:
    if not RFC_3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text).astimezone(UTC)


class AuditQuerySchema(PageSchema):
    action = fields.String(
        load_default=None, validate=validate.Regexp(ACTION, error="Must be an action: booking.accept.")
    )
    since = Instant(data_key="from", load_default=None)
    until = Instant(data_key="to", load_default=None, metadata={"description": "not included"})

    @validates_schema(skip_on_field_errors=True)
    def the_period_does_not_end_before_it_begins(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["since"] and wish["until"] and wish["until"] < wish["since"]:
            raise ValidationError("Must not be before from.", "to")


# --- answers -----------------------------------------------------------------------------


class AuditLineSchema(OpenSchema):
    at = fields.DateTime(required=True)
    action = fields.String(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf([one.value for one in DeedOutcome]))
    http_status = fields.Integer(data_key="httpStatus", required=True, allow_none=True)
    reason = fields.Integer(required=True, allow_none=True)
    resource_kind = fields.String(data_key="resourceKind", required=True, allow_none=True)
    resource_id = fields.String(data_key="resourceId", required=True, allow_none=True)
    access_key_id = fields.String(data_key="accessKeyId", required=True, allow_none=True)
    token_id = fields.String(data_key="tokenId", required=True, allow_none=True)
    request_id = fields.String(data_key="requestId", required=True)
    seal = fields.String(required=True)


class AuditSchema(OpenSchema):
    lines = fields.List(fields.Nested(AuditLineSchema), data_key="auditList", required=True)
    next_cursor = fields.String(data_key="nextCursor", required=True, allow_none=True)
