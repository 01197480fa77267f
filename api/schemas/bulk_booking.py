"""Several bookings in one request."""

from marshmallow import fields, validate

from api.schemas.errors import FieldErrorSchema
from api.schemas.fields import DoneSchema, OpenSchema, StrictSchema, TrueOrFalse
from api.schemas.session_booking import BookingDataSchema, BookSessionSchema

MOST = 20


class BulkBookSchema(StrictSchema):
    """Each booking is a body of booksession, signed by itself; it is read, and refused, by itself too."""

    EXAMPLE = {"allOrNothing": False, "bookings": [dict(BookSessionSchema.EXAMPLE)]}

    all_or_nothing = TrueOrFalse(data_key="allOrNothing", load_default=False)
    bookings = fields.List(
        fields.Dict(keys=fields.String()),
        required=True,
        validate=validate.Length(min=1, max=MOST),
        metadata={"description": "bodies of booksession, each with its own secureHash"},
    )


class BulkDataSchema(OpenSchema):
    bookings = fields.List(fields.Nested(BookingDataSchema), required=True)


class BulkAnswerSchema(DoneSchema):
    data = fields.Nested(BulkDataSchema, required=True)


class BulkResultSchema(OpenSchema):
    index = fields.Integer(required=True)
    http_status = fields.Integer(data_key="httpStatus", required=True)
    status = fields.Integer(required=True, validate=validate.OneOf([0, 1]))
    data = fields.Nested(BookingDataSchema)
    is_replay = fields.Boolean(data_key="isReplay")
    reason = fields.Integer()
    message = fields.String()
    errors = fields.List(fields.Nested(FieldErrorSchema))


class BulkResultListSchema(OpenSchema):
    results = fields.List(fields.Nested(BulkResultSchema), required=True)


class BulkResultsSchema(DoneSchema):
    data = fields.Nested(BulkResultListSchema, required=True)
