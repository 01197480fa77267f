"""What a partner looks back on."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.fields import CalendarDate, EncryptedId, OneOf, OpenSchema, TimeZoneName, WallClock
from api.schemas.queries import Hours, PageSchema, SomeOf
from api.schemas.session_booking import CancellationSchema
from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, CommunicationType

A_DAY = validate.Range(min=date(1900, 1, 1), max=date(8999, 12, 30))


class HistoryQuerySchema(PageSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", load_default=None)
    statuses = SomeOf(BookingStatus, data_key="status", load_default=None)
    first_day = CalendarDate(
        data_key="from", load_default=None, validate=A_DAY, metadata={"description": "first day of sessions"}
    )
    last_day = CalendarDate(
        data_key="to", load_default=None, validate=A_DAY, metadata={"description": "last day of sessions, included"}
    )
    gmt_offset = Hours(data_key="gmtTimeDiffrenceHours", load_default=None)
    time_zone = TimeZoneName(data_key="timeZone", load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def one_zone_at_most(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["gmt_offset"] is not None and wish["time_zone"] is not None:
            raise ValidationError("Give timeZone or gmtTimeDiffrenceHours, not both.", "timeZone")

    @validates_schema(skip_on_field_errors=True)
    def the_period_has_days(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["first_day"] and wish["last_day"] and wish["last_day"] < wish["first_day"]:
            raise ValidationError("Must not be before from.", "to")


# --- answers -----------------------------------------------------------------------------


class HistoryLineSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)
    starts_at = fields.DateTime(data_key="startsAt", required=True)
    ends_at = fields.DateTime(data_key="endsAt", required=True)
    communication_type = OneOf(CommunicationType, data_key="catCommunicationTypeId", required=True)
    meeting_id = fields.String(data_key="meetingId", required=True, allow_none=True)
    reason = fields.Integer(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    failed_step = fields.String(data_key="failedStep", required=True, allow_none=True)
    cancellation = fields.Nested(CancellationSchema, required=True, allow_none=True)
    booked_at = fields.DateTime(data_key="bookedAt", required=True)


class HistorySchema(OpenSchema):
    bookings = fields.List(fields.Nested(HistoryLineSchema), data_key="bookingsList", required=True)
    next_cursor = fields.String(data_key="nextCursor", required=True, allow_none=True)
