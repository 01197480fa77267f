"""Booking and cancelling a session. Every field but secureHash is part of the hash."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas import MISSING
from api.schemas.fields import (
    PUBLIC_ID,
    SECURE_HASH,
    BirthDate,
    CalendarDate,
    DoneSchema,
    EncryptedId,
    OneOf,
    OpenSchema,
    SafeText,
    SecureHash,
    StrictSchema,
    TrueOrFalse,
    WallClock,
    ZonedSchema,
    is_empty,
)
from api.security.id_cipher import IdKind
from repositories.enums import Attempted, BookingPlatform, BookingStatus, CommunicationType, GenderType, OutcomeWord

GUEST_FIELDS = ("referenceId", "name", "dob", "genderType")


class CancelBookingSchema(StrictSchema):
    EXAMPLE = {
        "bookingId": PUBLIC_ID,
        "userId": PUBLIC_ID,
        "careProviderId": PUBLIC_ID,
        "cancellationReason": "Cannot come",
        "secureHash": SECURE_HASH,
    }

    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    why = SafeText(
        data_key="cancellationReason",
        load_default=None,
        validate=validate.Length(max=500),
    )
    secure_hash = SecureHash()


class ChosenSlotSchema(ZonedSchema):
    """A slot of a care provider, as the search shows it, in the partner's own time zone."""

    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)
    slot_id = EncryptedId(IdKind.APPLICATION_MULTI_SLOT, data_key="applicationMultiSlotId", required=True)


class RescheduleBookingSchema(ChosenSlotSchema):
    EXAMPLE = {
        "bookingId": PUBLIC_ID,
        "userId": PUBLIC_ID,
        "careProviderId": PUBLIC_ID,
        "slotDate": "2026-11-26",
        "slotStartTime": "10:00:00",
        "slotEndTime": "11:00:00",
        "applicationMultiSlotId": PUBLIC_ID,
        "secureHash": SECURE_HASH,
    }

    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    secure_hash = SecureHash()


class BookSessionSchema(ChosenSlotSchema):
    EXAMPLE = {
        "careProviderId": PUBLIC_ID,
        "slotDate": "2026-11-25",
        "slotStartTime": "10:00:00",
        "slotEndTime": "11:00:00",
        "applicationMultiSlotId": PUBLIC_ID,
        "catCommunicationTypeId": 1,
        "isBookingFromMobile": False,
        "bookingPlatformId": 3,
        "gmtTimeDiffrenceHours": 3,
        "referenceId": "ORG-USER-123",
        "name": "John Doe",
        "dob": "1990-05-15",
        "genderType": 1,
        "secureHash": SECURE_HASH,
    }

    user_id = EncryptedId(IdKind.USER, data_key="userId", load_default=None)
    communication_type = OneOf(CommunicationType, data_key="catCommunicationTypeId", required=True)
    is_from_mobile = TrueOrFalse(data_key="isBookingFromMobile", load_default=False)
    platform = OneOf(BookingPlatform, data_key="bookingPlatformId", load_default=BookingPlatform.API)
    reference_id = SafeText(
        data_key="referenceId",
        load_default=None,
        validate=validate.Length(max=100),
    )
    person_name = SafeText(data_key="name", load_default=None, validate=validate.Length(max=200))
    dob = BirthDate(data_key="dob", load_default=None)
    gender = OneOf(GenderType, data_key="genderType", load_default=None)
    secure_hash = SecureHash()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def a_guest_is_described(self, _wish: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        # `original` is the body as sent: null and empty texts still stand in it.
        if not is_empty(original.get("userId")):
            return
        missing = {name: [MISSING] for name in GUEST_FIELDS if is_empty(original.get(name))}
        if missing:
            raise ValidationError(missing)


# --- answers -----------------------------------------------------------------------------


class BookingDataSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    booking_status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    meeting_id = fields.String(data_key="meetingId", metadata={"description": "once it is confirmed"})
    starts_at = fields.DateTime(data_key="startsAt", metadata={"description": "of a booking that is moved"})
    ends_at = fields.DateTime(data_key="endsAt")


class BookingAnswerSchema(DoneSchema):
    data = fields.Nested(BookingDataSchema, required=True)


class CancellationSchema(OpenSchema):
    at = fields.DateTime(required=True)
    by = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)


class RescheduleSchema(OpenSchema):
    state = fields.String(required=True, validate=validate.OneOf(["pending", "done", "failed"]))
    starts_at = fields.DateTime(data_key="startsAt", required=True)
    ends_at = fields.DateTime(data_key="endsAt", required=True)
    reason = fields.Integer(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    failed_step = fields.String(data_key="failedStep", required=True, allow_none=True)


class AttemptSchema(OpenSchema):
    step = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf([word.value for word in Attempted]))
    attempt = fields.Integer(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf([word.value for word in OutcomeWord]))
    error = fields.String(required=True, allow_none=True)
    started_at = fields.DateTime(data_key="startedAt", required=True)
    duration_ms = fields.Float(data_key="durationMs", required=True)


class BookingViewSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    booking_status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    meeting_id = fields.String(data_key="meetingId", required=True, allow_none=True)
    starts_at = fields.DateTime(data_key="startsAt", required=True)
    ends_at = fields.DateTime(data_key="endsAt", required=True)
    reason = fields.Integer(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    failed_step = fields.String(data_key="failedStep", required=True, allow_none=True)
    cancellation = fields.Nested(CancellationSchema, required=True, allow_none=True)
    reschedule = fields.Nested(RescheduleSchema, required=True, allow_none=True)
    saga_status = fields.String(data_key="sagaStatus", required=True, allow_none=True)
    step = fields.String(required=True, allow_none=True)
    timeline = fields.List(fields.Nested(AttemptSchema), required=True)
