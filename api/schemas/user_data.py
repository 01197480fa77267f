"""All that is known of one user, told or erased."""

from marshmallow import fields

from api.schemas.fields import PUBLIC_ID, SECURE_HASH, DoneSchema, EncryptedId, OpenSchema, SecureHash, StrictSchema
from api.security.id_cipher import IdKind


class ExportQuerySchema(StrictSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)


class EraseSchema(StrictSchema):
    EXAMPLE = {"userId": PUBLIC_ID, "secureHash": SECURE_HASH}

    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    secure_hash = SecureHash()


# --- answers -----------------------------------------------------------------------------


class ErasedDataSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    is_erased = fields.Boolean(data_key="isErased", required=True)


class ErasedSchema(DoneSchema):
    data = fields.Nested(ErasedDataSchema, required=True)


class ExportedUserSchema(OpenSchema):
    user_id = EncryptedId(IdKind.USER, data_key="userId", required=True)
    reference_id = fields.String(data_key="referenceId", required=True)
    person_name = fields.String(data_key="name", required=True)
    dob = fields.Date(required=True)
    gender = fields.Integer(data_key="genderType", required=True, metadata={"description": "9 after an erasure"})
    created_at = fields.DateTime(data_key="createdAt", required=True)
    erased_at = fields.DateTime(data_key="erasedAt", required=True, allow_none=True)


class ExportedAnswerSchema(OpenSchema):
    number = fields.Integer(required=True, metadata={"description": "of the user's submissions"})
    questionnaire_version = fields.Integer(data_key="questionnaireVersion", required=True)
    submitted_at = fields.DateTime(data_key="submittedAt", required=True)
    question = fields.String(required=True)
    option = fields.String(required=True, allow_none=True)
    answer_text = fields.String(data_key="answerText", required=True, allow_none=True)


class ExportedFavoriteSchema(OpenSchema):
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    added_at = fields.DateTime(data_key="addedAt", required=True)


class ExportedReminderSchema(OpenSchema):
    minutes = fields.String(required=True, metadata={"description": "before a session, with blanks between"})
    changed_at = fields.DateTime(data_key="changedAt", required=True)


class ExportedBookingSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    care_provider_id = EncryptedId(IdKind.CARE_PROVIDER, data_key="careProviderId", required=True)
    starts_at = fields.DateTime(data_key="startsAt", required=True)
    ends_at = fields.DateTime(data_key="endsAt", required=True)
    booking_status = fields.Integer(data_key="bookingStatus", required=True)
    meeting_id = fields.String(data_key="meetingId", required=True, allow_none=True)
    withdrawn_at = fields.DateTime(data_key="withdrawnAt", required=True, allow_none=True)
    withdrawn_by = fields.String(data_key="withdrawnBy", required=True, allow_none=True)
    withdrawal_reason = fields.String(data_key="withdrawalReason", required=True, allow_none=True)
    created_at = fields.DateTime(data_key="createdAt", required=True)


class ExportedOrderSchema(OpenSchema):
    booking_id = EncryptedId(IdKind.BOOKING, data_key="bookingId", required=True)
    order_status = fields.String(data_key="orderStatus", required=True)
    amount_minor = fields.Integer(data_key="amountMinor", required=True, metadata={"description": "hundredths"})
    is_charged_to_balance = fields.Boolean(data_key="isChargedToBalance", required=True)
    created_at = fields.DateTime(data_key="createdAt", required=True)


class ExportSchema(OpenSchema):
    user = fields.Nested(ExportedUserSchema, required=True)
    assessments = fields.List(fields.Nested(ExportedAnswerSchema), data_key="assessmentsList", required=True)
    favorites = fields.List(fields.Nested(ExportedFavoriteSchema), data_key="favoritesList", required=True)
    reminders = fields.List(fields.Nested(ExportedReminderSchema), data_key="remindersList", required=True)
    bookings = fields.List(fields.Nested(ExportedBookingSchema), data_key="bookingsList", required=True)
    orders = fields.List(fields.Nested(ExportedOrderSchema), data_key="ordersList", required=True)
