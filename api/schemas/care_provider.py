"""Finding a care provider: what partners ask and what they are shown."""

from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.fields import (
    PUBLIC_ID,
    CalendarDate,
    EncryptedId,
    GmtOffset,
    OneOf,
    OpenSchema,
    Price,
    StrictSchema,
    TimeZoneName,
    TrueOrFalse,
    WallClock,
    WholeNumber,
    ZonedSchema,
)
from api.security.id_cipher import IdKind
from repositories.enums import BookingStatus, GenderType

MOST_PROFILES = 20
MOST_IDS = 20  # of one field of a filter
MOST_ID = 2**31 - 1
ANY = 0  # level
KNOWN_IDS = validate.Range(min=1, max=MOST_ID)
FARTHEST = 1_000  # care providers that can be reached by counting pages
DAYS = validate.Range(min=date(2000, 1, 1), max=date(2100, 1, 1))


class ProfilesSchema(StrictSchema):
    EXAMPLE = {"careProviderIds": [PUBLIC_ID]}

    care_provider_ids = fields.List(
        EncryptedId(IdKind.CARE_PROVIDER),
        data_key="careProviderIds",
        required=True,
        validate=validate.Length(min=1, max=MOST_PROFILES),
    )


class FilterSchema(StrictSchema):
    """Of several values of one field any will do; of several fields, each must fit."""

    gender = OneOf(GenderType, data_key="genderType", load_default=None)
    language_ids = fields.List(
        WholeNumber(validate=KNOWN_IDS), data_key="languageIds", load_default=(), validate=validate.Length(max=MOST_IDS)
    )
    specialty_ids = fields.List(
        WholeNumber(validate=KNOWN_IDS),
        data_key="specialtyIds",
        load_default=(),
        validate=validate.Length(max=MOST_IDS),
    )
    experience_level = WholeNumber(data_key="experienceLevel", load_default=ANY, validate=validate.Range(0, MOST_ID))
    provider_level = WholeNumber(data_key="serviceProviderLevel", load_default=ANY, validate=validate.Range(0, MOST_ID))
    min_price = Price(data_key="minPrice", load_default=None)
    max_price = Price(data_key="maxPrice", load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def some_price_is_between(self, wish: dict[str, Any], **_: Any) -> None:
        if None not in (wish["min_price"], wish["max_price"]) and wish["min_price"] > wish["max_price"]:
            raise ValidationError("Must not be less than minPrice.", "maxPrice")


class SearchSchema(ZonedSchema):
    EXAMPLE = {
        "scheduleDate": "2026-11-25",
        "gmtTimeDiffrenceHours": 3,
        "applyFilter": True,
        "filterCriteriaObject": {
            "genderType": 0,
            "languageIds": [1, 2],
            "specialtyIds": [3, 5],
            "experienceLevel": 2,
            "serviceProviderLevel": 3,
            "minPrice": 100,
            "maxPrice": 500,
        },
        "page": 1,
        "pageSize": 20,
    }

    user_id = EncryptedId(IdKind.USER, data_key="userId", load_default=None)
    from_day = CalendarDate(data_key="scheduleDate", load_default=None, validate=DAYS)
    apply_filter = TrueOrFalse(data_key="applyFilter", load_default=True)
    filter = fields.Nested(FilterSchema, data_key="filterCriteriaObject", load_default=None)
    page = WholeNumber(load_default=None, validate=validate.Range(min=1), metadata={"description": "1 is the first"})
    page_size = WholeNumber(data_key="pageSize", load_default=20, validate=validate.Range(min=1, max=50))
    cursor = fields.String(load_default=None, metadata={"description": "nextCursor of the page before"})

    @validates_schema(skip_on_field_errors=True)
    def pages_end_somewhere(self, wish: dict[str, Any], **_: Any) -> None:
        if wish["page"] is not None and wish["cursor"] is not None:
            raise ValidationError("Give page or cursor, not both.", "cursor")
        if (wish["page"] or 1) * wish["page_size"] > FARTHEST:
            raise ValidationError(f"Farther than {FARTHEST} care providers: go on with cursor.", "page")


class ScheduleSchema(ZonedSchema):
    EXAMPLE = {"careProviderId": PUBLIC_ID, "scheduleDate": "2026-11-25", "gmtTimeDiffrenceHours": 3, "days": 7}

    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    user_id = EncryptedId(IdKind.USER, data_key="userId", load_default=None)
    from_day = CalendarDate(data_key="scheduleDate", load_default=None, validate=DAYS)
    days = WholeNumber(load_default=7, validate=validate.Range(min=1, max=31))


# --- answers -----------------------------------------------------------------------------


class NamedSchema(OpenSchema):
    id = fields.Integer(required=True)
    name_plang = fields.String(data_key="namePLang", required=True, metadata={"description": "primary language"})
    name_slang = fields.String(data_key="nameSLang", required=True, metadata={"description": "secondary language"})


class ExperienceLevelSchema(NamedSchema):
    min_years = fields.Integer(data_key="minYears", required=True)


class CatalogueSchema(OpenSchema):
    languages = fields.List(fields.Nested(NamedSchema), data_key="languagesList", required=True)
    specialties = fields.List(fields.Nested(NamedSchema), data_key="specialtiesList", required=True)
    experience_levels = fields.List(
        fields.Nested(ExperienceLevelSchema), data_key="experienceLevelsList", required=True
    )
    provider_levels = fields.List(fields.Nested(NamedSchema), data_key="providerLevelsList", required=True)


class SlotDurationSchema(OpenSchema):
    id = EncryptedId(IdKind.CARE_PROVIDER_SLOT_DURATION, data_key="careProviderSlotDurationId", required=True)
    minutes = fields.Integer(data_key="durationMinutes", required=True)


class SessionRateSchema(SlotDurationSchema):
    amount = fields.Float(required=True, metadata={"description": "price of a session of this length"})


class ProviderSchema(OpenSchema):
    id = EncryptedId(
        IdKind.CARE_PROVIDER,
        data_key="userLoginInfoId",
        required=True,
        metadata={"description": "the careProviderId of all other calls"},
    )
    full_name = fields.String(data_key="fullName", required=True)
    gender = OneOf(GenderType, data_key="genderType", required=True)
    languages = fields.List(fields.Nested(NamedSchema), data_key="languagesList", required=True)
    specialties = fields.List(fields.Nested(NamedSchema), data_key="specialtiesList", required=True)
    experience_years = fields.Integer(data_key="experienceYears", required=True)
    experience_level = fields.Integer(data_key="experienceLevel", required=True, allow_none=True)
    provider_level = fields.Integer(data_key="serviceProviderLevel", required=True)
    hourly_rate = fields.Float(data_key="hourlyRate", required=True)
    profile_image_url = fields.String(data_key="profileImageUrl", required=True)
    rating = fields.Float(required=True)


class FreeSlotSchema(OpenSchema):
    """With the fields of booksession: a booking takes it as it is."""

    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    slot_id = EncryptedId(IdKind.APPLICATION_MULTI_SLOT, data_key="applicationMultiSlotId", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)
    gmt_offset = GmtOffset(data_key="gmtTimeDiffrenceHours", metadata={"description": "as in the request"})
    time_zone = TimeZoneName(data_key="timeZone")


class FreeHourSchema(OpenSchema):
    """An hour by the wall clock in which a free slot starts."""

    schedule_date = CalendarDate(data_key="scheduleDate", required=True)
    start_time = WallClock(data_key="startTime", required=True)
    end_time = WallClock(data_key="endTime", required=True)
    slots = fields.Integer(data_key="availableSlots", required=True)


class FoundProviderSchema(ProviderSchema):
    """With what is free on the first day on which anything is."""

    hours = fields.List(fields.Nested(FreeHourSchema), data_key="availableScheduleHoursList", required=True)
    slots = fields.List(fields.Nested(FreeSlotSchema), data_key="availableSlotsList", required=True)
    duration = fields.Nested(
        SlotDurationSchema,
        data_key="slotDurationType",
        required=True,
        metadata={"description": "of the first slot"},
    )


class FoundProvidersSchema(OpenSchema):
    care_providers = fields.List(fields.Nested(FoundProviderSchema), data_key="careProvidersList", required=True)
    page = fields.Integer(required=True, allow_none=True, metadata={"description": "null after a cursor"})
    page_size = fields.Integer(data_key="pageSize", required=True)
    next_cursor = fields.String(
        data_key="nextCursor", required=True, allow_none=True, metadata={"description": "null: there is nothing more"}
    )


class BookedSlotSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    status = OneOf(BookingStatus, data_key="bookingStatus", required=True)
    slot_id = EncryptedId(IdKind.APPLICATION_MULTI_SLOT, data_key="applicationMultiSlotId", required=True)
    slot_date = CalendarDate(data_key="slotDate", required=True)
    slot_start_time = WallClock(data_key="slotStartTime", required=True)
    slot_end_time = WallClock(data_key="slotEndTime", required=True)


class WorkingHoursSchema(OpenSchema):
    id = EncryptedId(IdKind.SLOT, data_key="slotAvailabilityId", required=True)
    schedule_date = CalendarDate(data_key="scheduleDate", required=True)
    start_time = WallClock(data_key="startTime", required=True)
    end_date = CalendarDate(data_key="endDate", required=True)
    end_time = WallClock(data_key="endTime", required=True)


class ScheduleAnswerSchema(OpenSchema):
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    hours = fields.List(fields.Nested(FreeHourSchema), data_key="availableScheduleHoursList", required=True)
    slots = fields.List(fields.Nested(FreeSlotSchema), data_key="availableSlotsList", required=True)
    booked = fields.List(
        fields.Nested(BookedSlotSchema),
        data_key="bookedSlotsList",
        required=True,
        metadata={"description": "sessions that this user has booked; nobody else's are shown"},
    )
    working_hours = fields.List(fields.Nested(WorkingHoursSchema), data_key="workingHoursList", required=True)
    durations = fields.List(fields.Nested(SlotDurationSchema), data_key="slotDurationTypesList", required=True)


class QualificationSchema(OpenSchema):
    title_plang = fields.String(data_key="titlePLang", required=True)
    title_slang = fields.String(data_key="titleSLang", required=True)
    issuer_plang = fields.String(data_key="issuerPLang", required=True)
    issuer_slang = fields.String(data_key="issuerSLang", required=True)
    number = fields.String(required=True)
    from_year = fields.Integer(data_key="fromYear", required=True, allow_none=True)
    to_year = fields.Integer(data_key="toYear", required=True, allow_none=True)


class ProfileSchema(ProviderSchema):
    full_name_plang = fields.String(data_key="fullNamePLang", required=True)
    full_name_slang = fields.String(data_key="fullNameSLang", required=True)
    title_plang = fields.String(data_key="titlePLang", required=True)
    title_slang = fields.String(data_key="titleSLang", required=True)
    short_bio_plang = fields.String(data_key="shortBioPLang", required=True)
    short_bio_slang = fields.String(data_key="shortBioSLang", required=True)
    long_bio_plang = fields.String(data_key="longBioPLang", required=True)
    long_bio_slang = fields.String(data_key="longBioSLang", required=True)
    country_code = fields.String(data_key="countryCode", required=True, metadata={"description": "ISO 3166"})
    time_zone = fields.String(data_key="timeZone", required=True, metadata={"description": "IANA name"})
    reviews_count = fields.Integer(data_key="reviewsCount", required=True)
    images = fields.List(fields.String(), data_key="profileImagesList", required=True)
    credentials = fields.List(fields.Nested(QualificationSchema), data_key="credentialsList", required=True)
    education = fields.List(fields.Nested(QualificationSchema), data_key="educationList", required=True)
    certifications = fields.List(fields.Nested(QualificationSchema), data_key="certificationsList", required=True)
    session_rates = fields.List(fields.Nested(SessionRateSchema), data_key="sessionRatesList", required=True)


class ProfilesAnswerSchema(OpenSchema):
    care_providers = fields.List(fields.Nested(ProfileSchema), data_key="careProvidersList", required=True)
