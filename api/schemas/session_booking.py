"""Booking and cancelling a session. Every field but secureHash is part of the hash."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas import MISSING
from api.schemas.fields import (
    CalendarDate,
    EncryptedId,
    GmtOffset,
    OneOf,
    SafeText,
    StrictSchema,
    TimeZoneName,
    TrueOrFalse,
    WallClock,
    is_empty,
)
from api.security.id_cipher import IdKind
from api.services import services
from repositories.enums import BookingPlatform, CommunicationType, GenderType

GUEST_FIELDS = ("referenceId", "name", "dob", "genderType")
OLDEST = date(1900, 1, 1)


class CancelBookingSchema(StrictSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    why = SafeText(data_key="cancellationReason", load_default=None, validate=validate.Length(max=500))
    secure_hash = fields.String(data_key="secureHash", required=True)


class BookSessionSchema(StrictSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", load_default=None)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)
    slot_id = EncryptedId(IdKind.APPLICATION_MULTI_SLOT, data_key="applicationMultiSlotId", required=True)
    communication_type = OneOf(CommunicationType, data_key="catCommunicationTypeId", required=True)
    is_from_mobile = TrueOrFalse(data_key="isBookingFromMobile", load_default=False)
    platform = OneOf(BookingPlatform, data_key="bookingPlatformId", load_default=BookingPlatform.API)
    reference_id = SafeText(data_key="referenceId", load_default=None, validate=validate.Length(max=100))
    person_name = SafeText(data_key="name", load_default=None, validate=validate.Length(max=200))
    dob = CalendarDate(data_key="dob", load_default=None)
    gender = OneOf(GenderType, data_key="genderType", load_default=None)
    gmt_offset = GmtOffset(data_key="gmtTimeDiffrenceHours", load_default=None)
    time_zone = TimeZoneName(data_key="timeZone", load_default=None)
    secure_hash = fields.String(data_key="secureHash", required=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def a_guest_is_described(self, _wish: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        # `original` is the body as sent: null and empty texts still stand in it.
        if not is_empty(original.get("userId")):
            return
        missing = {name: [MISSING] for name in GUEST_FIELDS if is_empty(original.get(name))}
        if missing:
            raise ValidationError(missing)

    @validates_schema(skip_on_field_errors=True)
    def one_zone_at_most(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["gmt_offset"] is not None and wish["time_zone"] is not None:
            raise ValidationError("Give timeZone or gmtTimeDiffrenceHours, not both.", "timeZone")

    @validates_schema(skip_on_field_errors=True)
    def nobody_is_born_tomorrow(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["dob"] is not None and not OLDEST <= wish["dob"] < services().clock().date():
            raise ValidationError("Must be a day in the past, after 1900.", "dob")
