"""Opening, blocking and removing hours and slots of managed care providers."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas import MISSING
from api.schemas.care_provider import DAYS, WorkingHoursSchema
from api.schemas.fields import (
    PUBLIC_ID,
    CalendarDate,
    DoneSchema,
    EncryptedId,
    OpenSchema,
    StrictSchema,
    WallClock,
    ZonedSchema,
)
from api.security.id_cipher import IdKind

MOST_SLOTS, MOST_HOURS = 100, 31


class HoursSchema(StrictSchema):
    day = CalendarDate(data_key="scheduleDate", required=True, validate=DAYS)
    starts = WallClock(data_key="startTime", required=True)
    ends = WallClock(data_key="endTime", required=True)


class SlotSchema(StrictSchema):
    day = CalendarDate(data_key="slotDate", required=True, validate=DAYS)
    starts = WallClock(data_key="slotStartTime", required=True)
    ends = WallClock(data_key="slotEndTime", required=True)


class OpenAvailabilitySchema(ZonedSchema):
    EXAMPLE = {
        "careProviderId": PUBLIC_ID,
        "timeZone": "Asia/Riyadh",
        "hoursList": [{"scheduleDate": "2026-11-25", "startTime": "09:00:00", "endTime": "17:00:00"}],
        "slotsList": [{"slotDate": "2026-11-25", "slotStartTime": "10:00:00", "slotEndTime": "10:45:00"}],
    }

    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    hours = fields.List(
        fields.Nested(HoursSchema), data_key="hoursList", load_default=(), validate=validate.Length(max=MOST_HOURS)
    )
    slots = fields.List(
        fields.Nested(SlotSchema), data_key="slotsList", load_default=(), validate=validate.Length(max=MOST_SLOTS)
    )

    @validates_schema(skip_on_field_errors=True)
    def something_is_opened(self, wish: dict[str, Any], **_: Any) -> None:
        if not wish["hours"] and not wish["slots"]:
            raise ValidationError({"slotsList": [MISSING]})


class ChooseAvailabilitySchema(ZonedSchema):
    EXAMPLE = {
        "careProviderId": PUBLIC_ID,
        "applicationMultiSlotIds": [PUBLIC_ID],
        "slotAvailabilityIds": [],
        "timeZone": "Asia/Riyadh",
    }

    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    slot_ids = fields.List(
        EncryptedId(IdKind.APPLICATION_MULTI_SLOT),
        data_key="applicationMultiSlotIds",
        load_default=(),
        validate=validate.Length(max=MOST_SLOTS),
    )
    hours_ids = fields.List(
        EncryptedId(IdKind.SLOT),
        data_key="slotAvailabilityIds",
        load_default=(),
        validate=validate.Length(max=MOST_HOURS),
        metadata={"description": "hours: all slots that start in them"},
    )

    @validates_schema(skip_on_field_errors=True)
    def something_is_chosen(self, wish: dict[str, Any], **_: Any) -> None:
        if not wish["slot_ids"] and not wish["hours_ids"]:
            raise ValidationError({"applicationMultiSlotIds": [MISSING]})


# --- answers -----------------------------------------------------------------------------


class ManagedSlotSchema(OpenSchema):
    id = EncryptedId(IdKind.APPLICATION_MULTI_SLOT, data_key="applicationMultiSlotId", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)
    is_open = fields.Boolean(data_key="isOpen", required=True)
    is_booked = fields.Boolean(
        data_key="isBooked", required=True, metadata={"description": "a booking holds its time, and keeps it"}
    )


class ManagedDataSchema(OpenSchema):
    slots = fields.List(fields.Nested(ManagedSlotSchema), data_key="slotsList", required=True)
    hours = fields.List(fields.Nested(WorkingHoursSchema), data_key="workingHoursList", required=True)
    removed = fields.List(
        EncryptedId(IdKind.APPLICATION_MULTI_SLOT), data_key="removedApplicationMultiSlotIds", required=True
    )


class ManagedAnswerSchema(DoneSchema):
    data = fields.Nested(ManagedDataSchema, required=True)
