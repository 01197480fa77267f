"""Finding a care provider: what partners ask and what they are shown."""

from marshmallow import fields, validate

from api.schemas.fields import PUBLIC_ID, EncryptedId, OneOf, OpenSchema, StrictSchema
from api.security.id_cipher import IdKind
from repositories.enums import GenderType

MOST_PROFILES = 20


class ProfilesSchema(StrictSchema):
    EXAMPLE = {"careProviderIds": [PUBLIC_ID]}

    care_provider_ids = fields.List(
        EncryptedId(IdKind.CARE_PROVIDER),
        data_key="careProviderIds",
        required=True,
        validate=validate.Length(min=1, max=MOST_PROFILES),
    )


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
